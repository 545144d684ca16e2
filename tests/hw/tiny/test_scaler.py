"""The tiny engine's scaler as a netlist, on Verilator under cocotb."""

from hw import verilog
from hw.fpga import devices, flow
from hw.tiny.scaler import Scaler
from sim.benches import runner
from sim.gate import cells
from sw import files
from sw.export.front.normaliser import NormaliserSpec


def test_the_scalers_netlist():
    """Its multipliers are the family's own, instantiated and packed by synthesis: the netlist is what has to be right."""
    folder, device = files.BUILD / "tiny-test" / "scaler", devices.get("ice40-up5k")
    netlist = flow.synthesise(verilog.convert(Scaler(NormaliserSpec()), "scaler", "ice40"), "scaler", device, folder / "synthesis")
    assert netlist.cells["SB_MAC16"] == 3
    runner.build(cells.source_of(netlist, folder), "scaler", folder / "verilator", visible=("clk", "rst", "sample", "scale", "z"))
    assert runner.run("scaler", "sim.benches.tiny.scaler", folder / "verilator", {}, tests=1) == 1
    seen = runner.outcome("scaler", "sim.benches.tiny.scaler", folder / "verilator", {"POPBEAT_CANARY": "1"})
    assert (seen.ran, seen.failed) == (1, 1) and "sample 100 of deviation 2" in seen.log
