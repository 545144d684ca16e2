"""Crosses: those that can't occur are told apart, and one that does all the same is an error."""

from collections import Counter

import pytest

from sim.cover import crosses
from sw.errors import PopbeatError

ONE = "sample taken, result waits, 2 windows at work"


def test_missing_ones_are_told():
    found = crosses.STREAMING.figures(Counter({ONE: 3}))
    hit, possible = found["shares"]
    assert hit == 1 and len(found["missed"]) == possible - 1 and ONE not in found["missed"]
    assert possible + sum(found["excluded"].values()) == len(crosses.STREAMING.wanted)


def test_what_cannot_occur_must_not():
    with pytest.raises(PopbeatError, match="can't occur did, 2 times: sample taken, result taken, 0 windows at work"):
        crosses.STREAMING.figures(Counter({"sample taken, result taken, 0 windows at work": 2}))


def test_a_cross_of_another_name_is_an_error(tmp_path):
    (tmp_path / "a").write_text("4 sample lost\n1 sample lost\n")
    with pytest.raises(PopbeatError, match="not known: sample lost"):
        crosses.STREAMING.figures(crosses.read([tmp_path / "a"]))
