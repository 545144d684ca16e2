"""What the command that classifies any record leaves, without the hardware."""

from types import SimpleNamespace

import numpy as np
import wfdb

from sim import classify
from sw.beats import chain
from sw.data import foreign


def test_marks_are_in_the_records_own_samples(tmp_path):
    made = chain.Labelled(np.array([360, 720, 5000]), np.array([0, 255, 1]), np.zeros((3, 2), np.int64))
    clock = foreign.Clock(250, foreign.Fraction(36, 25), 1, 1000)
    inside = made.position < 1440
    path = classify.mark(SimpleNamespace(classes=("N", "V")), tmp_path / "r.x", made, inside, clock)
    assert path == str(tmp_path / "r.x.popbeat")
    read = wfdb.rdann(str(tmp_path / "r.x"), "popbeat")
    assert (read.fs, read.sample.tolist(), read.symbol) == (250, [250, 500], ["N", "Q"])
    assert classify.mark(SimpleNamespace(classes=("a", "b")), tmp_path / "other", made, inside, clock) == ""
