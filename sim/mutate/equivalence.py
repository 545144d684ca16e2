"""Proofs that a mutant changes nothing: a module with the mutant is held against the module without it, in two ways.

*By induction*: every wire of both that has the same name is a point where they must be equal; yosys's ``equiv_simple`` proves
points from those before them, ``equiv_induct`` from all points in the cycles before. A point that is not proved and is no output is
given up: both sides then go on with their own. When all points that are left are proved, outputs among them, the two never part
once they were equal for ``STEPS`` cycles, whatever state they were in.

*From reset*: both get the same inputs, whatever they are, and their outputs must be equal in every cycle. ABC, which is in yosys,
merges what it proves equal (``scorr``), then looks for an invariant (``pdr``): a counter may count otherwise where nobody looks.
Bits that the Verilog leaves open (x) are 0.

An output that is not proved says nothing yet: the same is tried of the module around, with all that is in it.
"""

import contextlib
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
SEARCH = 300  # for ABC's invariant
MAPPED = 1 << 14  # bits of memory that may become flip-flops for ABC
# A choice of several as the judge's Verilog has it: the lowest that is on wins.
PRIORITY = """module \\$pmux (A, B, S, Y);
parameter WIDTH = 1;
parameter S_WIDTH = 1;
input [WIDTH-1:0] A;
input [WIDTH*S_WIDTH-1:0] B;
input [S_WIDTH-1:0] S;
output reg [WIDTH-1:0] Y;
wire [1023:0] _TECHMAP_DO_ = "proc; clean";
integer i;
always @* begin
  Y <= A;
  for (i = S_WIDTH - 1; i >= 0; i = i - 1) if (S[i]) Y <= B[WIDTH*i +: WIDTH];
end
endmodule
"""
UNPROVEN = re.compile(r"Unproven \$equiv \S+: \\(\S+)_gold ")


def _modules(text: str) -> set[str]:
    return set(re.findall(r"^module \\(\S+)$", text, re.MULTILINE))


def _outputs(text: str, module: str) -> set[str]:
    start = text.index(f"\nmodule \\{module}\n")
    body = text[start : text.index("\nend\n", start)]
    return set(re.findall(r"^  wire (?:.* )?output \d+ (?:.* )?\\(\S+)$", body, re.MULTILINE))


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


def _proved_by_induction(folder: Path, text: str, mutant: Mutant, module: str) -> bool:
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


def _memory(text: str, module: str) -> int:
    """Bits of the memories of a module and of those in it."""
    parts = re.split(r"^module ", text, flags=re.MULTILINE)
    own = "".join(part for part in parts if re.match(rf"\\{re.escape(module)}(__\S*)?$", part.split("\n", 1)[0]))
    sizes = re.findall(r"cell \$mem_v2 .*?parameter \\WIDTH (\d+)\n.*?parameter \\SIZE (\d+)\n", own, re.DOTALL)
    return sum(int(width) * int(size) for width, size in sizes)


def _miter(mutant: Mutant, module: str) -> str:
    """Yosys's script for ``both.aig``: the module twice, with the mutant and without, and one output that tells of a difference."""
    flat = f"hierarchy -top {module}; flatten; opt_clean; techmap -map priority.v; setundef -undriven -zero; setundef -zero"
    sides = [
        f"read_rtlil original.il; {change}{flat}; rename {module} {side}; design -stash {side}"
        for side, change in (("gold", ""), ("gate", f"{mutant.command}; "))
    ]
    both = "; ".join([*sides, *(f"design -copy-from {side} -as {side} {side}" for side in ("gold", "gate"))])
    gates = "memory_map; opt -full; simplemap; techmap; opt -fast; simplemap; dfflegalize -cell $_DFF_P_ 01; opt_clean; aigmap"
    made = f"{both}; miter -equiv -flatten gold gate miter; hierarchy -top miter; delete gold gate"
    return f"{made}; {gates}; opt_clean; write_aiger -zinit both.aig"


def _trivial(path: Path) -> bool:
    """Whether the circuit of an AIGER file is all constants, its outputs 0."""
    header, *rest = path.read_bytes().split(b"\n")
    _, _, _, latches, outputs, gates = header.split()[:6]
    return latches == gates == b"0" and all(line == b"0" for line in rest[: int(outputs)])


def _proved_from_reset(folder: Path, text: str, mutant: Mutant, module: str) -> bool:
    """Whether the outputs of ``module``, with all that is in it, are the same with the mutant in every cycle from reset on."""
    (folder / "priority.v").write_text(PRIORITY)
    if _memory(text, module) > MAPPED or _call(folder, _miter(mutant, module)) is None:
        return False
    # Yosys hands ABC a circuit and a script, which looks at another circuit: the one in the file.
    steps = f"read_aiger both.aig; scorr; dc2; scorr; write_aiger merged.aig; pdr -T {SEARCH}; write_status status"
    (folder / "search").write_text(steps.replace("; ", "\n"))
    (folder / "any.v").write_text("module any(input a, input b, output y); assign y = a & b; endmodule\n")
    command = [sys.executable, "-c", verilog.RUN_YOSYS, "-p", "read_verilog any.v; techmap; abc -script search"]
    with contextlib.suppress(subprocess.TimeoutExpired):
        # It ends with an error, as ABC leaves nothing that yosys could take.
        subprocess.run(command, cwd=folder, capture_output=True, timeout=2 * SEARCH)
    if (folder / "merged.aig").is_file() and _trivial(folder / "merged.aig"):
        return True
    return (folder / "status").is_file() and (folder / "status").read_text().startswith("snl_UNSAT")


def proved(text: str, mutant: Mutant, levels: int = LEVELS) -> tuple[str, str]:
    """The module in which a mutant of the design ``text`` (RTLIL) is proved to change nothing, and how; empty where none is
    found."""
    ways = (("by induction", _proved_by_induction), ("from reset", _proved_from_reset))
    for module in around(text, mutant.module)[:levels]:
        for way, proof in ways:
            with tempfile.TemporaryDirectory() as home:
                folder = Path(home)
                (folder / "original.il").write_text(text)
                if proof(folder, text, mutant, module):
                    return module, way
    return "", ""


def digest() -> str:
    """What a proof depends on, beside the netlist."""
    return files.sha256(Path(__file__).read_bytes())


def job(model: str, config: str, count: int, seed: int, number: int, netlist: str, proofs: str) -> dict:
    """The job: where a mutant of a shipped top is proved to change nothing."""
    _, made = judge.parts(model, config, count, seed)
    campaign.demand("netlist and proofs", [netlist, proofs], [files.sha256(made.original.encode()), digest()])
    module, way = proved(made.original, made.mutants[number - 1])
    return {"proved": module, "way": way}
