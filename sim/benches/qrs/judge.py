"""Cases of the QRS detector's judge: random peaks, so that each branch is taken, and peaks at the edges of its comparisons."""

import copy
import functools
from collections.abc import Callable

import numpy as np

from hw.qrs import judge
from sim.benches.base import Taps, bits
from sim.benches.qrs.short import SHORT
from sim.benches.streams import Case
from sw.qrs.detector import Judge, find_candidates, judge_envelope
from sw.qrs.params import POSITION_BITS


def _values() -> np.ndarray:
    heights = np.random.default_rng(32).gamma(0.25, 4000, 3000)
    heights[1200:1500] /= 40  # silence
    return np.minimum(heights.astype(np.int64), (1 << SHORT.envelope_bits) - 1)


def _edges(count: int = 200) -> np.ndarray:
    """Single peaks whose place and height are at the edge of one of the judge's comparisons, as it stands when they come."""
    rng, p = np.random.default_rng(33), SHORT
    values = rng.integers(0, 300, p.learning)
    for _ in range(count):
        state, quiet = Judge(p), np.concatenate([values, np.zeros(2 * p.hold, values.dtype)])
        for place in find_candidates(quiet, p.hold).tolist():
            if place + p.hold < len(values):
                state.judge(place, int(quiet[place]))
        soon = len(values) + p.hold  # the peak before has been judged
        wave, kept, threshold = 3 * state.last_height >> 3, state.kept_height, state.threshold
        late = min(3 * state.interval >> 5, p.search_limit)
        # Where, and how high, with what each is compared with.
        place, heights = [
            (soon, [wave]),
            (soon, [kept, threshold, state.signal]),
            (soon, [8 * threshold]),
            (state.last + p.t_wave, [wave - 1]),
            (state.last + p.search_from, [kept + 2, threshold - 1]),
            (state.last + late - p.hold, [threshold, kept]),
            (state.last + p.silence - p.hold, [threshold, kept]),
            (state.kept + p.search_age - p.hold, [threshold]),
            (soon + int(rng.integers(p.search_from)), _searched(state, soon) or [threshold]),
        ][int(rng.integers(9))]
        place = max(place + int(rng.integers(2)), soon)
        height = int(rng.choice(heights)) + int(rng.integers(-1, 2))
        values = np.concatenate([values, np.zeros(place - len(values), values.dtype), [min(max(height, 1), 10_000)]])
    return np.concatenate([values, np.zeros(p.silence, values.dtype)])


def _searched(state: Judge, place: int) -> list[int]:
    """Heights that are kept at ``place`` and are then just half of the threshold that a search-back asks for."""
    found = []
    for height in range(1, 200):
        after = copy.copy(state)
        after.beats = []
        after.judge(place, height)
        if after.kept_height == height == after.threshold >> 1:
            found.append(height)
    return found


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


CASES = {"peaks": functools.partial(_judge, _values), "edges": functools.partial(_judge, _edges)}
