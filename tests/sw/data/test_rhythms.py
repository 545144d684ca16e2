"""The rule of window-5, and the published labels."""

import csv

import pytest

from sw.data import rhythms, tasks
from tests.sw.data.conftest import digest, published

# Of the published labels, which another test compares one by one where their file is at hand.
PUBLISHED = "51126c79a5460a4c8ce2c85537da22217026492ab4f7d7f142a5af8ba2a2e2f4"


def test_window5_has_the_published_labels_digest(mitdb):
    assert digest(tasks.get("window-5").windows(mitdb)) == PUBLISHED


def test_window5_reproduces_the_published_labels(mitdb):
    task = tasks.get("window-5")
    windows = task.windows(mitdb)
    with published("fragments5.csv").open(newline="") as file:
        theirs = [(row["record"], int(row["start_sample"]), row["class"]) for row in csv.DictReader(file)]
    ours = [(str(r), int(s), task.classes[k]) for r, s, k in zip(windows.record, windows.start, windows.label, strict=True)]
    assert ours == theirs


@pytest.mark.parametrize(
    ("symbols", "expected"),
    [
        ([], "Q"),
        (["N", "N"], "N"),
        (["+", "N"], "N"),
        (["+", "~"], "Q"),
        (["N", "N", "N", "V"], "V"),
        (["L", "L", "V"], "N"),
        (["V", "A"], "S"),
        (["A", "V"], "V"),
        (["A", "V", "A"], "S"),
        (["/"], "Q"),
        (["F", "E"], "V"),
    ],
)
def test_window5_rule(symbols, expected):
    assert rhythms.window5_class(symbols) == expected
