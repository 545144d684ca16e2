"""Gowin through the flow: a small network's netlist computes what the integer model says, a placement becomes the same bitstream
every time, and what has no pin or no room is told."""

import pytest

from hw import verilog
from hw.binary.datapath import DatapathParams
from hw.binary.folding import Config, Folding
from hw.binary.top import Top, cycles
from hw.fpga import devices, flow
from sim.benches import vectors
from sim.gate import netlist as gate
from sim.gate.cells import source_of
from sw import files
from sw.errors import PopbeatError
from tests.conftest import random_bundle, random_windows

COUNTER = "module count(input clk, output reg [7:0] o); always @(posedge clk) o <= o + 1; endmodule\n"


def test_the_netlist_is_the_network():
    """With the last block's weights in block RAM, and multipliers in the normaliser."""
    params = DatapathParams(random_bundle(5), Config("test", (Folding(2), Folding(2), Folding(1, memory=True))))
    folder = files.BUILD / "fpga-test" / "gowin"
    netlist = flow.synthesise(
        verilog.convert(Top(params), "little", "gowin"), "little", devices.get("gw2ar-18"), folder / "synthesis"
    )
    assert netlist.cells["MULT18X18"] >= 3 and set(netlist.cells) & {"SP", "SPX9", "SDPB", "SDPX9B", "DPB", "DPX9B"}
    samples = random_windows(5, 3, 61)
    bench = vectors.of(params.bundle, samples, **vars(cycles(params)))
    assert gate.check(source_of(netlist, folder / "gate"), "little", folder / "gate", bench) == 3


@pytest.mark.parametrize("name", ["gw2ar-18", "gw1nr-9"])
def test_same_inputs_same_bitstream(name, tmp_path):
    device = devices.get(name)
    netlist = flow.synthesise(COUNTER, "count", device, tmp_path)
    assert flow.occupy(netlist, device, tmp_path / "packed")["DFF"][0] == 8
    flow.check_room(netlist, device, tmp_path / "packed", "count", "take less")  # what is nextpnr's own takes no room
    digests = []
    for number in (1, 2):
        placed = flow.place(netlist, device, tmp_path / str(number), 1, 50.0)
        assert placed.mhz > 50 and placed.used["DFF"] == 8
        packed = flow.pack(placed, device)
        assert packed.suffix == ".fs" and set(packed.read_bytes()) == set(b"01\n")
        digests.append(files.sha256(packed.read_bytes()))
    assert digests[0] == digests[1]


def test_ports_without_pins_are_told(tmp_path):
    device = devices.get("gw2ar-18")
    netlist = flow.synthesise(COUNTER.replace("7:0", "15:0"), "count", device, tmp_path)
    with pytest.raises(PopbeatError, match="17 ports do not fit gw2ar-18: without constraints there are 12 pins"):
        flow.place(netlist, device, tmp_path, 1, 10.0)
    with pytest.raises(PopbeatError, match="place and route failed.*Unconstrained IO"):
        flow.place(netlist, device, tmp_path, 1, 10.0, 'IO_LOC "clk" 4;\n')


def test_what_does_not_fit_is_told(tmp_path):
    device = devices.get("gw1nr-9")
    text = "module big(input clk, input d, output reg q);\n  reg [17:0] r [0:30];\n  always @(posedge clk) r[0] <= {r[0], d};\n"
    for i in range(30):
        text += f"  reg [35:0] p{i}; always @(posedge clk) begin p{i} <= r[{i}] * (r[{i}] ^ {i});"
        text += f" r[{i + 1}] <= p{i}[35:18] ^ p{i}[17:0]; end\n"
    text += "  always @(posedge clk) q <= ^r[30];\nendmodule\n"
    netlist = flow.synthesise(text, "big", device, tmp_path)
    with pytest.raises(PopbeatError, match=r"big does not fit gw1nr-9: it takes \d+ of \d+ MULT18X18 \(\d+ %\).*; take less"):
        flow.check_room(netlist, device, tmp_path / "packed", "big", "take less")
