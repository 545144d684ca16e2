"""Verilator's own part is compiled once."""

import pytest

from sim import verilator
from sw import files
from sw.errors import PopbeatError


def test_verilators_own_part_is_compiled_once(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "BUILD", tmp_path / "build")

    def build(folder: str, flags: list[str], fails: bool = False) -> list[str]:
        objects = tmp_path / folder
        with verilator.runtime(objects, flags):
            found = [one.read_text() for one in sorted(objects.glob("*.o"))]
            (objects / "verilated.o").write_text(f"compiled for {folder}")
            for name in ("Vtop.o", "verilator.o"):  # the design, and cocotb's main, which includes its header
                (objects / name).write_text("the design")
            if fails:
                raise PopbeatError("a build that fails")
        return found

    with pytest.raises(PopbeatError):
        build("broken", ["-O2"], fails=True)
    assert build("first", ["-O2"]) == []
    assert build("second", ["-O2"]) == ["compiled for first"]
    assert build("other", ["-O0"]) == []
    # Nothing of an earlier build in the same folder is taken for that of other flags.
    assert build("second", ["-O3"]) == ["the design"] * 2
