"""What trees say of beats of patients that they never saw."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sw import files, networks
from sw.training import beat_teacher, beats


@pytest.fixture
def drawn():
    """Beats of ten patients: N, S and V by their words and samples, and one patient whose labels are turned round."""
    rng = np.random.default_rng(1)
    label = rng.choice(3, 900, p=(0.6, 0.2, 0.2))
    record = np.array([f"{100 + n}" for n in rng.integers(0, 10, len(label))])
    words = rng.integers(280, 320, (len(label), 3))
    words[label == 1, 0] -= 100  # S is early
    samples = rng.normal(0, 0.2, (len(label), 40)) + (label == 2)[:, None] * np.linspace(0, 2, 40)
    return samples.astype(np.float32), words, label, record


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setitem(beat_teacher.TREES, "max_iter", 6)
    monkeypatch.setitem(beat_teacher.TREES, "learning_rate", 0.5)
    monkeypatch.setitem(beat_teacher.TREES, "min_samples_leaf", 20)
    monkeypatch.setitem(beat_teacher.TREES, "max_features", 1.0)


def same(label, record):
    return np.full(len(label), 1 / len(label))


def test_the_teacher_knows_classes_of_patients_it_never_saw(drawn, small):
    samples, words, label, record = drawn
    said = beat_teacher.teach(samples, words, label, record, same)
    assert said.shape == (900, 5) and said.dtype == np.float32
    assert (np.abs(said.sum(axis=1) - 1) < 1e-5).all() and (said > 0).all()
    assert (said.argmax(axis=1) == label).mean() > 0.97
    assert said[:, 3:].max() < 1e-3  # no such beats


def test_a_patients_own_labels_have_no_part_in_what_is_said_of_him(drawn, small):
    samples, words, label, record = drawn
    own = record == "103"
    turned = np.where(own, (label + 1) % 3, label)
    before, after = (beat_teacher.teach(samples, words, of, record, same) for of in (label, turned))
    # Patients of the same set are not seen together, those of other sets are.
    together = np.isin(record, np.unique(record)[3 :: beat_teacher.SETS])
    np.testing.assert_array_equal(before[together], after[together])
    assert (before[~together] != after[~together]).any(axis=1).mean() > 0.9


def test_samples_do_not_part_s_from_n(drawn, small):
    samples, words, label, record = drawn
    samples[:, 20] += 5 * (label == 1)  # a mark that S beats alone have
    words[:, 0] = 300
    said = beat_teacher.teach(samples, words, label, record, same)[label < 2]
    parted = said[:, 1] / said[:, :2].sum(axis=1)
    assert abs(parted[label[label < 2] == 1].mean() - parted[label[label < 2] == 0].mean()) < 0.05


def test_targets_are_labels_mixed_with_what_the_teacher_says(monkeypatch, tmp_path):
    monkeypatch.setattr(files, "BUILD", tmp_path)
    model, asked, label = networks.get("bnnbeat5"), [], np.arange(20) % 3
    windows = SimpleNamespace(label=label, record=np.array(["100"] * 20), positions=lambda: [])
    source, label = SimpleNamespace(kind="mitdb"), torch.from_numpy(label)
    data = SimpleNamespace(windows=windows, source=source, label=label, input=torch.zeros(20, 300), words=torch.zeros(20, 10))
    known = np.arange(0, 20, 2)

    def teach(samples, words, label, record, weigh):
        asked.append(len(label))
        return np.full((len(label), 5), 0.2, np.float32)

    monkeypatch.setattr(beat_teacher, "teach", teach)
    assert beats.targets(model, data, known, beats.Recipe(taught=0.0)) is data.label and not asked
    for _ in range(2):  # the second time from what was kept
        mixed = beats.targets(model, data, known, beats.Recipe(taught=0.5))
    assert asked == [len(known)]
    label = torch.nn.functional.one_hot(label, 5).float()
    assert torch.equal(mixed[known], label[known] / 2 + 0.1)
    assert torch.equal(mixed[1::2], label[1::2])
    beats.targets(model, data, known[:-1], beats.Recipe(taught=0.5))
    assert asked == [len(known), len(known) - 1]
