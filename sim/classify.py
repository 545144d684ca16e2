"""Any recording through the simulated hardware: a class for every ten seconds, or, by a network of beats, for every beat that the
QRS detector finds; as a table, as files, as a picture and as a page."""

from typing import Annotated

import typer

from sim.records import beats, command, opening, windows
from sw import cli
from sw.data import source
from sw.export import bundle, bundles

EXAMPLE = "200"

app = cli.new_app(__doc__)


@app.command()
def main(
    record: Annotated[
        str, typer.Option(help="WFDB record without its ending, EDF, BDF, CSV or .npy file, folder, or several with commas")
    ] = "",
    lead: command.Lead = "",
    model: Annotated[str, typer.Option(help="Shipped model")] = "bnn17",
    path: Annotated[str, typer.Option("--bundle", help="Folder of a bundle instead")] = "",
    invert: command.Invert = False,
    strict: command.Strict = False,
    rate: command.Rate = "",
    start: command.Start = "",
    stop: command.Stop = "",
) -> None:
    """Classify a recording in windows of ten seconds, or beat by beat, on the simulated hardware (not a medical device)."""
    if not record:
        record = str(source.find().path / EXAMPLE)
        cli.warn(f"no record given (RECORD=path/to/record); taking {record}")
    packed = bundles.read(bundle.locate(model, path))
    of_beats = packed.network.words or bundles.of_images(packed)
    kind = beats if of_beats else windows
    wish = opening.Wish(lead, invert, strict, rate, start, stop)
    harness = command.Late(lambda: kind.hardware(packed))
    command.answer(
        record, wish, packed, packed.normaliser.raw_bits, packed.model, lambda opened: kind.classify(packed, opened, harness.made)
    )


if __name__ == "__main__":
    cli.run(app)
