"""Folds: stored, disjoint, stratified, drawn anew the same."""

import numpy as np
import pytest

from sw.data import folds, mitbih, tasks
from sw.errors import PopbeatError

WITH_FOLDS = [task.name for task in tasks.TASKS.values() if not task.sets]


@pytest.mark.parametrize("name", WITH_FOLDS)
def test_folds_are_stored_disjoint_and_stratified(name, recordings):
    windows = tasks.get(name).windows(recordings)
    if recordings.kind != mitbih.NAME and name == "beat-5":
        # Its windows come from the recordings' annotations; those of the other tasks are stored.
        with pytest.raises(PopbeatError, match="belong to other windows"):
            folds.load(name, windows, 0)
        return
    tested = []
    for fold in range(folds.FOLDS):
        split = folds.load(name, windows, fold)
        together = np.concatenate([split.train, split.validation, split.test])
        np.testing.assert_array_equal(np.sort(together), np.arange(len(windows)))
        tested.append(split.test)
        if recordings.kind == mitbih.NAME:
            counts = np.bincount(windows.label[split.test], minlength=len(tasks.get(name).classes))
            expected = np.bincount(windows.label) / folds.FOLDS
            assert (np.abs(counts - expected) <= 1).all()
            assert len(np.unique(windows.label[split.validation])) >= len(tasks.get(name).classes) - 2
    np.testing.assert_array_equal(np.sort(np.concatenate(tested)), np.arange(len(windows)))


def test_folds_refuse_other_windows(rhythm17):
    windows, _ = rhythm17
    with pytest.raises(PopbeatError, match="other windows"):
        folds.load("rhythm-17", windows.take(np.arange(900)), 0)
    with pytest.raises(PopbeatError, match="fold 5"):
        folds.load("rhythm-17", windows, 5)


@pytest.mark.parametrize("name", WITH_FOLDS)
def test_drawing_the_folds_again_gives_the_stored_ones(name, mitdb, monkeypatch, tmp_path):
    stored = (folds.FOLDER / f"{name}.json").read_bytes()
    monkeypatch.setattr(folds, "FOLDER", tmp_path)
    assert folds.draw(name, tasks.get(name).windows(mitdb)).read_bytes() == stored
