"""``make replay``: a record through a board, over its serial line: every window's class, and how often it is right."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Protocol

import numpy as np
import serial
import typer
from rich.table import Table

from hw.mac import design as mac_design
from hw.stream.result import NO_CALL
from sw import cli, link
from sw.data import source, tasks
from sw.errors import PopbeatError
from sw.export import bundle, bundles, multibit
from sw.export.program import image

TRIES = 5
LOADED = 1


class Line(Protocol):
    """A serial line."""

    def write(self, data: bytes) -> object:
        """Send bytes."""

    def read(self) -> bytes:
        """What has come, after waiting for it for a while; nothing where nothing came."""


@dataclass(frozen=True)
class Result:
    """A window's result: its running ``number``, ``label``, ``logits``."""

    number: int
    label: int
    logits: np.ndarray


class Host:
    """The host's end of the link (:mod:`sw.link`). ``results`` fills as they come."""

    def __init__(self, line: Line):
        self.line, self.decoder = line, link.Decoder()
        self.number = 0
        self.results: list[Result] = []
        self.status = 0

    def send(self, kind: int, payload: bytes = b"") -> None:
        """Send a frame until it is answered; what is refused for good, or never answered, is a :class:`PopbeatError`."""
        self.number = (self.number + 1) & 0xFF
        frame = link.Frame(kind, self.number, payload).encode()
        why = "no answer"
        for _ in range(TRIES):
            self.line.write(frame)
            answer = self._answer()
            if answer is not None and answer.kind == link.DONE:
                self.status = answer.payload[0]
                return
            if answer is not None:
                why = link.WHY.get(answer.payload[0], "refused")
        raise PopbeatError(f"the board did not take a frame in {TRIES} tries ({why}); check the bitstream, the port and the cable")

    def _answer(self) -> link.Frame | None:
        """The answer to the last frame, or None where none came in time."""
        while data := self.line.read():
            answer = None
            for frame in self.decoder.feed(data):
                if frame.kind == link.RESULT:
                    self._result(frame.payload)
                elif frame.kind == link.REFUSED or (frame.kind == link.DONE and frame.number == self.number):
                    answer = frame
            if answer is not None:
                return answer
        return None

    def _result(self, payload: bytes) -> None:
        words = np.frombuffer(payload, "<u4")
        header = int(words[0])
        self.results.append(Result(header & 0xFFFF, (header >> 16) & 0xFF, words[1:].astype(np.int32).astype(np.int64)))

    def restart(self) -> None:
        """Forget what the board holds."""
        self.send(link.RESTART)
        self.results.clear()

    def load(self, data: bytes) -> None:
        """Load a network into the array."""
        for start in range(0, len(data), link.MAX_PAYLOAD):
            last = start + link.MAX_PAYLOAD >= len(data)
            self.send(link.IMAGE_END if last else link.IMAGE, data[start : start + link.MAX_PAYLOAD])
        self.send(link.IMAGE, b"")  # its answer has the loader's status
        if self.status != LOADED:
            raise PopbeatError(f"the board refused the network with status {self.status} (docs/array.md says what that means)")

    def classify(self, window: np.ndarray) -> Result:
        """Send one window of raw samples and wait for its result."""
        wanted = len(self.results) + 1
        samples = np.ascontiguousarray(window, "<i2")
        for start in range(0, len(samples), link.MAX_SAMPLES):
            self.send(link.SAMPLES, samples[start : start + link.MAX_SAMPLES].tobytes())
        while len(self.results) < wanted:
            data = self.line.read()
            if not data:
                raise PopbeatError("the board sent no result for a window; restart it and try again")
            for frame in self.decoder.feed(data):
                if frame.kind == link.RESULT:
                    self._result(frame.payload)
        return self.results[wanted - 1]


class SerialLine:
    """A serial port of this computer."""

    def __init__(self, port: str):
        try:
            self.port = serial.Serial(port, link.BAUD, timeout=0.5)
        except (serial.SerialException, ValueError) as error:
            raise PopbeatError(f"serial port {port!r} can't be opened ({error}); PORT=/dev/ttyUSB0 names another one") from None

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self.port.write(data)

    def read(self) -> bytes:
        """What has come within half a second."""
        return self.port.read(max(1, self.port.in_waiting))


app = cli.new_app(__doc__)


@app.command()
def main(
    record: Annotated[str, typer.Option(help="Name or path of a record of the database")] = "200",
    port: Annotated[str, typer.Option(help="Serial port of the board")] = "/dev/ttyUSB0",
    model: Annotated[str, typer.Option(help="Shipped model that the bitstream holds")] = "bnn17",
    path: Annotated[str, typer.Option("--bundle", help="Folder of a bundle instead of a shipped model")] = "",
) -> None:
    """Send a record's windows to a board and compare its classes with the task's labels (not a medical device)."""
    packed = bundles.read(bundle.locate(model, path))
    spec, found = packed.normaliser, source.find()
    task = tasks.for_network(packed.task, spec.window, spec.raw_bits, packed.classes, packed.network.words)
    windows = task.windows(found)
    rows = np.flatnonzero(np.asarray(windows.record) == Path(record).name)
    if not len(rows):
        raise PopbeatError(f"{task.name} has no window of record {Path(record).name!r}")
    samples, truth = task.samples(found, windows.take(rows)), windows.label[rows]
    host = Host(SerialLine(port))
    host.restart()
    right, begun = 0, time.monotonic()
    with cli.progress() as bar:
        if isinstance(packed, multibit.MultibitBundle):
            host.load(image(mac_design.compile_bundle(packed, mac_design.config("full")).program))
        line = bar.add_task("windows", total=len(rows))
        table = Table(title=f"record {Path(record).name} on the board at {port}")
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


if __name__ == "__main__":
    cli.run(app)
