"""A simulated board whose serial line the host's program holds, as it would a real one's: every byte goes over it bit by bit."""

import struct
import subprocess
from contextlib import suppress
from pathlib import Path

from amaranth.lib import wiring

from hw import verilog
from hw.board.top import BoardTop
from sim import verilator
from sw.errors import PopbeatError

SOURCE = Path(__file__).with_name("board.cpp")
NAME = "board"
DIVISOR = 4  # clock cycles a bit, the fewest that the line works with
WAIT = 2_000_000  # cycles after which a read gives nothing: longer than any network takes
ANSWER = struct.Struct("<QBI")  # cycles since the start, lamps, how many bytes follow


def compiled(classifier: wiring.Component, folder: Path) -> Path:
    """The program of a board's top with a classifier and the divisor :data:`DIVISOR`, in ``folder``; the same sources are compiled
    once."""
    sources = {"top.v": verilog.convert(BoardTop(classifier, DIVISOR, blink=8), NAME), "board.cpp": SOURCE.read_text()}
    return verilator.program(sources, NAME, folder, "-O2")


class SimulatedBoard:
    """A board from its start on: a line for :class:`hw.board.host.Host`, within a ``with``.

    ``cycle``: clock cycles until the last read; ``abnormal``: the lamp then; ``sent``, ``received``: bytes over the line.
    """

    def __init__(self, program: Path):
        self.process = subprocess.Popen(
            [str(program), str(DIVISOR)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.cycle = self.sent = self.received = 0
        self.abnormal = False

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self._ask(b"W", len(data), data)
        self.sent += len(data)

    def read(self) -> bytes:
        """What has come, after waiting for it for at most :data:`WAIT` cycles."""
        self._ask(b"R", WAIT)
        self.cycle, lamps, count = ANSWER.unpack(self._take(ANSWER.size))
        self.abnormal = bool(lamps >> 1)
        self.received += count
        return self._take(count)

    def _ask(self, command: bytes, number: int, data: bytes = b"") -> None:
        try:
            self.process.stdin.write(command + struct.pack("<I", number) + data)
            self.process.stdin.flush()
        except BrokenPipeError:
            self._stopped()

    def _take(self, count: int) -> bytes:
        data = self.process.stdout.read(count)
        if len(data) != count:
            self._stopped()
        return data

    def _stopped(self) -> None:
        raise PopbeatError(f"simulation of the board stopped: {self.process.stderr.read().decode().strip() or 'no word'}")

    def __enter__(self) -> "SimulatedBoard":
        return self

    def __exit__(self, *failure) -> None:
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            with suppress(BrokenPipeError):  # the program has ended already, and what it was still to hear is lost
                pipe.close()
        self.process.wait()
