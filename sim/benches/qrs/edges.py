"""Peaks for the detector's judge that meet every cross of its decisions (:mod:`sim.cover.decisions`): of some peaks that could come
next, those are taken that meet most crosses which were not met before, for their length."""

from dataclasses import dataclass, replace

import numpy as np

from sim.cover import decisions
from sw.qrs.detector import Judge
from sw.qrs.params import QrsParams

TRIED = 24  # peaks, or pairs of them, that could come next
FIXED = 30  # samples that a choice costs beside its own: few long ones are better than many short ones


@dataclass(frozen=True)
class Walk:
    """A recording that grows: the ``peaks`` so far (place, height; 0 elsewhere), behind which the next peak may come, what the
    judge knows there, its last decision and the height that it was on, and the crosses that were ``met``."""

    state: Judge
    start: int = 0
    last: str | None = None
    height: int = 0
    peaks: tuple[tuple[int, int], ...] = ()
    met: frozenset[str] = frozenset()

    def quiet(self, until: int) -> "Walk":
        """On to where a candidate at ``until`` could come: candidates of height 0 before it."""
        walk = self
        hold = self.state.params.hold
        # Of equal values the first is the candidate, which must not be exceeded for `hold` samples.
        while walk.start + hold < until:
            walk = walk._judged(walk.start, 0)
        return walk

    def peak(self, place: int, height: int) -> "Walk":
        """A peak at ``place``; at ``start`` itself one that is no higher than the candidate before, which it would replace."""
        walk = self.quiet(place)
        if place == walk.start:
            height = min(height, walk.height)
        return replace(walk._judged(place, height), peaks=(*walk.peaks, (place, height)))

    def _judged(self, place: int, height: int) -> "Walk":
        at = decisions.look(self.state, place, height)
        met = self.met | decisions.crosses(at, self.last)
        return replace(self, state=at.after, start=place + self.state.params.hold, last=at.decision, height=height, met=met)


def _place(walk: Walk, rng: np.random.Generator) -> int:
    """Where the next peak could come: soon, at any time, or when something becomes due."""
    state, p = walk.state, walk.state.params
    if walk.start < p.learning:
        end = p.learning - p.hold + int(rng.integers(-1, 2))
        soon = walk.start + int(rng.choice([0, 1, p.hold + 2]))
        return soon if soon + p.hold < end else max(walk.start, end)
    late = min(3 * state.interval >> 5, p.search_limit)
    due = [state.last + t for t in (p.t_wave, p.search_from, late - p.hold, p.silence - p.hold)]
    due += [state.kept + p.search_age - p.hold, walk.start, walk.start + int(rng.integers(p.silence))]
    return max(walk.start, int(rng.choice(due)) + int(rng.integers(-1, 2)))


def _height(state: Judge, rng: np.random.Generator) -> int:
    """How high it could be: as high as something that it is compared with, far above, or anything below."""
    threshold, p = state.threshold, state.params
    compared = [threshold, 3 * state.last_height >> 3, state.signal, state.signal + (state.signal >> 1), state.kept_height]
    compared += [threshold >> 1, 4 * p.floor - 3 * state.signal + int(rng.integers(4)), 8 * threshold]
    compared += [int(rng.integers(1, 2 * threshold + 2))] * 2
    return min(max(1, int(rng.choice(compared)) + int(rng.integers(-1, 2))), (1 << p.envelope_bits) - 1)


def _one(walk: Walk, rng: np.random.Generator) -> Walk:
    place = _place(walk, rng)
    return walk.peak(place, _height(walk.quiet(place).state, rng))


def _two(walk: Walk, rng: np.random.Generator) -> Walk:
    return _one(_one(walk, rng), rng)


def _fast(walk: Walk, rng: np.random.Generator) -> Walk:
    """Beats as close as they can be, until a T wave would be late, and something that could be one."""
    p = walk.state.params
    for _ in range(12):
        walk = walk.peak(walk.start + 1, 2 * walk.state.threshold + p.floor)
    place = walk.state.last + p.t_wave - int(rng.integers(1, 4))
    return walk.peak(place, int(rng.integers(walk.state.threshold, 2 * walk.state.threshold)))


def _kept(walk: Walk, rng: np.random.Generator) -> Walk:
    """A peak of such a height that it is above half of the threshold, which sinks, only when it is too old, or nearly so; and
    another peak then."""
    p = walk.state.params
    place = max(walk.start + 1, walk.state.last + p.search_from + int(rng.integers(p.hold)))
    then = place + p.search_age - p.hold + int(rng.integers(-1, 3))
    most = walk.quiet(place).state.threshold
    for height in range(most, 0, -max(1, most // 32)):
        after = walk.peak(place, height).quiet(then)
        if after.state.kept_height == height > after.state.threshold >> 1:
            return after.peak(then, _height(after.state, rng))
    return walk


def _noise(walk: Walk, rng: np.random.Generator) -> Walk:
    """Noise as high as beats, or higher: after high beats and a silence the level of beats sinks, and peaks follow that are too low
    for beats and no higher than one that is too old for a search-back. A beat behind them, and what could be its T wave."""
    p = walk.state.params
    for _ in range(int(rng.integers(25))):
        walk = walk.peak(walk.start + 1, 8 * walk.state.threshold)
    walk = walk.quiet(walk.start + p.silence)
    kept = walk.state.threshold // int(rng.integers(5, 9))
    walk = walk.peak(walk.start + 1, kept).quiet(walk.start + p.search_age + p.hold)
    for _ in range(int(rng.integers(10, 50))):
        walk = walk.peak(walk.start + 1, min(kept, walk.state.threshold))
    walk = walk.peak(walk.start + 1, 8 * walk.state.threshold)
    return walk.peak(walk.start + 1, walk.state.threshold + int(rng.integers(1, 8)))


# How a recording may go on; the first, alone, while the detector learns. The later ones are rarely better.
WAYS = (_one, _two, _one, _two, _one, _two, _fast, _kept, _noise)


def peaks(params: QrsParams, steps: int, seed: int) -> np.ndarray:
    """An envelope ``int64[n]`` with peaks, of ``steps`` choices."""
    rng, walk = np.random.default_rng(seed), Walk(Judge(params))
    for _ in range(steps):
        best, most = None, -1.0
        for _ in range(TRIED):
            tried = WAYS[int(rng.integers(1 if walk.start < params.learning else len(WAYS)))](walk, rng)
            worth = (len(tried.met) - len(walk.met)) / (FIXED + tried.start - walk.start)
            if worth > most:
                best, most = tried, worth
        walk = best
    values = np.zeros(walk.quiet(walk.start + params.silence).start, np.int64)
    for place, height in walk.peaks:
        values[place] = height
    return values
