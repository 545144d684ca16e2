"""The FPGA flow on a small network: its netlist computes what the integer model says; block RAMs take their output registers; place
and route tells what does not fit; the same inputs give the same bitstream."""

import json

import numpy as np
import pytest

from hw import verilog
from hw.binary.datapath import DatapathParams
from hw.binary.folding import Config, Folding
from hw.binary.top import Top, cycles
from hw.fpga import devices, flow, output_registers
from sim import compare
from sim.benches import vectors
from sim.gate import netlist as gate
from sim.gate import toggles
from sim.gate.cells import source_of
from sw import files
from sw.errors import PopbeatError
from sw.export.binary import integer
from tests.conftest import random_bundle, random_windows

DEVICE = devices.get("ecp5-25k")
# The last block's weights lie in block RAM.
CONFIG = Config("test", (Folding(2), Folding(2), Folding(1, memory=True)))


@pytest.fixture(scope="module")
def small():
    """A small network's parameters and netlist."""
    params = DatapathParams(random_bundle(5), CONFIG)
    text = verilog.convert(Top(params), "network", "ecp5")
    return params, flow.synthesise(text, "network", DEVICE, files.BUILD / "fpga-test" / "synthesis")


def test_the_netlist_is_the_network(small):
    params, netlist = small
    assert netlist.cells["MULT18X18D"] >= 3 and netlist.cells["DP16KD"] >= 1
    samples = random_windows(5, 3, 61)
    bench, folder = vectors.of(params.bundle, samples, **vars(cycles(params))), files.BUILD / "fpga-test" / "gate"
    assert gate.check(source_of(netlist, folder), "network", folder, bench) == 3


def test_toggles_are_those_of_the_nets(small):
    params, netlist = small
    samples = random_windows(5, 3, 61)
    folder = files.BUILD / "fpga-test" / "toggles"
    seen = toggles.count(netlist, "network", samples, 1, folder)
    logits = integer.run(params.bundle, samples).logits
    toggles.check_results(seen.words, logits)
    logits[2, 1] -= 1
    with pytest.raises(compare.Mismatch, match=r"logits of the netlist: 1 of"):
        toggles.check_results(seen.words, logits)
    nets = toggles.read(folder / "toggles.saif", "network")
    assert "clk" not in nets and len(nets) == seen.nets > netlist.cells["TRELLIS_FF"]
    # The input is driven by the program itself: it begins at 0 and takes on every sample.
    bits = (np.concatenate([[0], samples.reshape(-1)])[:, None] >> np.arange(16)) & 1
    driven = [nets[rf"s_axis_tdata\[{k}\]"] for k in range(16)]
    assert driven == np.abs(np.diff(bits, axis=0)).sum(axis=0).tolist()


def test_toggles_want_a_file_with_nets(tmp_path):
    path = tmp_path / "empty.saif"
    path.write_text('(SAIFILE (SAIFVERSION "2.0") (INSTANCE top))')
    with pytest.raises(PopbeatError, match="empty.saif holds no net"):
        toggles.read(path, "top")


def test_block_rams_take_their_output_registers(small):
    design = json.loads(small[1].json.read_text())
    cells = [c for m in design["modules"].values() for c in m["cells"].values() if c["type"] == "DP16KD"]
    modes = [c["parameters"]["REGMODE_B"] for c in cells]
    assert "OUTREG" in modes
    assert output_registers.pack(design) == 0  # they are not there to be taken twice


# Little, with cells of every kind: a block RAM, a LUT RAM, a product, a carry chain, registers.
KINDS = """module kinds(input clk, input [15:0] a, input [3:0] b, output reg [31:0] o);
  reg [15:0] large[0:1023]; reg [3:0] little[0:15]; reg [15:0] read; reg [9:0] place = 0;
  always @(posedge clk) begin
    place <= place + 1; large[place] <= a; read <= large[place ^ b]; little[a[3:0]] <= b;
    o <= read * a + {28'b0, little[b]};
  end
endmodule
"""


@pytest.fixture(scope="module")
def kinds():
    netlist = flow.synthesise(KINDS, "kinds", DEVICE, files.BUILD / "fpga-test" / "kinds")
    assert {"LUT4", "CCU2C", "TRELLIS_FF", "TRELLIS_DPR16X4", "DP16KD", "MULT18X18D"} <= set(netlist.cells)
    return netlist


def test_large_designs_have_a_placer_of_their_own(kinds, tmp_path, monkeypatch):
    netlist = kinds
    luts = netlist.cells["LUT4"]
    assert not flow.placer(netlist, DEVICE)
    monkeypatch.setattr(flow, "PLACER", {"ecp5": (luts + 1, "static")})
    assert not flow.placer(netlist, DEVICE)
    monkeypatch.setattr(flow, "PLACER", {"ecp5": (luts, "static")})
    assert flow.placer(netlist, DEVICE) == ["--placer", "static"]
    assert not flow.placer(netlist, devices.get("gw2ar-18"))
    lines = []
    flow.place(netlist, DEVICE, tmp_path, 1, 50.0, say=lines.append)
    assert any("static placer" in line.lower() for line in lines), lines[:40]


def test_same_inputs_same_bitstream(kinds, tmp_path):
    """Of little, with cells of every kind: a network takes nextpnr half a minute more each time."""
    netlist, digests = kinds, []
    for number in (1, 2):
        placed = flow.place(netlist, DEVICE, tmp_path / str(number), 1, 50.0)
        assert placed.mhz > 50 and placed.used["TRELLIS_COMB"] < placed.available["TRELLIS_COMB"]
        digests.append(files.sha256(flow.pack(placed, DEVICE).read_bytes()))
    assert digests[0] == digests[1]


def test_what_does_not_fit_is_told(tmp_path):
    text = "module big(input clk, input [17:0] a, output reg [17:0] o);\n  wire [17:0] p[0:40];\n  assign p[0] = a;\n"
    text += "  genvar i; generate for (i = 0; i < 40; i = i + 1) begin\n    reg [35:0] r;\n"
    text += "    always @(posedge clk) r <= p[i] * (p[i] ^ i);\n"
    text += "    assign p[i + 1] = r[35:18] ^ r[17:0];\n  end endgenerate\n  always @(posedge clk) o <= p[40];\nendmodule\n"
    netlist = flow.synthesise(text, "big", DEVICE, tmp_path)
    with pytest.raises(PopbeatError, match=r"place and route failed.*MULT18X18D"):
        flow.place(netlist, DEVICE, tmp_path, 1, 10.0)
    with pytest.raises(PopbeatError, match=r"big does not fit ecp5-25k: it takes \d+ of 28 MULT18X18D \(\d+ %\); take less"):
        flow.check_room(netlist, DEVICE, tmp_path / "packed", "big", "take less")


def test_room_is_looked_for_with_the_pins_in_place(tmp_path):
    """A PLL on a pad is packed only where its pad is known."""
    device = devices.get("ice40-up5k")
    text = "module blink(input clock, output lamp);\n  wire c; reg r = 0; always @(posedge c) r <= !r; assign lamp = r;\n"
    text += '  SB_PLL40_PAD #(.FEEDBACK_PATH("SIMPLE"), .DIVF(63), .DIVQ(5), .FILTER_RANGE(1)) pll'
    text += "(.PACKAGEPIN(clock), .PLLOUTCORE(c), .RESETB(1'b1), .BYPASS(1'b0));\nendmodule\n"
    netlist = flow.synthesise(text, "blink", device, tmp_path)
    pins = "set_io clock 35\nset_io lamp 11\n"
    assert flow.occupy(netlist, device, tmp_path / "packed", pins)["ICESTORM_LC"][0] >= 1
    with pytest.raises(PopbeatError, match="PLL 'pll' PACKAGEPIN"):
        flow.occupy(netlist, device, tmp_path / "packed")


def test_verilog_that_is_none(tmp_path):
    with pytest.raises(PopbeatError, match="yosys failed.*syntax error"):
        flow.synthesise("module oops(", "oops", DEVICE, tmp_path)
    with pytest.raises(PopbeatError, match="unknown device"):
        devices.get("artix")
