"""What the reasons in ``reasons.json`` rest on: states that the design never comes to. Here the design itself, without mutants,
goes through all segments of its bed, and stops where it comes to one of them."""

from dataclasses import replace
from pathlib import Path

from sim import verilator
from sim.mutate import judge
from sim.mutate.beds import Bed
from sim.mutate.netlist import Netlist
from sw import campaign, files
from sw.errors import PopbeatError

ALWAYS = "1'b1"  # the canary: a state that every design is in
STOPPED = "the simulation stopped"  # as judge.cpp says it


class Reached(AssertionError):
    """The design came to a state that a reason says it never comes to; or the canary was not noticed."""


def watched(text: str, states: list[tuple[str, str]]) -> str:
    """Verilog ``text`` that stops in any of the ``states``: a module and an expression of its wires each."""
    for module, when in states:
        place = text.find(f"\nmodule {module}(")
        if place < 0:
            raise PopbeatError(f"reasons.json speaks of a module {module}, which the design does not have")
        end = text.index("\nendmodule", place)
        text = f"{text[:end]}\n  always @(posedge clk) if (!rst && ({when})) $stop;{text[end:]}"
    return text


def _reached(bed: Bed, states: list[tuple[str, str]], folder: Path) -> bool:
    """Whether the design comes to one of the states on its bed."""
    seen = replace(bed, verilog=watched(bed.verilog, states), defines=bed.defines | {"MUTATE_NONE": "1"})
    program = verilator.program(judge.sources(seen, seen.verilog), bed.name, folder, "-O1")
    ((_, verdict, *_, why),) = judge.lines(program, bed.name, [0], bed.segments + bed.further)
    if verdict != "survived" and why != STOPPED:
        raise PopbeatError(f"{bed.name} fails on its own bed: {why}")
    return verdict != "survived"


def check(bed: Bed, states: list[tuple[str, str]], folder: Path) -> int:
    """That the design comes to none of the states, and to that of the canary; how many there are."""
    verilator.prepare()
    if not _reached(bed, [(bed.name, ALWAYS)], folder / "canary"):
        raise Reached(f"{bed.name}: a state that it is always in was not noticed")
    if _reached(bed, states, folder / "states"):
        told = "; ".join(f"{when} in {module}" for module, when in states)
        raise Reached(f"{bed.name} comes to a state that reasons.json says it never comes to, one of these: {told}")
    return len(states)


def job(model: str, config: str, count: int, seed: int, states: list[list[str]], wanted: dict[str, str]) -> dict:
    """The job: the check of a shipped top."""
    parts = judge.parts(model, config, count, seed)
    here = inputs(*parts)
    campaign.demand("inputs", [wanted[name] for name in here], list(here.values()))
    folder = judge.home(model, config, count, seed) / "never"
    return {"checked": check(parts[0], [(module, when) for module, when in states], folder)}


def inputs(bed: Bed, made: Netlist) -> dict[str, str]:
    """What the check depends on."""
    further = judge.inputs(bed, made, True)["stimulus"]
    return judge.inputs(bed, made) | {"further": further, "check": files.sha256(Path(__file__).read_bytes())}
