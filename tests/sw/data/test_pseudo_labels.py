"""The rule that labels windows of rhythm-17 from annotations, and how far it agrees with the published labels."""

import numpy as np
import pytest

from sw.data import mitbih, pseudo_labels, tasks
from sw.errors import PopbeatError
from tests.conftest import RULE_LABELS, RULE_RIGHT


def marks(beats: str, *rhythms: tuple[int, str]) -> pseudo_labels.Annotations:
    """A beat every 300 samples from sample 100 on, and rhythms from their samples on."""
    begin = np.array([sample for sample, _ in rhythms])
    end = np.append(begin[1:], mitbih.LENGTH)
    return pseudo_labels.Annotations(100 + 300 * np.arange(len(beats)), np.array(list(beats)), begin, end, [r for _, r in rhythms])


@pytest.mark.parametrize(
    ("beats", "rhythms", "expected"),
    [
        ("NNNNNNNNNNNN", [(0, "(N")], "NSR"),
        ("NNNNNANNNNNN", [(0, "(N")], "APB"),
        ("NNNNNVNNNNNN", [(0, "(N")], "PVC"),
        ("NNNNNFNNNNNN", [(0, "(N")], "Fusion"),
        ("NNNNNVNNANNN", [(0, "(N")], None),  # two kinds of premature beats
        ("VVVVVVVVVVVV", [(0, "(N")], None),  # no normal beat among them
        ("LLLLLLLLLLLL", [(0, "(N")], "LBBBB"),
        ("LLLLLVLLLLLL", [(0, "(N")], None),
        ("RRRRRRRRRRRR", [(0, "(N")], "RBBBB"),
        ("NNNNNNNNNNNN", [(0, "(SBR")], None),  # none of the 17
        ("NNNNNNNNNNNN", [(0, "(AFIB")], "AFIB"),
        ("NNNNNNNNNNNN", [(0, "(N"), (1799, "(AFIB")], "AFIB"),
        ("NNNNNNNNNNNN", [(0, "(N"), (1801, "(AFIB")], None),
        ("NVNVNVNVNVNV", [(0, "(B")], "Bigeminy"),
        ("NVNVNVNNNNNN", [(0, "(B"), (1700, "(N")], None),
        ("NNVNNVNNVNNV", [(0, "(T")], "Trigeminy"),
        ("NNNNNNNNNVVV", [(0, "(N"), (2700, "(VT")], "VT"),
        ("NNNNNNNNNNNN", [(0, "(PREX"), (10, "(N")], "WPW"),
        ("NNNNNNNNNNNN", [(0, "(N"), (3600, "(VT")], "NSR"),  # the rhythm begins behind the window
        ("NNNNNNNNNNNNV", [(0, "(N")], "NSR"),  # as the beat does
        ("", [(0, "(N")], None),
    ],
)
def test_rule(beats, rhythms, expected):
    assert pseudo_labels.label(marks(beats, *rhythms), 0, 3600) == expected


def test_agreement_with_the_published_labels(mitdb):
    task = tasks.get("rhythm-17")
    windows = task.windows(mitdb)
    given = pseudo_labels.of_windows(task, mitdb, windows)
    assert (given >= 0).sum() == RULE_LABELS
    assert (given == windows.label).sum() == RULE_RIGHT


def test_the_rule_of_window5_is_the_published_one(recordings):
    task = tasks.get("window-5")
    windows = task.windows(recordings)
    record = str(windows.record[0])
    rows = windows.record == record
    given = pseudo_labels.of_record(task, recordings, record, windows.start[rows].tolist())
    np.testing.assert_array_equal(given, windows.label[rows])


def test_tasks_without_a_rule():
    other = tasks.Task("beat-5", ("a",), 100, lambda source: [])
    with pytest.raises(PopbeatError, match="no rule that labels further windows of the task beat-5"):
        pseudo_labels.of_record(other, None, "100", [0])
