"""The QRS detector: raw samples in, R peaks out; the integer reference of ``hw/qrs``.

A peak of the envelope is a *candidate* when nothing has exceeded it for ``hold`` samples. Candidates are judged in order, as by Pan
and Tompkins (IEEE Trans Biomed Eng 32(3):230, 1985): running levels of signal S (beats) and noise N (what was rejected) give

    threshold = N + 3 (S - N) / 8,      S += (min(a, 3 S / 2) - S) / 4,      N += (min(a, S) - N) / 8

for candidates of height a; all divisions are floors. A candidate above the threshold is a beat, unless it follows the last beat
within ``t_wave`` and has less than 3/8 of its height: a T wave. Where no beat came for more than 3/2 of the mean RR interval (RR +=
(d - RR) / 8 in sixteenths of a sample), at most ``search_limit``, the search-back takes the highest candidate that was rejected
since ``search_from`` samples after the last beat, if it is above half the threshold and no older than ``search_age``. In the first
``learning`` samples S rises to every higher candidate, and nothing is searched for. After ``silence`` without a beat each
rejected candidate lowers S by an eighth; S never falls below ``floor``.

Beats come in order of time, at least ``hold`` samples apart; what is reported is final. An R peak lies ``delay`` samples before its
peak in the envelope and is reported ``usual_delay`` samples after itself, by a search-back at most ``max_delay``.
"""

from dataclasses import dataclass

import numpy as np

from sw.qrs.envelope import Filtered, filtered
from sw.qrs.params import QrsParams

PARAMS = QrsParams()
# Columns of Detection.candidates.
CANDIDATE = ("known", "height", "threshold", "signal", "noise", "interval", "since", "kept")


@dataclass(frozen=True)
class Detection:
    """R peaks as sample numbers ``position``, the sample ``known`` with which each was reported, whether by ``search_back``; the
    ``stages`` of the filters; ``candidates`` ``int64[n, 8]``: with which sample each was judged, its height, the threshold then,
    and afterwards the levels of signal and noise, the mean RR interval in sixteenths of a sample, the samples since the last
    beat, and the height of the candidate kept for the search-back (columns :data:`CANDIDATE`)."""

    position: np.ndarray
    known: np.ndarray
    search_back: np.ndarray
    stages: Filtered
    candidates: np.ndarray


def find_candidates(envelope: np.ndarray, hold: int) -> np.ndarray:
    """Positions of the envelope's candidates: from the start, and again from ``hold`` samples after each candidate, the first
    sample that none of the ``hold`` after it exceeds."""
    n = len(envelope)
    # The largest of the next 2^k samples by doubling; two such windows that overlap cover the hold.
    ahead = np.concatenate([envelope[1:], np.zeros(hold, envelope.dtype)])
    width = 1
    while 2 * width <= hold:
        ahead[:-width] = np.maximum(ahead[:-width], ahead[width:])
        width *= 2
    largest = np.maximum(ahead[: n - hold], ahead[hold - width : n - width]) if n > hold else ahead[:0]
    stands = np.flatnonzero(envelope[: len(largest)] >= largest)
    found, at = [], 0
    while at < len(stands):
        found.append(stands[at])
        at = np.searchsorted(stands, stands[at] + hold)
    return np.array(found, np.int64)


class Judge:
    """Decides whether a candidate, a peak of the envelope, is a QRS complex: levels of signal and noise, intervals, and the
    candidate kept for the search-back; one instance a lead."""

    def __init__(self, params: QrsParams):
        self.params = params
        self.signal, self.noise = params.floor, 0
        self.interval = params.first_interval << 4
        self.last, self.last_height = -params.since_limit, 0
        self.kept, self.kept_height = 0, 0
        self.beats: list[tuple[int, int, bool]] = []  # place in the envelope, sample when known, by search-back

    @property
    def threshold(self) -> int:
        """Above it a candidate is a beat."""
        return self.noise + (3 * (self.signal - self.noise) >> 3)

    def since(self, now: int) -> int:
        """Samples since the last beat, as the counter has it."""
        return min(now - self.last, self.params.since_limit)

    def _beat(self, place: int, height: int, now: int, search_back: bool) -> None:
        since, params = self.since(now), self.params
        self.beats.append((place, now, search_back))
        if since < params.since_limit:
            self.interval += ((place - self.last << 4) - self.interval) >> 3
        self.signal = max(self.signal + ((min(height, self.signal + (self.signal >> 1)) - self.signal) >> 2), params.floor)
        self.last, self.last_height, self.kept_height = place, height, 0

    def judge(self, place: int, height: int) -> int:
        """Judge the candidate at ``place`` in the envelope; returns the threshold that it had to pass."""
        self.look_back(place, height)
        threshold = self.threshold
        self.decide(place, height)
        return threshold

    def look_back(self, place: int, height: int) -> None:
        """The first half of :meth:`judge`: the search-back; while learning, the level of beats rises to the candidate."""
        params, now = self.params, place + self.params.hold
        if now < params.learning:
            self.signal = max(self.signal, height)
        else:
            late = self.since(now) > min(3 * self.interval >> 5, params.search_limit)
            if late and self.kept_height > self.threshold >> 1 and now - self.kept <= params.search_age:
                self._beat(self.kept, self.kept_height, now, True)

    def decide(self, place: int, height: int) -> None:
        """The second half: whether the candidate is a beat, and what follows from it."""
        params, now = self.params, place + self.params.hold
        threshold, since = self.threshold, self.since(now)
        t_wave = since < params.hold + params.t_wave and height < 3 * self.last_height >> 3
        if height > threshold and not t_wave:
            self._beat(place, height, now, False)
            return
        signal = self.signal
        self.noise += (min(height, signal) - self.noise) >> 3
        if since > params.silence:
            self.signal = max(signal - (signal >> 3), params.floor)
        if since >= params.hold + params.search_from and height > self.kept_height:
            self.kept, self.kept_height = place, height


def judge_envelope(envelope: np.ndarray, params: QrsParams) -> tuple[np.ndarray, np.ndarray]:
    """Judge all candidates of an envelope ``int[n]``: beats ``int64[m, 3]`` (place in the envelope, sample with which it is known,
    whether by search-back) and candidates (:class:`Detection`)."""
    places = find_candidates(envelope, params.hold)
    judge, seen = Judge(params), []
    for place, height in zip(places.tolist(), envelope[places].tolist(), strict=True):
        threshold, now = judge.judge(place, height), place + params.hold
        seen.append((now, height, threshold, judge.signal, judge.noise, judge.interval, judge.since(now), judge.kept_height))
    return np.array(judge.beats, np.int64).reshape(-1, 3), np.array(seen, np.int64).reshape(-1, len(CANDIDATE))


def detect(samples: np.ndarray, params: QrsParams = PARAMS) -> Detection:
    """Run the detector over raw samples ``int[n]`` of one lead, from the state after reset."""
    stages = filtered(samples, params)
    beats, candidates = judge_envelope(stages.envelope, params)
    return Detection(
        position=beats[:, 0] - params.delay,
        known=beats[:, 1],
        search_back=beats[:, 2].astype(bool),
        stages=stages,
        candidates=candidates,
    )
