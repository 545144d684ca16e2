"""``make replay``: a record through a board, over its serial line: every window's or beat's answer, which must be the integer
model's, and how often it is right.

A network of windows gets one after the other. A board that finds beats itself gets a whole lead; a network of images of beats gets
the samples round each R peak, which the QRS detector's integer reference finds here.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from hw.board.host import Host, Result, SerialLine
from hw.mac import design as mac_design
from hw.stream.result import NO_CALL
from sw import cli, files, honesty
from sw.beats import annotations, chain, images, score
from sw.data import beats, foreign, mitbih, recordings, source, tasks
from sw.data.foreign import Clock
from sw.errors import PopbeatError
from sw.export import bundle, bundles
from sw.export.array import integer as array_integer
from sw.export.array.bundle import GraphBundle
from sw.export.array.program import image
from sw.export.binary import integer
from sw.qrs.detector import detect

HOME = Path("board") / "annotations"  # in the build folder
DATABASE = Clock()  # of records whose samples go to the board as they are
CHUNK = 32  # answers that are held against the integer model together


def labelled(results: list[Result]) -> chain.Labelled:
    """Beats that came back, each with its position."""
    return chain.Labelled(*(np.array([getattr(r, name) for r in results], np.int64) for name in ("position", "label", "logits")))


def beats_of(host: Host, signal: np.ndarray, told: Callable[[int], None] = lambda count: None) -> chain.Labelled:
    """Send a whole lead's raw samples ``int[n]`` to a board that finds the beats itself (:class:`hw.beats.top.BeatTop`); its beats,
    to the last one. ``told`` is called with how many samples have been sent."""
    host.stream(chain.flushed(signal), told)
    host.settle()
    return labelled(host.results)


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


def replay_beats(
    host: Host,
    packed: bundle.Bundle,
    name: str,
    signal: np.ndarray,
    truth: score.Reference | None,
    clock: Clock = DATABASE,
    home: Path = HOME,
) -> None:
    """A whole lead's raw samples ``int16[n]`` through a board that finds the beats itself: every beat must be the integer model's.
    Scored, where there is a ``truth``, as EC57 asks, but from the first sample on; leaves an annotation file in
    ``home``, a folder in the build folder."""
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
    report_beats(packed, name, signal, made, truth, begun, clock, home)


def report_beats(
    packed: bundles.Bundle,
    name: str,
    signal: np.ndarray,
    made: chain.Labelled,
    truth: score.Reference | None,
    begun: float,
    clock: Clock = DATABASE,
    home: Path = HOME,
) -> None:
    """What the beats ``made`` of a record are worth, where there is a ``truth``, and an annotation file of them in the record's own
    samples (``clock``); ``begun``: when the first one was sent, in seconds of the monotonic clock."""
    inside = made.position < len(signal)
    symbols = made.symbols(packed.classes)[inside]
    if truth:
        matrix = score.confusion(truth, score.compare(truth, made.position[inside], 0), score.labels(symbols))
        table = Table(title=f"record {name} on the board: sensitivity / positive predictivity in %")
        for column in score.HEADER:
            table.add_column(column)
        table.add_row(*score.row(name, score.figures(matrix)))
        cli.console.print(table)
    written = annotations.write(files.BUILD / home, name, clock.own(made.position[inside]), symbols, rate=clock.rate)
    seconds, took = len(signal) / tasks.RATE, time.monotonic() - begun
    cli.say(f"{len(made.position):,} beats, each the integer model's; {took:.0f} s for {seconds:.0f} s of ECG\n{written}")


def find_beats(name: str, signal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The R peaks of a whole lead's raw samples ``int16[m]``, by the detector's integer reference, in samples ``int64[n]``, and the
    samples round each of them ``int16[n, 256]``."""
    whole = images.flushed(signal)
    position = detect(whole).position
    if not len(position):
        raise PopbeatError(
            f"no R peak was found in the {len(signal) / tasks.RATE:.1f} s of record {name}; take another record or LEAD"
        )
    return position, images.windows(whole, position)


def check(packed: bundles.Bundle, windows: np.ndarray, first: int, results: list[Result], named: Callable[[int], str]) -> None:
    """Raise unless a board's answers to raw samples ``int16[n, window]`` are the integer model's. They are the answers from number
    ``first`` on since the restart or the load; ``named`` says what a number is called."""
    trace = (array_integer if isinstance(packed, GraphBundle) else integer).run(packed, windows)
    for number, (seen, label, logits) in enumerate(zip(results, trace.label.tolist(), trace.logits, strict=True), start=first):
        told, wanted = [seen.number, seen.label, *seen.logits.tolist()], [number % (1 << 16), label, *logits.tolist()]
        if told != wanted:
            raise PopbeatError(
                f"the board's answer to {named(number)} is number, label and logits {told}, and the integer model's {wanted}; is "
                f"its bitstream of this bundle ({packed.model}) and configuration, and do all samples arrive?"
            )


def classify(
    host: Host, packed: bundles.Bundle, windows: np.ndarray, named: Callable[[int], str], heard: Callable[[int, Result], None]
) -> float:
    """Send raw samples ``int16[n, window]`` one window after the other; every answer must be the integer model's. ``named`` says
    what the k-th one is called, ``heard`` is called with its number and answer. Returns the seconds that the board took."""
    took = 0.0
    for first in range(0, len(windows), CHUNK):
        results = []
        for number, window in enumerate(windows[first : first + CHUNK], start=first):
            begun = time.monotonic()
            results.append(host.classify(window))
            took += time.monotonic() - begun
            heard(number, results[-1])
        check(packed, windows[first : first + CHUNK], first, results, named)
    return took


def replay_images(
    host: Host,
    packed: GraphBundle,
    name: str,
    signal: np.ndarray,
    truth: score.Reference | None,
    clock: Clock = DATABASE,
    home: Path = HOME,
) -> None:
    """The beats of a whole lead's raw samples ``int16[n]``, found here, through a board that classifies their images. Scored and
    left as :func:`replay_beats` does it."""
    position, windows = find_beats(name, signal)
    tally, results, begun = Tally(truth, packed.classes) if truth else None, [], time.monotonic()
    with cli.progress() as bar:
        line = bar.add_task("beats", total=len(windows))

        def heard(number: int, seen: Result) -> None:
            results.append(replace(seen, position=int(position[number])))
            if tally:
                tally.add(results)
            bar.update(line, advance=1, description=str(tally or f"{len(results):,} beats"))

        def named(number: int) -> str:
            return f"beat {number} of record {name}, R peak at sample {position[number]},"

        classify(host, packed, windows, named, heard)
    report_beats(packed, name, signal, labelled(results), truth, begun, clock, home)


def replay_windows(
    host: Host,
    packed: bundles.Bundle,
    name: str,
    windows: np.ndarray,
    start: np.ndarray,
    truth: np.ndarray | None,
    faulty: np.ndarray | None = None,
) -> None:
    """Windows ``int16[n, window]`` that begin at the samples ``start`` through a board; ``truth``: their labels, where there are
    some; ``faulty`` (``bool[n]``): too much of them is missing, flat or clipped for a call, whatever the board says. A set of
    labels is right where all of its labels are."""
    right, so_far = 0, ""
    table = Table(title=f"record {name} on the board")
    for column in ("second", *(["labelled"] if truth is not None else []), "board says"):
        table.add_column(column)
    with cli.progress() as bar:
        line = bar.add_task("windows", total=len(windows))

        def heard(row: int, seen: Result) -> None:
            nonlocal right, so_far
            said, so_far = ["no call" if faulty is not None and faulty[row] else shown(packed, seen)], f"{row + 1} windows"
            if truth is not None:
                label = bundles.task(packed).named(int(truth[row]))
                right += bundles.told(packed, seen.label, seen.logits) == label
                said = [label, *said]
                so_far = f"{right} of {row + 1} right, {100 * right / (row + 1):.0f} %"
            table.add_row(f"{start[row] / tasks.RATE:.0f}", *said)
            bar.update(line, advance=1, description=so_far)

        took = classify(host, packed, windows, lambda row: f"window {row} of record {name}", heard)
    cli.console.print(table)
    cli.say(f"{so_far}, each answer the integer model's; {took / len(windows):.2f} s a window, nearly all of it the line")


def shown(packed: bundles.Bundle, seen: Result) -> str:
    """An answer as a person reads it: a class, or the labels of a set with their scores, the surest first."""
    told = bundles.told(packed, seen.label, seen.logits)
    scores = bundles.scores(packed, seen.logits) if seen.label != NO_CALL else []
    return ", ".join(f"{of['label']} {of['score']:.2f}" for of in scores) or told


def known_windows(packed: bundles.Bundle, record: str, found: source.Source) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The task's windows of a record of the database, where they begin, and their labels."""
    task = bundles.task(packed)
    windows = task.windows(found)
    rows = np.flatnonzero(np.asarray(windows.record) == record)
    if not len(rows):
        raise PopbeatError(f"{task.name} has no window of record {record!r}")
    chosen = windows.take(rows)
    return task.samples(found, chosen), chosen.start, chosen.label


def other_windows(lead: foreign.Lead, length: int) -> tuple[np.ndarray, np.ndarray, None, np.ndarray]:
    """All windows of a lead one behind the other, where they begin, no labels, and which are too faulty for a call, ``bool[n]``."""
    windows = lead.windows(length)
    start = np.arange(len(windows)) * length
    faulty = np.array([of["faulty"] > foreign.MAX_FAULTY for of in lead.shares(start, length)])
    return windows, start, None, faulty


app = cli.new_app(__doc__)


@app.command()
def main(
    record: Annotated[str, typer.Option(help="Name in the database, whose labels are known, or path of any recording")] = "200",
    port: Annotated[str, typer.Option(help="Serial port of the board")] = "/dev/ttyUSB0",
    model: Annotated[str, typer.Option(help="Shipped model that the bitstream holds")] = "bnn17",
    config: Annotated[
        str, typer.Option(help="Array that the bitstream holds, of a multi-bit model: mac128l, mac128, mac64, mac32")
    ] = "full",
    lead: Annotated[
        str, typer.Option(help="Lead of a record by its path, by name or number; default MLII, II, then other leads of an ECG")
    ] = "",
    path: Annotated[str, typer.Option("--bundle", help="Folder of a bundle instead of a shipped model")] = "",
    rate: Annotated[str, typer.Option(help="Samples a second of a table (.csv, .tsv, .txt, .npy)")] = "",
) -> None:
    """Send a record to a board, window by window, beat by beat or, where the board finds beats itself, as a whole; hold its answers
    against the integer model's, and against the labels, where they are known (not a medical device)."""
    packed, name = bundles.read(bundle.locate(model, path)), Path(record).name
    known, length = record in mitbih.RECORDS, packed.network.window
    of_images = bundles.of_images(packed)
    of_beats, clock, home, truth = packed.network.words > 0 or of_images, DATABASE, HOME, None
    if known and (given := [f"{name}={value}" for name, value in (("LEAD", lead), ("RATE", rate)) if value]):
        raise PopbeatError(
            f"{', '.join(given)} has no meaning for record {record} of the database, whose rate is known and whose leads the task "
            "chooses; give its path"
        )
    program = b""
    if isinstance(packed, GraphBundle):
        program = image(mac_design.compile_bundle(packed, mac_design.config(config, packed)).program)
    if known:
        found = source.find()
        windows = None if of_beats else known_windows(packed, record, found)
        if of_beats:
            signal, annotated = found.signal(record, beats.lead(found, record)), found.annotations(record)
            truth = score.reference(*annotated[:2])
    else:
        header = recordings.read_header(record, rate)
        chosen = foreign.choose_lead(header, lead)
        foreign.check(header, chosen)
        other = foreign.prepare(header, chosen, packed.normaliser.raw_bits)
        clock, signal = other.clock, other.stream()
        # Records of one name in several folders.
        home = HOME / files.sha256(str(header.path.absolute()).encode())[:8]
        windows = None if of_beats else other_windows(other, length)
    # The port last: what is wrong with the arguments is told without a board.
    host = Host(SerialLine(port), placed=packed.network.words > 0)
    host.restart()
    if program:
        host.load(program)
        cli.say(f"{packed.model} is loaded: {len(program):,} bytes")
    cli.warn(honesty.reached(packed.model, packed.sha256))
    if of_beats:
        (replay_images if of_images else replay_beats)(host, packed, name, signal, truth, clock, home)
    else:
        replay_windows(host, packed, name, *windows)


if __name__ == "__main__":
    cli.run(app)
