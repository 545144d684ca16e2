"""``make replay``: a record through a board, over its serial line: every window's or beat's class, and how often it is right."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from hw.board.host import Host, Result, SerialLine
from hw.mac import design as mac_design
from hw.stream.result import NO_CALL
from sw import cli, files
from sw.beats import annotations, chain, score
from sw.data import beats, mitbih, source, tasks
from sw.errors import PopbeatError
from sw.export import bundle, bundles, multibit
from sw.export.program import image


def beats_of(host: Host, signal: np.ndarray, told: Callable[[int], None] = lambda count: None) -> chain.Labelled:
    """Send a whole lead's raw samples ``int[n]`` to a board that finds the beats itself (:class:`hw.beat_top.BeatTop`); its beats,
    to the last one. ``told`` is called with how many samples have been sent."""
    host.stream(chain.flushed(signal), told)
    host.settle()
    return chain.Labelled(
        *(np.array([getattr(r, name) for r in host.results], np.int64) for name in ("position", "label", "logits"))
    )


class Tally:
    """Beats as they come, and how many of them are right: a reference beat of their class is within 150 ms."""

    def __init__(self, truth: score.Reference, classes: tuple[str, ...]):
        self.truth, self.classes = truth, classes
        self.beats = self.right = 0

    def add(self, results: list[Result]) -> None:
        """Count the results that have come since."""
        for result in results[self.beats :]:
            nearest = int(np.abs(self.truth.position - result.position).argmin())
            there = abs(int(self.truth.position[nearest]) - result.position) <= score.TOLERANCE
            named = result.label != NO_CALL and self.classes[result.label] == score.CLASSES[self.truth.label[nearest]]
            self.beats, self.right = self.beats + 1, self.right + (there and named)

    def __str__(self) -> str:
        return f"{self.right:,} of {self.beats:,} beats right, {100 * self.right / max(self.beats, 1):.0f} %"


def replay_beats(host: Host, packed: bundle.Bundle, record: str, found: source.Source) -> None:
    """A record's lead through a board that finds the beats itself: every beat must be the integer model's. Scored as EC57 asks, but
    from the first sample on; leaves an annotation file in ``build/board/annotations``."""
    if record not in mitbih.RECORDS:
        raise PopbeatError(f"record {record!r} is none of the database; there are {', '.join(mitbih.RECORDS)}")
    signal = found.signal(record, beats.lead(found, record))
    truth = score.reference(*found.annotations(record)[:2])
    expected, tally, begun = chain.run(packed, signal), Tally(truth, packed.classes), time.monotonic()
    with cli.progress() as bar:
        line = bar.add_task("samples", total=len(chain.flushed(signal)))

        def told(count: int) -> None:
            tally.add(host.results)
            bar.update(line, completed=count, description=str(tally))

        made = beats_of(host, signal, told)
    if not all(np.array_equal(getattr(made, name), getattr(expected, name)) for name in ("position", "label", "logits")):
        raise PopbeatError(
            f"the board's {len(made.position):,} beats of record {record} are not the {len(expected.position):,} of the integer "
            "model; is its bitstream of this bundle, and are all samples arriving?"
        )
    inside = made.position < len(signal)
    symbols = made.symbols(packed.classes)[inside]
    matrix = score.confusion(truth, score.compare(truth, made.position[inside], 0), score.labels(symbols))
    table = Table(title=f"record {record} on the board: sensitivity / positive predictivity in %")
    for column in score.HEADER:
        table.add_column(column)
    table.add_row(*score.row(record, score.figures(matrix)))
    cli.console.print(table)
    written = annotations.write(files.BUILD / "board" / "annotations", record, made.position[inside], symbols)
    seconds, took = len(signal) / tasks.RATE, time.monotonic() - begun
    cli.say(f"{len(made.position):,} beats, each the integer model's; {took:.0f} s for {seconds:.0f} s of ECG\n{written}")


def replay_windows(host: Host, packed: bundles.Bundle, record: str, found: source.Source) -> None:
    """A record's windows through a board."""
    spec = packed.normaliser
    task = tasks.for_network(packed.task, spec.window, spec.raw_bits, packed.classes, packed.network.words)
    windows = task.windows(found)
    rows = np.flatnonzero(np.asarray(windows.record) == record)
    if not len(rows):
        raise PopbeatError(f"{task.name} has no window of record {record!r}")
    samples, truth = task.samples(found, windows.take(rows)), windows.label[rows]
    right, begun = 0, time.monotonic()
    with cli.progress() as bar:
        if isinstance(packed, multibit.MultibitBundle):
            host.load(image(mac_design.compile_bundle(packed, mac_design.config("full")).program))
        line = bar.add_task("windows", total=len(rows))
        table = Table(title=f"record {record} on the board")
        for column in ("second", "labelled", "board says"):
            table.add_column(column)
        for row, (window, label) in enumerate(zip(samples, truth, strict=True)):
            seen = host.classify(window).label
            right += seen == label
            told = "no call" if seen == NO_CALL else packed.classes[seen]
            table.add_row(f"{windows.start[rows[row]] / tasks.RATE:.0f}", packed.classes[label], told)
            bar.update(line, advance=1, description=f"{right} of {row + 1} right, {100 * right / (row + 1):.0f} %")
    cli.console.print(table)
    cli.say(f"{right} of {len(rows)} right; {(time.monotonic() - begun) / len(rows):.2f} s a window, nearly all of it the line")


app = cli.new_app(__doc__)


@app.command()
def main(
    record: Annotated[str, typer.Option(help="Name or path of a record of the database")] = "200",
    port: Annotated[str, typer.Option(help="Serial port of the board")] = "/dev/ttyUSB0",
    model: Annotated[str, typer.Option(help="Shipped model that the bitstream holds")] = "bnn17",
    path: Annotated[str, typer.Option("--bundle", help="Folder of a bundle instead of a shipped model")] = "",
) -> None:
    """Send a record to a board, window by window or, where the board finds beats itself, as a whole; compare its classes with the
    labels (not a medical device)."""
    packed, found = bundles.read(bundle.locate(model, path)), source.find()
    host = Host(SerialLine(port), placed=packed.network.words > 0)
    host.restart()
    replayed = replay_beats if packed.network.words else replay_windows
    replayed(host, packed, Path(record).name, found)


if __name__ == "__main__":
    cli.run(app)
