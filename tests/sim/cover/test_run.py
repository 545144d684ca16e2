"""Figures of coverage are counted anew when something changes that they depend on."""

import pytest

from sim.cover import run

LISTED = ("hw/top.py", "sim/bed.py", "sim/mutate/judge.cpp", "sim/common.h", "sw/reasons.json", "sw/models/tensors.safetensors")


@pytest.mark.parametrize("changed", LISTED)
def test_what_the_figures_depend_on(tmp_path, monkeypatch, changed):
    monkeypatch.setattr(run.files, "ROOT", tmp_path)
    for name in LISTED:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("before")
    before = run._inputs()
    assert run._inputs() == before
    (tmp_path / changed).write_text("after")
    assert {name for name, value in run._inputs().items() if value != before[name]} == {"code"}
