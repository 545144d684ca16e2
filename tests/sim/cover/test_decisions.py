"""Crosses of the QRS detector's decisions: the judge's bench has all, recordings none that can't occur, and each comparison that is
moved by one is noticed."""

import inspect
from collections import Counter

import numpy as np
import pytest

from sim.benches.qrs import judge
from sim.benches.qrs.short import SHORT
from sim.cover import decisions
from sim.cover.crosses import Crosses
from sw.data import source
from sw.errors import PopbeatError
from sw.qrs import detector, evaluate

# The reference's comparisons, and each with another edge.
MOVED = (
    ("height > threshold and", "height >= threshold and"),
    ("height < 3 * self.last_height >> 3", "height <= 3 * self.last_height >> 3"),
    ("since < params.hold + params.t_wave", "since <= params.hold + params.t_wave"),
    ("now < params.learning", "now <= params.learning"),
    ("self.since(now) > min(3 *", "self.since(now) >= min(3 *"),
    ("self.kept_height > self.threshold >> 1", "self.kept_height >= self.threshold >> 1"),
    ("now - self.kept <= params.search_age", "now - self.kept < params.search_age"),
    ("since > params.silence", "since >= params.silence"),
    ("since >= params.hold + params.search_from", "since > params.hold + params.search_from"),
    ("height > self.kept_height", "height >= self.kept_height"),
    ("since < params.since_limit", "since <= params.since_limit"),
    ("params.search_limit)", "params.search_limit + 1)"),
    ("min(height, signal) -", "min(height, signal - 1) -"),
    ("self.signal + (self.signal >> 1))", "self.signal + (self.signal >> 1) - 1)"),
)


@pytest.fixture(scope="module")
def envelopes() -> list[np.ndarray]:
    return [made() for made in judge.ENVELOPES.values()]


def test_the_bench_meets_every_cross(envelopes):
    told = decisions.DETECTOR.figures(sum((decisions.of_envelope(e, SHORT) for e in envelopes), Counter()))
    assert told["missed"] == [] and told["shares"][0] == told["shares"][1]
    assert decisions.DETECTOR.figures(decisions.of_envelope(envelopes[0], SHORT))["missed"]


@pytest.mark.parametrize(("old", "new"), MOVED)
def test_a_comparison_moved_by_one_is_noticed(old, new, envelopes):
    text = inspect.getsource(detector)
    assert text.count(old) == 1
    moved = {"__name__": "moved"}
    exec(compile(text.replace(old, new).replace("@dataclass(frozen=True)\n", ""), "moved", "exec"), moved)
    assert any((moved["judge_envelope"](e, SHORT)[1] != detector.judge_envelope(e, SHORT)[1]).any() for e in envelopes)


@pytest.mark.parametrize("record", ["106", "203", "232"])
def test_recordings_have_none_that_cannot_occur(record):
    found = source.find(download=False)
    samples = found.signal(record, evaluate.lead(found, record))[:200_000].astype(np.int64)
    counts = decisions.of_envelope(detector.detect(samples).stages.envelope, detector.PARAMS)
    assert decisions.DETECTOR.figures(counts)["shares"][0] == len(counts) > 30
    with pytest.raises(PopbeatError, match="can't occur did"):
        Crosses(decisions.DETECTOR.wanted, {"a beat; phase: learned": "said to be impossible"}).figures(counts)
