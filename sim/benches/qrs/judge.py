"""Cases of the QRS detector's judge: random peaks, and peaks that together meet every cross of its decisions."""

import functools
from collections.abc import Callable

import numpy as np

from hw.qrs import judge
from sim.benches.base import Taps, bits
from sim.benches.qrs import edges
from sim.benches.qrs.short import SHORT
from sim.benches.streams import Case
from sw.qrs.detector import judge_envelope
from sw.qrs.params import POSITION_BITS

# Of the peaks that meet crosses: how many choices, and with which seeds they meet all.
STEPS, SEEDS = 45, (10, 12, 16)


def _values() -> np.ndarray:
    heights = np.random.default_rng(32).gamma(0.25, 4000, 3000)
    heights[1200:1500] /= 40  # silence
    return np.minimum(heights.astype(np.int64), (1 << SHORT.envelope_bits) - 1)


def _states(candidates: np.ndarray) -> list[int]:
    """What the tap shows: threshold, levels, interval, since and the kept height."""
    height = SHORT.envelope_bits
    widths = (height, height, height, SHORT.since_bits + 4, SHORT.since_bits, height)
    starts = np.cumsum([0, *widths])
    return [sum(int(v) << int(start) for v, start in zip(row[2:], starts, strict=False)) for row in candidates]


def _latencies(beats: np.ndarray) -> list[tuple[str, int, str, int, int]]:
    """Of the beats that their sample made known first, by their kind, and of those that follow one at once."""
    known, kinds = beats[:, 1], beats[:, 2]
    first = np.r_[True, known[1:] != known[:-1]]
    found = []
    for kind, cycles in ((0, judge.LATENCY), (1, judge.SEARCH_LATENCY)):
        chosen = np.flatnonzero((kinds == kind) & (known >= SHORT.learning) & first)
        found += [("i", int(known[k]), "o", int(k), cycles) for k in chosen]
    both = np.flatnonzero(np.diff(known) == 0)
    assert len(both) and kinds.any(), "the case is meant to have beats by search-back, and beats that follow one at once"
    return found + [("i", int(known[k]), "o", int(k) + 1, judge.BOTH_LATENCY) for k in both]


def _judge(made: Callable[[], np.ndarray]) -> Case:
    values = made()
    beats, candidates = judge_envelope(values, SHORT)
    return Case(
        lambda: judge.Judge(SHORT),
        {"i": values.tolist()},
        {"o": bits(beats[:, 0] - SHORT.delay, POSITION_BITS)},
        latencies=_latencies(beats),
        hooks=functools.partial(Taps, {"judged": _states(candidates)}),
    )


# The cases' envelopes.
ENVELOPES = {"peaks": _values} | {f"edges{seed}": functools.partial(edges.peaks, SHORT, STEPS, seed) for seed in SEEDS}
CASES = {name: functools.partial(_judge, made) for name, made in ENVELOPES.items()}
