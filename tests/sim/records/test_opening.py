"""Which recordings, which stretch."""

import numpy as np
import pytest

from sim.records import opening
from sw.errors import PopbeatError


def test_times_are_seconds_minutes_hours():
    assert [opening.seconds(text, 0, "FROM") for text in ("90", "1:30", "0:01:30.5", "")] == [90, 90, 90.5, 0]
    assert opening.Wish(start="10").span == (10, np.inf)
    for wrong in ("1:2:3:4", "-5", "soon", "1e3"):
        with pytest.raises(PopbeatError, match="is no time"):
            opening.seconds(wrong, 0, "FROM")
    with pytest.raises(PopbeatError, match="FROM=20 is not before TO=0:10"):
        _ = opening.Wish(start="20", stop="0:10").span


def test_a_folder_a_list_or_one(tmp_path, write):
    samples = np.arange(100)
    for name in ("b", "a"):
        write(tmp_path, samples, name=name)
    (tmp_path / "many.hea").write_text("many/2 1 250 200\na 100\nb 100\n")
    (tmp_path / "x.edf").write_bytes(b"")
    assert opening.listed(str(tmp_path)) == [str(tmp_path / name) for name in ("many", "x.edf")]
    (tmp_path / "RECORDS").write_text("b\na\n")
    assert opening.listed(str(tmp_path)) == [str(tmp_path / "b"), str(tmp_path / "a")]
    assert opening.listed("p/100, p/101") == ["p/100", "p/101"]
    write(tmp_path, samples, name="c")
    (tmp_path / "c.hea").rename(tmp_path / "c,d.hea")
    assert opening.listed(str(tmp_path / "c,d")) == [str(tmp_path / "c,d")]
    (tmp_path / "RECORDS").write_text("../a\n")
    with pytest.raises(PopbeatError, match="outside of its folder"):
        opening.listed(str(tmp_path))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(PopbeatError, match="has no recording"):
        opening.listed(str(empty))


def test_folders_below_are_searched_and_circles_are_not(tmp_path, write):
    samples = np.arange(100)
    below = tmp_path / "patient 2" / "day"
    for folder, name in ((tmp_path, "z"), (below, "a"), (tmp_path / ".hidden", "h")):
        folder.mkdir(parents=True, exist_ok=True)
        write(folder, samples, name=name)
    (below / "round").symlink_to(tmp_path, target_is_directory=True)
    assert opening.listed(str(tmp_path)) == [str(tmp_path / "z"), str(below / "a")]


def test_folders_tell_results_apart():
    about = {"record": "r", "lead": "V 1/x", "model": "m", "path": "/a/r", "lead_number": 0, "bundle_sha256": "1"}
    changes = ({}, {"path": "/b/r"}, {"inverted": True}, {"from_seconds": 5}, {"lead_rate_hz": 500.0})
    names = {opening.folder_name(about | change) for change in changes}
    assert len(names) == 5 and all(name.startswith("r_V-1-x_m_") for name in names)
