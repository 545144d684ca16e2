"""The multiplier alone, as Verilog and as netlists, on Verilator under cocotb."""

import json

import pytest

from hw import verilog
from hw.fpga import devices, flow
from sim.benches import alone, runner
from sim.benches.stream import multiplier
from sim.gate import cells
from sw import files
from sw.errors import PopbeatError


def test_every_case_and_its_canary():
    assert alone.run(multiplier) == len(multiplier.CASES)


@pytest.mark.parametrize(("name", "block"), [("ecp5-25k", "MULT18X18D"), ("ice40-up5k", "SB_MAC16"), ("gw2ar-18", "MULT18X18")])
def test_netlists(name, block):
    device, folder = devices.get(name), files.BUILD / "benches" / "multiplier" / name
    text = verilog.convert(alone.Bench(multiplier.CASES), "bench", device.family)
    netlist = flow.synthesise(text, "bench", device, folder / "synthesis")
    assert netlist.cells[block] >= 1
    runner.build(cells.source_of(netlist, folder), "bench", folder / "verilator", visible=("clk", "rst", "*__a", "*__b", "*__p"))
    environment = {"POPBEAT_COMPONENT": multiplier.__name__}
    assert runner.run("bench", alone.TESTS, folder / "verilator", environment, tests=2 * len(multiplier.CASES))


def test_a_product_that_ice40_dsp_would_lose_is_an_error(tmp_path):
    """The same Verilog without the family's attribute: if yosys takes it one day, the attribute can go. Elsewhere than here the
    line of docs/use.md sets it."""
    text = verilog.convert(alone.Bench(multiplier.CASES), "bench")
    with pytest.raises(PopbeatError, match="Driver-driver conflict"):
        flow.synthesise(text, "bench", devices.get("ice40-up5k"), tmp_path)
    (line,) = [line for line in (files.ROOT / "docs" / "use.md").read_text().splitlines() if line.startswith('yosys -p "')]
    script = (
        line.removeprefix('yosys -p "')
        .removesuffix('"')
        .replace("popbeat_bnn17_full.v", "top.v")
        .replace("popbeat_bnn17_full", "bench")
    )
    (tmp_path / "top.v").write_text(text)
    verilog.yosys(f"{script}; tee -q -o cells.json stat -json", tmp_path)
    cells = json.loads((tmp_path / "cells.json").read_text())["design"]["num_cells_by_type"]
    assert cells["SB_MAC16"] == len(multiplier.CASES)
