"""The rule of window-5, and the published labels."""

import csv

import pytest

from sw.data import mitbih, rhythms, source, tasks
from tests.sw.data.conftest import SHARED, real


@real
def test_window5_reproduces_the_published_labels():
    task = tasks.get("window-5")
    windows = task.windows(source.Source(mitbih.NAME, SHARED / "mitdb"))
    with open(SHARED / "fragments5.csv", newline="") as file:
        published = [(row["record"], int(row["start_sample"]), row["class"]) for row in csv.DictReader(file)]
    ours = [(str(r), int(s), task.classes[k]) for r, s, k in zip(windows.record, windows.start, windows.label, strict=True)]
    assert ours == published


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
