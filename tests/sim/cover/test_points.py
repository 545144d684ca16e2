"""Verilator's counts are read and added, and what was never reached is told."""

import pytest

from sim.cover import points
from sim.cover.points import Point
from sim.cover.run import component, figures
from sw.errors import PopbeatError


def line(kind: str, scope: str, what: str, count: int) -> str:
    fields = {"f": "top.v", "l": "12", "n": "3", "t": kind, "page": "v", "o": what, "h": scope}
    return "C '" + "".join(f"\x01{key}\x02{value}" for key, value in fields.items()) + f"' {count}\n"


def write(path, *lines: str):
    path.write_text("# SystemC::Coverage-3\n" + "".join(lines))
    return path


def test_counts_of_several_runs_are_added(tmp_path):
    scope = "TOP.top.part"
    first = write(
        tmp_path / "a", line("toggle", scope, "x[0]:0->1", 0), line("branch", scope, "if", 0), line("line", "TOP.top", "case", 1)
    )
    second = write(
        tmp_path / "b", line("toggle", scope, "x[0]:0->1", 4), line("branch", scope, "if", 0), line("line", "TOP.top", "case", 2)
    )
    counts = points.read([first, second])
    assert counts[Point("toggle", scope, 12, 3, "x[0]:0->1")] == 4 and counts[Point("line", "TOP.top", 12, 3, "case")] == 3
    told = figures(counts)
    assert told["shares"] == {"line": [1, 1], "branch": [0, 1], "toggle": [1, 1]}
    assert told["missed"] == ["TOP.top.part: branch if in line 12"] and list(told["components"]) == ["part"]


def test_bits_of_a_signal_are_told_together(tmp_path):
    few = [line("toggle", "TOP.top", f"x___05Fy[{bit}]:0->1", 0) for bit in (0, 1)]
    many = [line("toggle", "TOP.top", f"z[{bit}]:1->0", 0) for bit in range(7)]
    counts = points.read([write(tmp_path / "a", *few, *many, line("toggle", "TOP.top", "flag:0->1", 0))])
    assert points.missed(counts) == ["TOP.top: flag 0->1", "TOP.top: x_y [0] 0->1, [1] 0->1", "TOP.top: z 7 changes"]


def test_a_file_without_points_is_refused(tmp_path):
    with pytest.raises(PopbeatError, match="no coverage points"):
        points.read([write(tmp_path / "a")])


def test_components_are_named_by_their_path():
    assert component("TOP.popbeat.datapath.block1") == "datapath.block1" and component("TOP.popbeat") == "top"
