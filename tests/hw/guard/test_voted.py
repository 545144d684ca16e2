"""Three copies are still three behind synthesis, of every family that is placed here."""

import json
from pathlib import Path

import pytest

from hw import verilog
from hw.fpga import devices, flow
from hw.guard.guard import Guard, GuardParams
from sw import files

PARAMS = GuardParams(bits=16, window=9, beats=3, patience=60)
WIDTHS = {"state": 3, "number": 16, "index": 4}


def distinct(netlist: Path) -> bool:
    """Whether each bit of each copy has a net of its own in nextpnr's JSON."""
    named = json.loads(netlist.read_text())["modules"]["guard"]["netnames"]
    copies = [named[f"{register}_{k}"]["bits"] for register in WIDTHS for k in range(3)]
    assert [len(bits) for bits in copies] == [width for width in WIDTHS.values() for _ in range(3)]
    return len(set(sum(copies, []))) == 3 * sum(WIDTHS.values())


@pytest.mark.parametrize("name", ["ecp5-25k", "ice40-up5k", "gw2ar-18"])
def test_synthesis_leaves_three_copies(name):
    device = devices.get(name)
    text = verilog.convert(Guard(PARAMS), "guard", device.family)
    netlist = flow.synthesise(text, "guard", device, files.BUILD / "guard-test" / name)
    assert distinct(netlist.json), "copies were joined"


def test_yosys_synth_joins_them(tmp_path):
    """Without a family it looks for registers of the same input behind ABC. docs/guard.md says so; and the check above can fail."""
    (tmp_path / "guard.v").write_text(verilog.convert(Guard(PARAMS), "guard"))
    verilog.yosys("read_verilog guard.v; synth -flatten -top guard; write_json guard.json", tmp_path)
    assert not distinct(tmp_path / "guard.json")
