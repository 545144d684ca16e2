"""Cases of the guard, its bench being the classifier: what comes back of good ones, and of those that fail in each way."""

from functools import partial
from itertools import accumulate

import numpy as np

from hw.guard import guard
from hw.guard.guard import Guard, GuardParams
from hw.stream.result import NO_CALL
from sim.benches.streams import Case, Hooks

PARAMS = GuardParams(bits=16, window=5, beats=3, patience=400)
FAULT = 1 << 25 | 1 << 24 | NO_CALL << 16


def _last(words: list[int], last: int | None = None) -> list[int]:
    """Result beats: TLAST on the word of this place, by default on the final one."""
    place = len(words) - 1 if last is None else last
    return [word | (number == place) << 32 for number, word in enumerate(words)]


class _Classifier(Hooks):
    """A window's packet is not begun before the window has come whole."""

    def __init__(self, ends: list[int], begins: list[int]):
        self.ends, self.begins = ends, begins

    def allow(self, bench, port: str) -> bool:
        if port != "told":
            return True
        window = sum(begin <= bench.moved["told"] for begin in self.begins) - 1
        return bench.moved["i"] >= self.ends[window]


def _case(seed: int, windows: list[int], packets: list[list[int] | None], good: list[bool]) -> Case:
    """Windows of so many beats (less than a whole one: TLAST breaks it off, and it has no packet), for each whole one the
    classifier's packet, and whether it is one."""
    rng, at = np.random.default_rng(seed), list(accumulate(windows))
    beats = [int(beat) for beat in rng.integers(0, 1 << PARAMS.bits, at[-1])]
    for place, length in zip(at, windows, strict=True):
        beats[place - 1] |= (length < PARAMS.window) << PARAMS.bits
    whole = [number for number, length in enumerate(windows) if length == PARAMS.window]
    told, out, ends, begins, latencies = [], [], [], [], []
    for number, packet, right in zip(whole, packets, good, strict=True):
        if packet:
            ends.append(at[number])
            begins.append(len(told))
        told += packet or []
        if packet:
            latencies.append(("told", len(told) - 1, "o", len(out), guard.SEND))
        out += [packet[0] | number, *packet[1:]] if right else [number | FAULT | 1 << 32]
    return Case(
        lambda: Guard(PARAMS), {"i": beats, "told": told}, {"feed": beats, "o": out}, latencies, partial(_Classifier, ends, begins)
    )


def _packet(seed: int) -> list[int]:
    words = np.random.default_rng(seed).integers(0, 1 << 32, PARAMS.beats).tolist()
    return _last([7 << 16, *words[1:]])


def _good() -> Case:
    windows = [5, 3, 5, 1, 5, 5]
    return _case(1, windows, [_packet(k) for k in range(4)], [True] * 4)


def _failing() -> Case:
    """Too short, too long, another number, silent, silent; a good one behind each of the first three."""
    short, long, number = _last([7 << 16, 1]), _last([7 << 16, 1, 2], last=9), _last([7 << 16 | 4], last=9)
    packets = [short, _packet(5), long, _packet(6), number, _packet(7), None, None, _packet(8)]
    good = [False, True, False, True, False, True, False, False, True]
    return _case(2, [5] * 9, packets, good)


CASES = {"good": _good, "failing": _failing}
