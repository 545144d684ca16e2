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
from sw.data import beats, foreign, mitbih, records, source, tasks
from sw.errors import PopbeatError
from sw.export import bundle, bundles
from sw.export.array.bundle import GraphBundle
from sw.export.array.program import image


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


def replay_beats(host: Host, packed: bundle.Bundle, name: str, signal: np.ndarray, truth: score.Reference | None) -> None:
    """A whole lead's raw samples ``int16[n]`` through a board that finds the beats itself: every beat must be the integer model's.
    Scored, where there is a ``truth``, as EC57 asks, but from the first sample on; leaves an annotation file in
    ``build/board/annotations``."""
    expected, begun = chain.run(packed, signal), time.monotonic()
    tally = Tally(truth, packed.classes) if truth else None
    with cli.progress() as bar:
        line = bar.add_task("samples", total=len(chain.flushed(signal)))

        def told(count: int) -> None:
            if tally:
                tally.add(host.results)
            bar.update(line, completed=count, description=str(tally or f"{len(host.results):,} beats"))

        made = beats_of(host, signal, told)
    if not all(np.array_equal(getattr(made, field), getattr(expected, field)) for field in ("position", "label", "logits")):
        raise PopbeatError(
            f"the board's {len(made.position):,} beats of record {name} are not the {len(expected.position):,} of the integer "
            "model; is its bitstream of this bundle, and are all samples arriving?"
        )
    inside = made.position < len(signal)
    symbols = made.symbols(packed.classes)[inside]
    if truth:
        matrix = score.confusion(truth, score.compare(truth, made.position[inside], 0), score.labels(symbols))
        table = Table(title=f"record {name} on the board: sensitivity / positive predictivity in %")
        for column in score.HEADER:
            table.add_column(column)
        table.add_row(*score.row(name, score.figures(matrix)))
        cli.console.print(table)
    written = annotations.write(files.BUILD / "board" / "annotations", name, made.position[inside], symbols)
    seconds, took = len(signal) / tasks.RATE, time.monotonic() - begun
    cli.say(f"{len(made.position):,} beats, each the integer model's; {took:.0f} s for {seconds:.0f} s of ECG\n{written}")


def replay_windows(
    host: Host, packed: bundles.Bundle, name: str, windows: np.ndarray, start: np.ndarray, truth: np.ndarray | None
) -> None:
    """Windows ``int16[n, window]`` that begin at the samples ``start`` through a board; ``truth``: their labels, where there are
    some."""
    right, begun = 0, time.monotonic()
    table = Table(title=f"record {name} on the board")
    for column in ("second", *(["labelled"] if truth is not None else []), "board says"):
        table.add_column(column)
    with cli.progress() as bar:
        line = bar.add_task("windows", total=len(windows))
        for row, window in enumerate(windows):
            seen = host.classify(window)
            said = [bundles.told(packed, seen.label, seen.logits)]
            so_far = f"{row + 1} windows"
            if truth is not None:
                named = bundles.task(packed).named(int(truth[row]))
                right += said == [named]
                said = [named, *said]
                so_far = f"{right} of {row + 1} right, {100 * right / (row + 1):.0f} %"
            table.add_row(f"{start[row] / tasks.RATE:.0f}", *said)
            bar.update(line, advance=1, description=so_far)
    cli.console.print(table)
    cli.say(f"{so_far}; {(time.monotonic() - begun) / len(windows):.2f} s a window, nearly all of it the line")


def known_windows(packed: bundles.Bundle, record: str, found: source.Source) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The task's windows of a record of the database, where they begin, and their labels."""
    task = bundles.task(packed)
    windows = task.windows(found)
    rows = np.flatnonzero(np.asarray(windows.record) == record)
    if not len(rows):
        raise PopbeatError(f"{task.name} has no window of record {record!r}")
    chosen = windows.take(rows)
    return task.samples(found, chosen), chosen.start, chosen.label


def other_windows(signal: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray, None]:
    """All windows of a signal one behind the other, where they begin, and no labels."""
    count = len(signal) // length
    if not count:
        raise PopbeatError(f"the record has {len(signal) / tasks.RATE:.1f} s; a window takes {length / tasks.RATE:g} s")
    return signal[: count * length].reshape(count, length), np.arange(count) * length, None


app = cli.new_app(__doc__)


@app.command()
def main(
    record: Annotated[str, typer.Option(help="Name in the database, whose labels are known, or path of any WFDB record")] = "200",
    port: Annotated[str, typer.Option(help="Serial port of the board")] = "/dev/ttyUSB0",
    model: Annotated[str, typer.Option(help="Shipped model that the bitstream holds")] = "bnn17",
    config: Annotated[
        str, typer.Option(help="Array that the bitstream holds, of a multi-bit model: mac128, mac64, mac32")
    ] = "full",
    lead: Annotated[str, typer.Option(help="Lead of a record by its path; default MLII, else the first one")] = "",
    path: Annotated[str, typer.Option("--bundle", help="Folder of a bundle instead of a shipped model")] = "",
) -> None:
    """Send a record to a board, window by window or, where the board finds beats itself, as a whole; compare its classes with the
    labels, where they are known (not a medical device)."""
    packed, name = bundles.read(bundle.locate(model, path)), Path(record).name
    known, raw_bits = record in mitbih.RECORDS, packed.normaliser.raw_bits
    if known:
        found = source.find()
    else:
        header = records.read_header(record)
        signal = foreign.prepare(header, foreign.choose_lead(header, lead), raw_bits)
    host = Host(SerialLine(port), placed=packed.network.words > 0)
    host.restart()
    if isinstance(packed, GraphBundle):
        host.load(image(mac_design.compile_bundle(packed, mac_design.config(config, packed)).program))
    if packed.network.words and known:
        signal, annotated = found.signal(record, beats.lead(found, record)), found.annotations(record)
        replay_beats(host, packed, name, signal, score.reference(*annotated[:2]))
    elif packed.network.words:
        replay_beats(host, packed, name, signal, None)
    else:
        windows = known_windows(packed, record, found) if known else other_windows(signal, packed.network.window)
        replay_windows(host, packed, name, *windows)


if __name__ == "__main__":
    cli.run(app)
