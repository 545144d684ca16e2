"""Proofs that a mutant changes nothing: yosys holds a module with the mutant against the module without it.

Every wire of both that has the same name is a point where they must be equal; ``equiv_simple`` proves points from those before
them, ``equiv_induct`` from all points in the cycles before, from any state on. A point that is not proved and is no output is given
up: both sides then go on with their own. When all points that are left are proved, outputs among them, no bench can tell the two
apart. An output that is not proved says nothing yet: the same is tried of the module around, with all that is in it.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from hw import verilog
from sim.mutate import judge
from sim.mutate.netlist import Mutant
from sw import campaign, files
from sw.errors import PopbeatError

ROUNDS = 12  # in which points are given up
STEPS = 3  # cycles of an induction
LEVELS = 1  # the module alone; more: the one around it, and so on
SECONDS = 60  # for one call of yosys
UNPROVEN = re.compile(r"Unproven \$equiv \S+: \\(\S+)_gold ")


def _modules(text: str) -> set[str]:
    return set(re.findall(r"^module \\(\S+)$", text, re.MULTILINE))


def _outputs(text: str, module: str) -> set[str]:
    start = text.index(f"\nmodule \\{module}\n")
    body = text[start : text.index("\nend\n", start)]
    return set(re.findall(r"^  wire (?:width \d+ )?output \d+ \\(\S+)$", body, re.MULTILINE))


def around(text: str, module: str) -> list[str]:
    """The module and those around it, the nearest first: ``a__b__c``, ``a__b``, ``a``."""
    known, found, parts = _modules(text), [], module.split("__")
    for count in range(len(parts), 0, -1):
        name = "__".join(parts[:count])
        if name in known:
            found.append(name)
    return found


def _call(folder: Path, script: str) -> str | None:
    """What yosys says; None when it takes too long."""
    command = [sys.executable, "-c", verilog.RUN_YOSYS, "-p", script]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return None
    errors = [line for line in done.stdout.splitlines() + done.stderr.splitlines() if line.startswith("ERROR")]
    if errors:
        raise PopbeatError(f"yosys failed on a proof: {errors[0]}")
    return done.stdout


def _proved_in(folder: Path, text: str, mutant: Mutant, module: str) -> bool:
    """Whether the outputs of ``module``, with all that is in it, are the same with the mutant."""
    if module == mutant.module:
        # Its parts stay parts, whose inputs must be equal; that equiv_make knows which ports are inputs, they stay in the design.
        changed = mutant.command.replace(f"-module {module} ", "-module gate ")
        made = f"read_rtlil original.il; copy {module} gold; copy {module} gate; {changed}; splitnets -ports gold gate"
    else:
        sides = f"hierarchy -top {module}; flatten; splitnets -ports; opt_clean"
        gold = f"read_rtlil original.il; {sides}; rename {module} gold; design -stash gold"
        gate = f"read_rtlil original.il; {mutant.command}; {sides}; rename {module} gate; design -stash gate"
        made = f"{gold}; {gate}; " + "; ".join(f"design -copy-from {side} -as {side} {side}" for side in ("gold", "gate"))
    _call(folder, f"{made}; write_rtlil both.il")
    if not (folder / "both.il").is_file():
        return False
    outputs, given_up = _outputs(text, module), set()
    for _ in range(ROUNDS):
        (folder / "given_up.txt").write_text("".join(f"{name}\n" for name in sorted(given_up)))
        prove = f"equiv_simple -short; equiv_induct -ignore-unknown-cells -seq {STEPS}; equiv_status"
        said = _call(folder, f"read_rtlil both.il; equiv_make -blacklist given_up.txt gold gate equiv; cd equiv; {prove}")
        if said is None:
            return False
        left = set(UNPROVEN.findall(said))
        if not left:
            return "Equivalence successfully proven!" in said
        if any(re.sub(r"\[\d+\]$", "", name) in outputs for name in left) or left <= given_up:
            return False
        given_up |= left
    return False


def proved(text: str, mutant: Mutant, levels: int = LEVELS) -> str:
    """The module in which a mutant of the design ``text`` (RTLIL) is proved to change nothing; empty where none is found."""
    for module in around(text, mutant.module)[:levels]:
        with tempfile.TemporaryDirectory() as home:
            folder = Path(home)
            (folder / "original.il").write_text(text)
            if _proved_in(folder, text, mutant, module):
                return module
    return ""


def digest() -> str:
    """What a proof depends on, beside the netlist."""
    return files.sha256(Path(__file__).read_bytes())


def job(model: str, config: str, count: int, seed: int, number: int, netlist: str, proofs: str) -> dict:
    """The job: where a mutant of a shipped top is proved to change nothing."""
    _, made = judge.parts(model, config, count, seed)
    campaign.demand("netlist and proofs", [netlist, proofs], [files.sha256(made.original.encode()), digest()])
    return {"proved": proved(made.original, made.mutants[number - 1])}
