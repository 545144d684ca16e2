"""Cases of the receiver of frames: bytes that stop just as long as they may, or a cycle longer, at each place of a frame, and wrong
CRCs. A refusal must come in its cycle."""

import functools

import numpy as np

from hw.link.frames import FrameReceiver, Head
from hw.link.wire import CUT_SHORT, SYNC, WRONG_CRC, Frame
from sim.benches.base import beat
from sim.benches.streams import Case, Hooks

PATIENCE = 12
APART = 4  # cycles between frames


class Line(Hooks):
    """The serial line: a byte, or None, in each cycle, and by cycle what must be ``refused``."""

    def __init__(self, line: list[int | None], refused: dict[int, int]):
        self.line, self.refused = line, refused

    def drive(self, bench):
        here = not int(bench.dut.rst.value) and bench.cycle < len(self.line)
        byte = self.line[bench.cycle] if here else None
        bench.port("i__valid").value = int(byte is not None)
        bench.port("i__payload").value = SYNC if byte is None else byte  # where nothing is offered it must not count
        bench.port("address").value = 0

    def sample(self, bench):
        seen, wanted = bench.value("refused"), self.refused.get(bench.cycle, 0)
        assert seen == wanted, f"cycle {bench.cycle}: refused {seen}, expected {wanted}"


def _receiver() -> Case:
    rng = np.random.default_rng(8)
    line: list[int | None] = [None] * APART
    refused, heads = {}, []
    length = 3
    places = range(1, length + 6)
    plan = [(place, wait) for place in places for wait in (PATIENCE, PATIENCE + 1)] + [(0, 0), (0, None), (0, 0)]
    for number, (stop, wait) in enumerate(plan):
        frame = Frame(2, number, bytes(rng.integers(0, SYNC, length).tolist()))
        data = list(frame.encode())
        if wait is None:
            data[-1] ^= 1
        for place, byte in enumerate(data):
            if place and place == stop:
                line += [None] * wait
            if wait == PATIENCE + 1 and place == stop:
                refused[len(line) - 1] = CUT_SHORT
            # What comes behind a cut is no frame's.
            line.append(byte if place < stop or wait != PATIENCE + 1 or byte != SYNC else 0)
        if wait is None:
            refused[len(line)] = WRONG_CRC
        elif wait != PATIENCE + 1:
            heads.append(beat(Head, kind=2, number=number, length=length))
        line += [None] * APART
    return Case(
        lambda: FrameReceiver(PATIENCE), {}, {"frame": heads}, hooks=functools.partial(Line, line, refused), drain=len(line)
    )


CASES = {"receiver": _receiver}
