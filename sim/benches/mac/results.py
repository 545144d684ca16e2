"""Cases of the array's results: windows whose logits come one by one, ties among them, some that end as a fault with part of their
logits or none, and flat ones."""

import functools

import numpy as np

from hw.mac.results import BUFFERS, Results
from hw.mac.writer import Logit
from hw.stream.result import NO_CALL, Beat, Header, Meta
from sim.benches.base import beat
from sim.benches.streams import Case, Hooks

CLASSES, WINDOWS, IMAGE = 5, 24, 37


class Array(Hooks):
    """The array before it: ``logits`` of each window, then its end, a ``fault`` or not. It begins no window while ``hold`` is high.
    ``ends``: beats after which a packet has left, for ``pending``."""

    def __init__(self, logits: list[list[int]], fault: list[bool], ends: list[int]):
        self.logits, self.fault, self.ends = logits, fault, ends
        self.window, self.place, self.held = 0, 0, True

    def drive(self, bench):
        values = {"logit": 0, "done": 0, "fault": 0, "image": IMAGE}
        if not int(bench.dut.rst.value) and self.window < len(self.logits) and (self.place or not self.held):
            own = self.logits[self.window]
            if self.place < len(own):
                values["logit"] = beat(Logit, valid=1, channel=self.place, value=own[self.place])
                self.place += 1
            else:
                values |= {"done": 1, "fault": int(self.fault[self.window])}
                self.window, self.place, self.held = self.window + 1, 0, True
        for name, value in values.items():
            bench.port(name).value = value
        self.ended = values["done"]

    def sample(self, bench):
        # What ended in this cycle is seen from the next one on.
        waiting = self.window - self.ended - sum(end <= bench.moved["o"] for end in self.ends)
        assert bench.value("pending") == (waiting > 0), f"cycle {bench.cycle}: {waiting} packets wait"
        assert bench.value("hold") == (waiting == BUFFERS), f"cycle {bench.cycle}: {waiting} packets wait"
        self.held = bool(self.ended) or waiting == BUFFERS


def _results() -> Case:
    rng = np.random.default_rng(6)
    fault, flat = rng.random(WINDOWS) < 0.3, rng.random(WINDOWS) < 0.2
    logits = [rng.integers(-3, 4, CLASSES if not bad else rng.integers(1, CLASSES + 1)) for bad in fault]
    logits[1:3] = [np.array([-32768] * CLASSES), np.array([-2, -1, -32768, 32767, 32767])]
    fault[1:3], flat[1:3] = False, False
    assert fault.any() and (flat & ~fault).any() and any(bad and len(one) < CLASSES for bad, one in zip(fault, logits, strict=True))
    words, ends = [], []
    for number, one in enumerate(logits):
        no_call = fault[number] or flat[number]
        label = NO_CALL if no_call else int(np.argmax(one))
        packet = [beat(Header, number=number, label=label, no_call=no_call, fault=fault[number], image=IMAGE)]
        packet += [] if fault[number] else [int(value) & 0xFFFFFFFF for value in one]
        words += [beat(Beat, word=word, last=place == len(packet) - 1) for place, word in enumerate(packet)]
        ends.append(len(words))
    meta = [beat(Meta, number=number, flat=flat[number]) for number in range(WINDOWS)]
    hooks = functools.partial(Array, [one.tolist() for one in logits], fault.tolist(), ends)
    return Case(lambda: Results(CLASSES), {"meta": meta}, {"o": words}, hooks=hooks)


CASES = {"windows": _results}
