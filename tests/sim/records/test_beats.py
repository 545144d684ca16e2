"""Beats of a recording as an annotation file of its own samples."""

from types import SimpleNamespace

import numpy as np
import wfdb

from sim.records import beats, opening
from sw.beats import chain
from sw.data import foreign


def test_marks_are_in_the_records_own_samples(tmp_path):
    clock = foreign.Clock(250, foreign.Fraction(36, 25), 1, 1000)
    position = np.array([360, 720])
    opened = opening.Opened(SimpleNamespace(path=tmp_path / "r.x", sources=()), SimpleNamespace(clock=clock), {}, tmp_path)
    made = chain.Labelled(position, np.array([0, 255]), np.zeros((2, 2), np.int64))
    found = beats.Found(made, clock.own(position), ["N", "no call"], [1, 1], [{}] * 2, 2)
    packed = SimpleNamespace(classes=("N", "V"))
    assert beats.mark(packed, opened, found) == str(tmp_path / "r.x.popbeat")
    read = wfdb.rdann(str(tmp_path / "r.x"), "popbeat")
    assert (read.fs, read.sample.tolist(), read.symbol) == (250, [250, 500], ["N", "Q"])
    assert beats.mark(SimpleNamespace(classes=("a", "b")), opened, found) == ""
    # At 50 Hz two beats may fall on one sample: the first of them is written.
    twice = beats.Found(chain.Labelled(position, np.array([1, 0]), made.logits), np.array([7, 7]), ["V", "N"], [1, 1], [{}] * 2, 2)
    beats.mark(packed, opened, twice)
    read = wfdb.rdann(str(tmp_path / "r.x"), "popbeat")
    assert (read.sample.tolist(), read.symbol) == ([7], ["V"])
