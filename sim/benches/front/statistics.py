"""Cases of the sums over a window: samples one by one and in pairs, behind a window that is broken off."""

import functools

import numpy as np

from hw.front import statistics
from sim.benches.base import pack
from sim.benches.front.windows import SPEC, raw, sums
from sim.benches.streams import Case

BROKEN = 15  # beats of the window that begins and is broken off


def _statistics(at_once: int) -> Case:
    windows = raw(np.random.default_rng(11), 8)
    bits, end = SPEC.raw_bits * at_once, SPEC.window // at_once - 1
    samples = [
        pack(x, SPEC.raw_bits) | (k == 0) << bits | (k == end) << (bits + 1)
        for w in windows
        for k, x in enumerate(w.reshape(-1, at_once).tolist())
    ]
    return Case(
        lambda: statistics.Statistics(SPEC, at_once),
        {"i": samples[:BROKEN] + samples},
        {"o": sums(windows)},
        latencies=[("i", BROKEN + end, "o", 0, statistics.LATENCY)],
    )


CASES = {"samples": functools.partial(_statistics, 1), "pairs": functools.partial(_statistics, 2)}
