"""Scoring by EC57, annotation files, and bxb where it is installed."""

import numpy as np
import pytest
import wfdb
from wfdb import processing

from sw.beats import annotations, bxb, score
from sw.data import records
from sw.errors import PopbeatError


def marks(*pairs):
    """Annotations from (sample, symbol)."""
    return np.array([p for p, _ in pairs], np.int64), np.array([s for _, s in pairs])


def compared(truth, test, start=0):
    seen = score.compare(score.reference(*truth), np.array(test, np.int64), start)
    return seen.pairs.tolist(), seen.missed.tolist(), seen.extra.tolist()


BEATS = marks((100, "N"), (400, "V"), (700, "A"), (1000, "N"))


@pytest.mark.parametrize(
    ("test", "pairs", "missed", "extra"),
    [
        ([100, 400, 700, 1000], [[0, 0], [1, 1], [2, 2], [3, 3]], [], []),
        ([100 + 54, 400 - 54, 700, 1000], [[0, 0], [1, 1], [2, 2], [3, 3]], [], []),
        ([100 + 55, 400, 700, 1000], [[1, 1], [2, 2], [3, 3]], [0], [0]),  # one sample beyond 150 ms
        ([100, 400 - 55, 700, 1000], [[0, 0], [2, 2], [3, 3]], [1], [1]),
        ([100, 390, 405, 700, 1000], [[0, 0], [1, 2], [2, 3], [3, 4]], [], [1]),  # the nearer of two
        ([100, 400, 700], [[0, 0], [1, 1], [2, 2]], [3], []),
        ([100, 400, 700, 1000, 1300], [[0, 0], [1, 1], [2, 2], [3, 3]], [], [4]),
        ([], [], [0, 1, 2, 3], []),
    ],
)
def test_pairs(test, pairs, missed, extra):
    assert compared(BEATS, test) == (pairs, missed, extra)


def test_two_reference_beats_near_one():
    truth = marks((100, "N"), (140, "N"))
    assert compared(truth, [125]) == ([[1, 0]], [0], [])
    assert compared(truth, [115]) == ([[0, 0]], [1], [])


def test_what_is_no_beat_does_not_count():
    truth = marks((90, "+"), (100, "N"), (200, "~"), (400, "V"), (500, "|"), (600, "x"))
    assert compared(truth, [100, 400]) == ([[0, 0], [1, 1]], [], [])


def test_the_start_of_the_test_period():
    truth = marks((100, "N"), (400, "N"), (1010, "N"), (1300, "N"))
    assert compared(truth, [100, 400, 1010, 1300], start=1000) == ([[2, 2], [3, 3]], [], [])
    assert compared(truth, [100, 990, 1300], start=1000) == ([[2, 1], [3, 2]], [], [])  # a test beat just before it pairs
    truth = marks((100, "N"), (980, "N"), (1300, "N"))
    assert compared(truth, [100, 1005, 1300], start=1000) == ([[2, 2]], [], [])  # one just after it is passed over
    assert compared(truth, [100, 1100, 1300], start=1000) == ([[2, 2]], [], [1])


def test_flutter_is_exempt_or_not():
    sample, symbol = marks((100, "N"), (300, "["), (350, "!"), (450, "!"), (550, "]"), (800, "N"))
    exempt = score.reference(sample, symbol)
    assert exempt.position.tolist() == [100, 800] and exempt.flutter == ((300, 550),)
    assert compared((sample, symbol), [100, 300, 420, 550, 600, 800]) == ([[0, 0], [1, 5]], [], [4])
    counted = score.reference(sample, symbol, exempt_flutter=False)
    seen = score.compare(counted, np.array([100, 360, 800]), 0)
    assert (seen.pairs.tolist(), seen.missed.tolist(), seen.extra.tolist()) == ([[0, 0], [1, 1], [3, 2]], [2], [])
    open_end = score.reference(*marks((100, "N"), (300, "[")))
    assert len(score.compare(open_end, np.array([100, 10_000]), 0).extra) == 0


def test_confusion_and_figures_by_hand():
    truth = score.reference(*marks(*[(1000 * k, s) for k, s in enumerate("NNNAAVVVF/", start=1)]))
    test = np.array([1000, 2000, 3000, 4000, 5000, 6000, 7000, 9000, 10_000, 11_500])
    called = np.array([score.CLASSES.index(c) for c in "NNSSNVVVVN"])
    matrix = score.confusion(truth, score.compare(truth, test, 0), called)
    expected = np.zeros((6, 6), int)
    expected[0, 0], expected[0, 1], expected[1, 1], expected[1, 0] = 2, 1, 1, 1
    expected[2, 2], expected[2, 5], expected[3, 2], expected[4, 2], expected[5, 0] = 2, 1, 1, 1, 1
    np.testing.assert_array_equal(matrix, expected)
    assert score.detection(matrix) == {
        "beats": 10, "detected": 9, "missed": 1, "extra": 1, "sensitivity": 0.9, "positive_predictivity": 0.9,
    }  # fmt: skip
    # V: fusion and unclassifiable beats that were called V are no false positives.
    assert score.class_figures(matrix, "V") == {
        "beats": 3, "sensitivity": 0.66667, "positive_predictivity": 1.0, "false_positive_rate": 0.0,
    }  # fmt: skip
    assert score.class_figures(matrix, "S") == {
        "beats": 2, "sensitivity": 0.5, "positive_predictivity": 0.5, "false_positive_rate": 0.125,
    }  # fmt: skip
    empty = score.class_figures(np.zeros((6, 6), int), "S")
    assert empty["sensitivity"] is None
    np.testing.assert_array_equal(score.confusion(truth, score.compare(truth, test, 0)).sum(axis=1)[:5], [3, 2, 3, 1, 1])


def test_agrees_with_wfdb_where_beats_are_apart():
    rng = np.random.default_rng(3)
    truth = np.cumsum(rng.integers(150, 400, 400))
    found = truth[rng.random(400) < 0.9]
    test = np.sort(found + rng.integers(-60, 61, len(found)))
    seen = score.compare(score.Reference(truth, np.zeros(400, np.int64)), test, 0)
    # wfdb's window is open: 54 samples belong to it when 55 are given.
    theirs = processing.compare_annotations(truth, test, score.TOLERANCE + 1)
    assert (len(seen.pairs), len(seen.missed), len(seen.extra)) == (theirs.tp, theirs.fn, theirs.fp)


def test_beats_out_of_order_and_unknown_symbols():
    with pytest.raises(ValueError, match="in order of time"):
        score.compare(score.reference(*BEATS), np.array([400, 100]), 0)
    with pytest.raises(PopbeatError, match="belong to no AAMI class"):
        score.labels(["N", "%"])


def test_annotations_come_back_as_they_were_written(tmp_path):
    position = np.array([3, 50, 2000, 5000, 300_000])
    path = annotations.write(tmp_path, "100", position, annotations.symbols(np.arange(5)))
    assert path.name == "100.popbeat"
    sample, symbol, _ = records.read_annotations(tmp_path / "100", "popbeat")
    np.testing.assert_array_equal(sample, position)
    assert "".join(symbol) == "NSVFQ"
    read = wfdb.rdann(str(tmp_path / "100"), "popbeat")
    assert read.sample.tolist() == position.tolist() and read.symbol == list("NSVFQ")
    np.testing.assert_array_equal(score.labels(symbol), np.arange(5))


@pytest.mark.parametrize(
    ("position", "symbol", "annotator", "message"),
    [
        ([5, 9], "NN", "atr", "reference annotator"),
        ([5, 9], "NN", "../x", "reference annotator or no name"),
        ([], "", "popbeat", "no beats to write"),
        ([9, 5], "NN", "popbeat", "must rise"),
        ([-1, 5], "NN", "popbeat", "must rise"),
        ([5, 9], "N", "popbeat", "1 symbols"),
        ([5, 9], "N+", "popbeat", "belong to no AAMI class"),
    ],
)
def test_annotations_that_are_not_written(tmp_path, position, symbol, annotator, message):
    (tmp_path / "100.atr").write_bytes(b"reference")
    with pytest.raises(PopbeatError, match=message):
        annotations.write(tmp_path, "100", np.array(position, np.int64), np.array(list(symbol)), annotator)
    assert [p.name for p in tmp_path.iterdir()] == ["100.atr"] and (tmp_path / "100.atr").read_bytes() == b"reference"


def test_class_indices_out_of_range():
    with pytest.raises(PopbeatError, match="between 0 and 4"):
        annotations.symbols(np.array([0, 5]))


REPORT = """           QRS sensitivity:  99.96% (2272/2273)
 QRS positive predictivity: 100.00% (2272/2272)
"""


def test_report_of_bxb():
    assert bxb.parse(REPORT, "100") == {"detected": 2272, "missed": 1, "extra": 0}
    with pytest.raises(PopbeatError, match="no line on QRS"):
        bxb.parse("bxb: can't open", "100")


@pytest.mark.skipif(not bxb.installed(), reason="bxb of the WFDB tools is not installed")
@pytest.mark.parametrize("start", [0, score.LEARNING])
def test_bxb_counts_the_same(recordings, tmp_path, start):
    for record in ("101", "207"):
        sample, symbol, _ = recordings.annotations(record)
        truth = score.reference(sample, symbol)
        rng = np.random.default_rng(int(record))
        test = np.unique(truth.position[rng.random(len(truth.position)) < 0.97] + rng.integers(-60, 61))
        test = np.unique(np.r_[test, rng.integers(400, 640_000, 40)])
        annotations.write(tmp_path, record, test, np.full(len(test), "N"))
        own = score.detection(score.confusion(truth, score.compare(truth, test, start)))
        seen = bxb.detection(recordings.path / record, tmp_path, start)
        assert seen == {name: own[name] for name in seen}
