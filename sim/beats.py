"""``make beats``: raw recordings through detector and beat network, no annotation used; then scored against the annotations.

The reference chain runs on every record that is asked for, the RTL on some (with ``FULL=1`` on all) and must agree on every beat;
a network of images, which takes hundreds of thousands of cycles a beat, goes through the RTL on the first beats of each. Scores are
those of EC57: a beat counts as found within 150 ms; the first five minutes are a learning period. Leaves WFDB annotation files of
its own annotator in ``build/beats/annotations`` (of another network than bnnbeat5 in ``build/beats/<model>/annotations``).
"""

from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from hw import verilog
from sim import verilator
from sim.bulk import record as bulk
from sim.bulk.record import Harness
from sim.records import beats as of_record
from sim.records import command, opening
from sw import cli, files, honesty, report
from sw.beats import annotations, chain, score
from sw.data import beats, mitbih, source
from sw.export import bundle, bundles
from sw.qrs import evaluate

MODEL = "bnnbeat5"
MODELS = (MODEL, "gasf5")
HOME = files.BUILD / "beats"
# Through the RTL where not all are: pauses and nearly all of the S beats; ventricular beats and fusions.
FEW = ("232", "213")
# Of a network of images that many beats at least go through the RTL: altogether; with ``FULL=1``, of each record.
IN_ALL, OF_EACH = 40, 20
# Without the one record that holds most of DS2's S beats.
SETS = {"DS2": beats.DS2, "DS2 without 232": tuple(r for r in beats.DS2 if r != "232")}


def matrices(found: source.Source, record: str, made: chain.Labelled, classes: tuple[str, ...]) -> dict[str, np.ndarray]:
    """EC57's confusion matrix of a record for each way of counting."""
    label = score.labels(made.symbols(classes))
    sample, symbol, _ = found.annotations(record)
    out = {}
    for name, way in evaluate.WAYS.items():
        truth = score.reference(sample, symbol, way.exempt_flutter)
        out[name] = score.confusion(truth, score.compare(truth, made.position, way.start), label)
    return out


def gross(counted: dict[str, np.ndarray]) -> dict[str, dict]:
    """Figures of all beats of each set whose records are all there."""
    return {
        name: score.figures(sum(counted[record] for record in members))
        for name, members in SETS.items()
        if set(members) <= counted.keys()
    }


def run_rtl(
    harness: Harness, found: source.Source, made: dict[str, chain.Labelled], names: list[str], least: int | None, bar
) -> dict:
    """Records through the RTL, whole ones, or with ``least`` the beginning of each with so many beats; every beat's place, logits
    and label must be those of the reference. The canary: one logit."""
    line = bar.add_task("RTL = integers, every beat", total=len(names))
    count = samples = 0
    for number, record in enumerate(names):
        signal, mode = found.signal(record, beats.lead(found, record)), "burst" if number else "random"
        wanted = len(made[record].position) if least is None else min(least, len(made[record].position))
        sent = signal if least is None else bulk.first_beats(harness, signal, made[record], wanted)
        seen = harness.run(signal, mode) if least is None else harness.stretch(sent, mode)
        count += bulk.check_first(seen, made[record], wanted)
        samples += len(sent)
        bar.update(line, advance=1)
    said = bulk.canary_logit(seen, made[names[-1]], wanted)
    return {
        "simulator": f"Verilator {verilator.VERSION}",
        "records": len(names),
        "whole": least is None,
        "samples": samples,
        "beats": count,
        "mismatches": 0,  # the first one would have ended the run
        "canary": said,
        "verilog_sha256": verilog.digest(harness.verilog.read_text()),
        **({"image_sha256": files.sha256(harness.image)} if harness.image else {}),
    }


def rtl_said(rtl: dict) -> str:
    """How much went through the RTL, in words."""
    records = f"{rtl['records']} record" if rtl["records"] == 1 else f"{rtl['records']} records"
    part = records.replace(" ", " whole ") if rtl.get("whole", True) else f"the first beats of {records}"
    return f"{part}, {rtl['samples']:,} samples, {rtl['beats']:,} beats through the RTL, {rtl['mismatches']} differ"


def show(figures: dict) -> None:
    """The tables that a person reads."""
    table = Table(title="raw samples to labelled beats (EC57): sensitivity / positive predictivity in %")
    for column in score.HEADER:
        table.add_column(column, justify="left" if not column else "right")
    for name, row in (figures["records"] | figures["gross"]["ec57"]).items():
        table.add_row(*score.row(name, row))
    cli.console.print(table)
    cli.say(honesty.caution(figures["model"], figures["protocol"]))
    cli.say(honesty.reached(figures["model"], figures["bundle_sha256"]))
    cli.say(f"RTL: {rtl_said(figures['rtl'])}; canary caught: {figures['rtl']['canary']}")


def presentable(figures: dict, shipped: bundles.Bundle) -> bool:
    """Whether a run's figures may be stored: all of DS2 of the real recordings, every record through the RTL of the shipped bundle
    (of a network of images its first beats)."""
    wanted = {"data": mitbih.NAME, "full": True, "bundle_sha256": shipped.sha256}
    return {name: figures.get(name) for name in wanted} == wanted


def key(model: str) -> str:
    """Where a network's figures stand in the report."""
    return "end_to_end" if model == MODEL else f"end_to_end_{model}"


def score_records(packed: bundles.Bundle, names: tuple[str, ...], full: bool) -> None:
    """Records of the database through the reference chain, scored, and some of them, or all (``full``), through the RTL. Leaves
    annotation files and figures."""
    found, home = source.find(), HOME if packed.model == MODEL else HOME / packed.model
    if found.kind != mitbih.NAME:
        cli.warn("SYNTHETIC ECG: NO FIGURE BELOW SAYS ANYTHING ABOUT ACCURACY")
    if not honesty.between_patients(packed.training):
        cli.warn(honesty.caution(packed.model, packed.training.get("protocol")))
    made, counted = {}, {}
    with cli.progress() as bar:
        line = bar.add_task(f"detector, {'images' if chain.of_images(packed) else 'words'}, network in integers", total=len(names))
        for record in names:
            signal = found.signal(record, beats.lead(found, record))
            made[record] = one = chain.run(packed, signal)
            counted[record] = matrices(found, record, one, packed.classes)
            inside = one.position < len(signal)
            annotations.write(home / "annotations", record, one.position[inside], one.symbols(packed.classes)[inside])
            bar.update(line, advance=1)
        chosen = list(names) if full else [name for name in FEW if name in names] or list(names[:1])
        least = None if not chain.of_images(packed) else OF_EACH if full else IN_ALL // len(chosen)
        figures = {
            "data": found.kind,
            "model": packed.model,
            "protocol": packed.training.get("protocol"),
            "full": full and names == beats.DS2,
            "command": "make beats" + (f" MODEL={packed.model}" if packed.model != MODEL else "") + " FULL=1" * full,
            "bundle_sha256": packed.sha256,
            "records": {record: score.figures(counted[record]["ec57"]) for record in names},
            "gross": {way: gross({r: c[way] for r, c in counted.items()}) for way in evaluate.WAYS},
            "rtl": run_rtl(bulk.harness(packed), found, made, chosen, least, bar),
        }
    files.write_json(home / "beats.json", figures)
    if names == beats.DS2:
        report.put(key(packed.model), figures)
    show(figures)
    cli.say(f"{home / 'beats.json'}\nannotation files of {annotations.ANNOTATOR} in {home / 'annotations'}")


app = cli.new_app(__doc__)


@app.command()
def main(
    records: Annotated[str, typer.Option(help="Records with commas between them; default DS2")] = "",
    full: Annotated[bool, typer.Option(help="Every record through the RTL (images: its first beats)")] = False,
    model: Annotated[str, typer.Option(help="Shipped model: " + " or ".join(MODELS))] = MODEL,
    path: Annotated[str, typer.Option("--bundle", help="Folder of a bundle instead of the shipped one")] = "",
    record: Annotated[str, typer.Option(help="Any recording, folder, or several with commas: labelled, not scored")] = "",
    lead: command.Lead = "",
    invert: command.Invert = False,
    strict: command.Strict = False,
    rate: command.Rate = "",
    start: command.Start = "",
    stop: command.Stop = "",
) -> None:
    """Detect and classify the beats of whole records, in the reference and in the RTL, and score them; or label any recording's."""
    packed = bundles.read(bundle.locate(model, path))
    chain.of_images(packed)  # a network that gets no beats is refused here
    wish = opening.Wish(lead, invert, strict, rate, start, stop)
    if record:
        command.refuse("RECORD=", RECORDS=records, FULL=full)
        harness = command.Late(lambda: of_record.hardware(packed))
        of = lambda opened: of_record.classify(packed, opened, harness.made)  # noqa: E731
        command.answer(record, wish, packed, packed.normaliser.raw_bits, packed.model, of)
        return
    command.refuse("scored records of the database", **wish.given())
    names = mitbih.choose(records, beats.DS2)
    score_records(packed, names, full)


if __name__ == "__main__":
    cli.run(app)
