"""The host's end of a board's serial line: samples go out, results come in (:mod:`hw.link.wire` has the format)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import serial

from hw.link import wire as link
from sw.errors import PopbeatError
from sw.qrs.params import POSITION_BITS

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
    """A result: running ``number`` of the window or beat, ``label``, ``logits``; of a beat also ``position``: the number of its R
    peak's sample, counted from the restart."""

    number: int
    label: int
    logits: np.ndarray
    position: int | None = None


class Host:
    """The host's end of the link (:mod:`hw.link.wire`). ``results`` fills as they come. ``placed``: their last word is the
    number of a sample (:class:`hw.beats.top.BeatTop`)."""

    def __init__(self, line: Line, placed: bool = False):
        self.line, self.decoder, self.placed = line, link.Decoder(), placed
        self.number = 0
        self.sent = 0  # samples since the restart
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
            if (answer := self._hear(self.decoder.feed(data))) is not None:
                return answer
        while self.decoder.held:
            if (answer := self._hear(self.decoder.silence())) is not None:
                return answer
        return None

    def _hear(self, frames: Iterable[link.Frame]) -> link.Frame | None:
        """Keep the results among what has come; the answer to the last frame, where it is among that."""
        answer = None
        for frame in frames:
            if frame.kind == link.RESULT:
                self._result(frame.payload)
            elif frame.kind == link.REFUSED or (frame.kind == link.DONE and frame.number == self.number):
                answer = frame
        return answer

    def _result(self, payload: bytes) -> None:
        if len(payload) < 4 * (1 + self.placed) or len(payload) % 4:
            self.decoder.broken += 1  # a restart came while it was sent
            return
        words = np.frombuffer(payload, "<u4")
        header, logits, position = int(words[0]), words[1:], None
        if self.placed:
            # Its number is modulo 2^16, and it was sent less than so many samples ago.
            position = self.sent - 1 - (self.sent - 1 - int(words[-1])) % (1 << POSITION_BITS)
            logits = words[1:-1]
        self.results.append(Result(header & 0xFFFF, (header >> 16) & 0xFF, logits.astype(np.int32).astype(np.int64), position))

    def restart(self) -> None:
        """Forget what the board holds."""
        self.send(link.RESTART)
        self.results.clear()
        self.sent = 0

    def load(self, data: bytes) -> None:
        """Load a network into the array."""
        for start in range(0, len(data), link.MAX_PAYLOAD):
            last = start + link.MAX_PAYLOAD >= len(data)
            self.send(link.IMAGE_END if last else link.IMAGE, data[start : start + link.MAX_PAYLOAD])
        self.send(link.IMAGE, b"")  # its answer has the loader's status
        if self.status != LOADED:
            raise PopbeatError(f"the board refused the network with status {self.status} (docs/array.md says what that means)")

    def stream(self, samples: np.ndarray, told: Callable[[int], None] = lambda count: None) -> None:
        """Send raw samples; ``told`` is called with how many of them have been sent."""
        samples = np.ascontiguousarray(samples, "<i2")
        for start in range(0, len(samples), link.MAX_SAMPLES):
            part = samples[start : start + link.MAX_SAMPLES]
            self.sent += len(part)
            self.send(link.SAMPLES, part.tobytes())
            told(start + len(part))

    def settle(self) -> None:
        """Wait for results until none comes any more."""
        while data := self.line.read():
            self._hear(self.decoder.feed(data))

    def classify(self, window: np.ndarray) -> Result:
        """Send one window of raw samples and wait for its result."""
        wanted = len(self.results) + 1
        self.stream(window)
        while len(self.results) < wanted:
            data = self.line.read()
            if not data:
                raise PopbeatError("the board sent no result for a window; restart it and try again")
            self._hear(self.decoder.feed(data))
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
