"""Components proved equal by yosys' SAT solver."""

from hw import verilog
from sim.gate import cells


def prove(folder, plain, fast, family=None):
    """Prove a component equal to another one; raises where it is not."""
    for name, component in (("plain", plain), ("fast", fast)):
        (folder / f"{name}.v").write_text(verilog.convert(component, name, None if name == "plain" else family))
    (folder / "cells.v").write_text(cells.models("ecp5"))
    verilog.yosys(
        "read_verilog -sv plain.v fast.v cells.v; hierarchy; proc; flatten; "
        "miter -equiv -flatten plain fast miter; sat -verify -prove trigger 0 miter",
        folder,
    )
