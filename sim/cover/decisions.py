"""Crosses of the QRS detector's decisions (functional coverage): what becomes of a peak, times what happened before and what it
changes; and each of the judge's comparisons with both sides equal, or one apart, where it decides.

They are counted by the reference, :class:`sw.qrs.detector.Judge`, on the peaks that a bench sends and compares.
"""

import copy
from collections import Counter
from dataclasses import dataclass

import numpy as np

from sim.cover.crosses import Crosses
from sw.qrs.detector import Judge, find_candidates
from sw.qrs.params import QrsParams

DECISIONS = ("a beat", "a T wave", "too low")
# What a decision is crossed with, by what it is called.
VALUES = {
    "phase": ("learning", "learned"),
    "decision before": DECISIONS,
    "search-back": ("not yet", "what is kept is too low", "what is kept is too old", "a beat"),
    "time since the last beat": ("counted", "at the counter's end"),
    "level of beats": ("rises", "stays", "sinks", "is held by its floor"),
    "level of noise": ("rises", "stays", "sinks"),
    "mean interval": ("rises", "stays", "sinks"),
    "kept": ("already higher", "too soon", "now"),
}
# The judge's comparisons: left side and right side.
COMPARISONS = (
    "height and threshold",
    "height and T wave's height",
    "time since the last beat and T wave's time",
    "time and end of learning",
    "height and level of beats, while learning",
    "height and level of beats, which noise may not exceed",
    "height and one and a half of the level of beats",
    "level after a beat and its floor",
    "time since the last beat and silence",
    "level after silence and its floor",
    "time since the last beat and time from which peaks are kept",
    "height and kept height",
    "time since the last beat and time of the search-back",
    "time of the search-back and its limit",
    "kept height and half of the threshold",
    "age of what is kept and its limit",
)
PLACES = {-1: "one below", 0: "equal", 1: "one above"}
# Crosses that can't occur, by what they look like, with the reason.
EXCLUDED = {
    r"a beat; kept": "a beat ends what is kept",
    r"a beat; level of noise: (?!stays)": "noise is what was rejected",
    r"(T wave|too low); mean interval: (?!stays)": "intervals are those between beats",
    r"(T wave|too low); level of beats: rises": "a peak that is no beat does not raise the level of beats, but before it is judged",
    r"T wave; level of beats: (?!stays)": "the level sinks long after a T wave's time",
    r"T wave; phase: learning": "while learning the threshold is no less than 3/8 of every peak before",
    r"T wave; time since the last beat: at": "a T wave comes soon after a beat",
    r"T wave; search-back: a beat": "the threshold that a peak did not pass does not sink so far within a T wave's time",
    r"T wave; search-back: what is kept is too old": "what is kept came after the last beat",
    r"T wave; kept: already": "from when peaks are kept to the end of a T wave's time there is no room for two peaks",
}


@dataclass(frozen=True)
class Moment:
    """The judge's state before a candidate, after the search-back, and after the decision."""

    before: Judge
    between: Judge
    after: Judge
    place: int
    height: int

    @property
    def now(self) -> int:
        """The sample with which the candidate is known."""
        return self.place + self.before.params.hold

    @property
    def learning(self) -> bool:
        """Whether the detector only learns yet."""
        return self.now < self.before.params.learning

    @property
    def searched(self) -> bool:
        """Whether a search-back made a beat."""
        return bool(self.between.beats)

    @property
    def decision(self) -> str:
        """What became of the candidate."""
        if len(self.after.beats) > len(self.between.beats):
            return DECISIONS[0]
        return DECISIONS[1] if self.height > self.between.threshold else DECISIONS[2]


def look(state: Judge, place: int, height: int) -> Moment:
    """Judge a candidate on a copy of ``state``, which stays as it is; its states list the beats of this candidate alone."""
    before = _copy(state, [])
    between = _copy(before, [])
    between.look_back(place, height)
    after = _copy(between, list(between.beats))
    after.decide(place, height)
    return Moment(before, between, after, place, height)


def _copy(state: Judge, beats: list) -> Judge:
    made = copy.copy(state)
    made.beats = beats
    return made


def _moves(before: int, after: int) -> str:
    return "rises" if after > before else "sinks" if after < before else "stays"


def situation(at: Moment) -> dict[str, str]:
    """A candidate by :data:`VALUES`; what does not apply is left out."""
    before, between, after, p = at.before, at.between, at.after, at.before.params
    told = {"phase": VALUES["phase"][not at.learning]}
    told["time since the last beat"] = VALUES["time since the last beat"][before.since(at.now) == p.since_limit]
    held = _bare(at) < p.floor
    told["level of beats"] = "is held by its floor" if held else _moves(between.signal, after.signal)
    told["level of noise"] = _moves(between.noise, after.noise)
    told["mean interval"] = _moves(between.interval, after.interval)
    if at.searched:
        told["search-back"] = "a beat"
    elif not at.learning:
        late, high, _ = _asked(before, at.now)
        told["search-back"] = "not yet" if not late else "what is kept is too old" if high else "what is kept is too low"
    if at.decision != DECISIONS[0]:
        soon = between.since(at.now) < p.hold + p.search_from
        told["kept"] = "too soon" if soon else "now" if at.height > between.kept_height else "already higher"
    return told


def _bare(at: Moment) -> int:
    """The level of beats after the decision, without its floor."""
    level = at.between.signal
    if at.decision == DECISIONS[0]:
        return level + ((min(at.height, level + (level >> 1)) - level) >> 2)
    return level - (level >> 3) if at.between.since(at.now) > at.between.params.silence else level


def _asked(state: Judge, now: int) -> tuple[bool, bool, bool]:
    """What a search-back asks: whether the beat is late, what is kept is high enough, and young enough."""
    p = state.params
    late = state.since(now) > min(3 * state.interval >> 5, p.search_limit)
    return late, state.kept_height > state.threshold >> 1, now - state.kept <= p.search_age


def comparisons(at: Moment) -> dict[str, tuple[int, int]]:
    """Both sides of the comparisons that decide here: where one turned out otherwise, something else would be done."""
    before, between, p, height = at.before, at.between, at.before.params, at.height
    since, threshold, wave = between.since(at.now), between.threshold, 3 * between.last_height >> 3
    early = since < p.hold + p.t_wave
    found = {}
    if not (early and height < wave):
        found["height and threshold"] = height, threshold
    if height > threshold and early:
        found["height and T wave's height"] = height, wave
    if height > threshold and height < wave:
        found["time since the last beat and T wave's time"] = since, p.hold + p.t_wave
    if height > before.signal or all(_asked(before, at.now)):
        found["time and end of learning"] = at.now, p.learning
    if at.learning:
        found["height and level of beats, while learning"] = height, before.signal
    else:
        found |= _search(before, at.now)
    if at.decision == DECISIONS[0]:
        found["height and one and a half of the level of beats"] = height, between.signal + (between.signal >> 1)
        found["level after a beat and its floor"] = _bare(at), p.floor
        return found
    found["height and level of beats, which noise may not exceed"] = height, between.signal
    found["time since the last beat and silence"] = since, p.silence
    if since > p.silence:
        found["level after silence and its floor"] = _bare(at), p.floor
    if height > between.kept_height:
        found["time since the last beat and time from which peaks are kept"] = since, p.hold + p.search_from
    if since >= p.hold + p.search_from:
        found["height and kept height"] = height, between.kept_height
    return found


def _search(state: Judge, now: int) -> dict[str, tuple[int, int]]:
    """The comparisons of a search-back that decide."""
    p, found = state.params, {}
    wait = 3 * state.interval >> 5
    late, high, young = _asked(state, now)
    if high and young:
        found["time since the last beat and time of the search-back"] = state.since(now), min(wait, p.search_limit)
        found["time of the search-back and its limit"] = wait, p.search_limit
    if late and young:
        found["kept height and half of the threshold"] = state.kept_height, state.threshold >> 1
    if late and high:
        found["age of what is kept and its limit"] = now - state.kept, p.search_age
    return found


def _of(decision: str, what: str, value: str) -> str:
    return f"{decision}; {what}: {value}"


def crosses(at: Moment, last: str | None) -> set[str]:
    """The crosses that occur with a candidate; ``last``: the decision before it."""
    named = {_of(at.decision, what, value) for what, value in situation(at).items()}
    if last:
        named.add(_of(at.decision, "decision before", last))
    sides = comparisons(at).items()
    return named | {f"{what}: {PLACES[a - b]}" for what, (a, b) in sides if abs(a - b) <= 1}


def of_envelope(envelope: np.ndarray, params: QrsParams) -> Counter[str]:
    """Counts by cross of the candidates of an envelope ``int64[n]`` from reset."""
    counts: Counter[str] = Counter()
    state, last = Judge(params), None
    places = find_candidates(envelope, params.hold)
    for place, height in zip(places.tolist(), envelope[places].tolist(), strict=True):
        at = look(state, place, height)
        counts.update(crosses(at, last))
        state, last = at.after, at.decision
    return counts


DETECTOR = Crosses(
    frozenset(_of(d, what, value) for d in DECISIONS for what, values in VALUES.items() for value in values)
    | frozenset(f"{what}: {place}" for what in COMPARISONS for place in PLACES.values()),
    EXCLUDED,
)
