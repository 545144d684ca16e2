"""The published fragments, and the windows of rhythm-17 that are theirs."""

import numpy as np
import scipy.io

from sw.data import fragments
from tests.sw.data.conftest import published


def test_fragments_are_a_thousand_rows_of_seventeen_classes():
    rows = fragments.rows()
    assert len(rows) == 1000
    assert len({r.number for r in rows}) == 17
    assert all(r.start % 3600 == 0 for r in rows)


def test_rhythm17_has_no_window_twice(rhythm17):
    windows, samples = rhythm17
    assert len(windows) == 989
    assert len(set(zip(windows.record.tolist(), windows.start.tolist(), strict=True))) == 989
    assert samples.shape == (989, 3600)


def test_rhythm17_is_cut_where_the_published_fragments_are(mitdb):
    checked, home = 0, published("mlii-fragments-17")
    for row in fragments.rows():
        for folder in home.glob(f"{row.number + 1} *"):
            samples = scipy.io.loadmat(folder / row.file)["val"][0]
            np.testing.assert_array_equal(mitdb.signal(row.record, row.lead)[row.start : row.start + 3600], samples)
            checked += 1
    assert checked == 1000
