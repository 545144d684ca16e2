"""The tasks of LAMSCN and of images: rules, splits, thresholds, figures."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch

from sw import metrics, networks
from sw.data import beats, multilabel
from sw.data.beat_images import BEAT5_IMAGE, from_beats
from sw.errors import PopbeatError
from sw.export import bundles
from sw.export.array import integer
from sw.training import graph_networks as command
from sw.training import images, rhythms
from sw.training.graphs import Phase, Recipe
from tests.sw.data.conftest import digest, published

# Of the table's labels, which another test compares one by one where their file is at hand.
TABLE = "52ad55d469bc10c74834f5289d450603d648815fee5f050f5129dd966fcafe42"


@pytest.fixture(scope="module")
def windows(recordings):
    return multilabel.MULTILABEL17.windows(recordings)


def test_labels_have_the_tables_digest(mitdb, windows):
    assert digest(windows) == TABLE


def test_labels_are_those_of_the_table(mitdb, windows):
    with published("multilabel17.csv").open() as file:
        rows = {(r[0], int(r[1])): [int(v) for v in r[2:]] for r in list(csv.reader(file))[1:]}
    sets = multilabel.as_sets(windows.label).astype(int)
    assert len(windows) == len(rows) == 8640
    assert all(rows[str(r), int(s)] == k for r, s, k in zip(windows.record, windows.start, sets.tolist(), strict=True))


def test_a_rhythm_counts_from_one_second_on(recordings):
    class Marked:
        def annotations(self, record):
            sample, symbol = np.array([0, 1000, 1360, 2000, 2359, 3600]), np.array(["+", "+", "+", "+", "+", "V"])
            return sample, symbol, np.array(["(N", "(B", "(N", "(T", "(N", ""])

    found = multilabel.labels_at(Marked(), "x", np.array([0, 1, 3601]))
    told = [{name for name, there in zip(multilabel.LABELS, row, strict=True) if there} for row in found]
    # 360 samples of bigeminy are enough, 359 of trigeminy are not; the beat at 3,600 is in the windows that begin behind 0.
    assert told == [{"NSR", "BIGEMINY"}, {"NSR", "BIGEMINY", "PVC"}, {"NSR"}]


def test_sets_and_numbers():
    sets = np.random.default_rng(1).random((50, 17)) < 0.3
    np.testing.assert_array_equal(multilabel.as_sets(multilabel.as_numbers(sets)), sets)


def test_windows_of_two_parts_are_no_neighbours(windows):
    split = multilabel.by_time(windows)
    assert [len(part) for part in (split.train, split.validation, split.test)] == [48 * 122, 48 * 20, 48 * 36]
    number = windows.start // 3600
    for one, other in ((split.train, split.validation), (split.validation, split.test)):
        assert number[one].max() + 1 < number[other].min()
    parts = rhythms.parts(windows, rhythms.BY_TIME)
    # Training windows may begin anywhere, and the last of them ends where its part does.
    assert all(last + 3600 <= 122 * 3600 for _, _, last in parts.places)


def test_patients_are_in_one_part(windows):
    parts = rhythms.parts(windows, rhythms.INTER_PATIENT)
    records = [set(windows.record[rows]) for rows in (parts.train, parts.validation, parts.test)]
    assert records[0] | records[1] == set(beats.DS1) and records[2] == set(beats.DS2)
    assert not records[0] & records[1]
    assert {r for r, _, _ in parts.places} == records[0]


def test_thresholds_by_hand():
    logits = np.array([[3.0], [2.0], [1.0], [-4.0], [-5.0]], np.float32)
    assert rhythms.thresholds(logits, np.array([[1], [1], [0], [0], [0]], bool), prior=0)[0] == 1.5
    assert rhythms.thresholds(logits, np.zeros((5, 1), bool))[0] == 0  # a label that nobody has stays where training put it


def test_scores_by_hand():
    truth = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 0]], bool)
    told = np.array([[1, 0, 0], [1, 0, 0], [1, 1, 0], [0, 0, 0]], bool)
    found = metrics.multilabel(truth, told, told.astype(float), ("a", "b", "c"))
    assert found["micro_f1"] == 0.75 and found["subset_accuracy"] == 0.5
    assert found["per_label"]["a"] == {
        "windows": 2,
        "f1": 0.8,
        "sensitivity": 1.0,
        "positive_predictivity": 0.6667,
        "average_precision": 0.6667,
    }
    assert found["macro_f1"] == round((0.8 + 2 / 3) / 2, 4)  # label c occurs nowhere
    low, high = command.intervals(truth, told, np.array(["1", "1", "2", "3"]))["micro_f1"]
    assert low <= found["micro_f1"] <= high


def test_images_are_of_the_beats(recordings):
    of_beats, of_images = beats.BEAT5.windows(recordings), BEAT5_IMAGE.windows(recordings)
    assert from_beats(of_beats).positions() == of_images.positions()
    some = np.array([0, 5000, len(of_images) - 1])
    raw = BEAT5_IMAGE.samples(recordings, of_images.take(some))
    for row, at in enumerate(some):
        signal = recordings.signal(str(of_images.record[at]), str(of_images.lead[at]))
        peak = of_beats.start[at] + beats.BEFORE
        assert raw[row, 128] == signal[peak]
        assert raw[row, 0] == signal[max(peak - 128, 0)] and raw[row, 255] == signal[min(peak + 127, len(signal) - 1)]


PHASE = Phase(1, 64, 3e-3, 1e-2)
BRIEF = Recipe(PHASE, PHASE, PHASE, PHASE, most=2, width=1.5, mac_width=1.5, batch=32, calibration=32)


class Bar:
    """Progress lines that nobody sees."""

    def add_task(self, *_, **__) -> int:
        return 0

    def update(self, *_, **__) -> None:
        pass


@pytest.fixture
def one_thread():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_labels_from_training_to_bundle(recordings, tmp_path, monkeypatch, one_thread):
    whole = rhythms.parts

    def few(windows, protocol):
        found = whole(windows, protocol)
        return replace(found, validation=found.validation[::40], test=found.test[::90])

    monkeypatch.setattr(rhythms, "parts", few)
    model = networks.get("lamscn17")
    told = command.train_protocol(model, rhythms.BY_TIME, BRIEF, recordings, tmp_path, Bar())
    packed = bundles.read(tmp_path / "bundle")
    task = rhythms.Rhythms(recordings, rhythms.BY_TIME)
    trace = integer.run(packed, task.raw[task.parts.test], keep=False)
    again = metrics.multilabel(task.sets[task.parts.test], trace.labels, trace.logits, multilabel.LABELS)
    # Labels are where logits are 0 or more: thresholds are in the biases.
    assert again["micro_f1"] == told["micro_f1"] and again["subset_accuracy"] == told["subset_accuracy"]
    assert told["windows"] == len(task.parts.test) and set(told["guessing"]) == {"record_majority", "class_majority"}
    assert any(packed.training["thresholds"])
    monkeypatch.setattr(command.graphs, "train", None)  # what was trained is taken as it is
    assert command.train_protocol(model, rhythms.BY_TIME, BRIEF, recordings, tmp_path, Bar()) == told


def test_images_from_training_to_bundle(recordings, tmp_path, monkeypatch, one_thread):
    whole = images.folds.load

    def few(task, windows, fold):
        found = whole(task, windows, fold)
        return replace(found, validation=found.validation[::200], test=found.test[::200])

    monkeypatch.setattr(images.folds, "load", few)
    recipe = replace(BRIEF, input_fraction=images.INPUT_FRACTION)
    told = command.train_protocol(networks.get("gasf5"), images.COMPARABLE, recipe, recordings, tmp_path, Bar())
    packed = bundles.read(tmp_path / "bundle")
    task = images.Images(recordings, images.COMPARABLE)
    trace = integer.run(packed, task.raw(task.test), keep=False)
    assert told["accuracy"] == round(float((trace.label == task.label[task.test]).mean()), 4)
    assert told["windows"] == len(task.test) and not (task.label[task.test] == images.UNSCORED).any()
    assert packed.front == "image" and packed.width <= 1.55


def test_protocols_that_a_model_does_not_have():
    with pytest.raises(PopbeatError, match="gasf5 is trained under comparable or inter-patient, not by-time"):
        command.train(networks.get("gasf5"), "by-time", 0, False)
