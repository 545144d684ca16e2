"""Runs mutants on a bed: all of them in one compiled model, each in a process of its own, until something is noticed."""

import functools
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from sim import verilator
from sim.bulk.runner import COMMON
from sim.mutate import beds, netlist, stimulus
from sim.mutate.beds import Bed
from sim.mutate.netlist import Netlist
from sim.mutate.stimulus import Segment
from sw import campaign, files
from sw.errors import PopbeatError

SOURCE = Path(__file__).with_name("judge.cpp")


class CanaryMissed(AssertionError):
    """A batch did not kill what is fatal, or killed what changes nothing."""


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant: ``killed`` by the segment of this name in this cycle, and ``why``; else it survived, and ``seen``
    tells whether any output was another one in any cycle."""

    number: int
    killed: bool
    segment: str
    cycle: int
    why: str
    seen: bool


def sources(bed: Bed, text: str) -> dict[str, str]:
    """What a judge is compiled of, by file: the Verilog ``text`` of the bed's top, and the program round it."""
    listed = " ".join(f"T({tap.name}, {tap.path}, {tap.bits})" for tap in bed.taps)
    defines = "".join(f"#define {name} {value}\n" for name, value in bed.defines.items())
    return {
        "top.v": text,
        "judge.cpp": SOURCE.read_text(),
        "common.h": COMMON.read_text(),
        "config.h": defines + f"#define MUTATE_TAPS(T) {listed}\n",
        "taps.vlt": f'`verilator_config\npublic_flat_rd -module "{bed.tapped}" -var "tap_*"\n',
    }


class Judge:
    """A bed with all its mutants, compiled."""

    def __init__(self, bed: Bed, made: Netlist, folder: Path, optimise: str = "-O1"):
        """Compile into ``folder``, unless the same sources were compiled there before; ``optimise``: the compiler's flag."""
        self.bed, self.made = bed, made
        self.program = verilator.program(sources(bed, made.text), bed.name, folder, optimise)

    def run(self, numbers: list[int], further: bool = False) -> list[Verdict]:
        """Judge mutants on the bed's segments, or on its ``further`` ones; with them both canaries, and the design without a
        mutant, which must survive."""
        made, segments = self.made, self.bed.further if further else self.bed.segments
        *judged, none, fatal, spare = lines(self.program, self.bed.name, [*numbers, 0, made.fatal, made.spare], segments)

        def where(line: list[str]) -> str:
            return segments[int(line[2])].name if line[1] == "killed" else ""

        if none[1] != "survived":
            raise CanaryMissed(f"{self.bed.name} without a mutant fails in {where(none)}: {none[5]}")
        if fatal[1] != "killed":
            raise CanaryMissed(f"{self.bed.name} without TVALID at its output was not killed")
        if spare[1] != "survived" or spare[4] != none[4]:
            raise CanaryMissed(f"{self.bed.name}: a wire that nobody reads changed something: {spare[5]}")
        return [
            Verdict(int(n), what == "killed", where(line), int(cycle), why, hashed != none[4])
            for line in judged
            for n, what, _, cycle, hashed, why in [line]
        ]


def lines(program: Path, name: str, numbers: list[int], segments: tuple[Segment, ...]) -> list[list[str]]:
    """What the compiled ``judge.cpp`` of the top ``name`` says of mutants on segments: number, verdict, segment, cycle, hash, and
    why."""
    with tempfile.TemporaryDirectory(dir=program.parent) as home:
        folder = Path(home)
        (folder / "stimulus").write_bytes(stimulus.encoded(list(segments)))
        (folder / "numbers").write_text("\n".join(map(str, numbers)))
        command = [str(program), *(str(folder / part) for part in ("stimulus", "numbers", "out"))]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise PopbeatError(f"the judge of {name} stopped with {done.returncode}: {done.stderr.strip()}")
        told = [(line.split(" ", 5) + [""])[:6] for line in (folder / "out").read_text().splitlines()]
    if [int(line[0]) for line in told] != numbers:
        raise PopbeatError(f"the judge of {name} told of {len(told)} mutants, not {len(numbers)}")
    return told


def home(model: str, config: str, count: int, seed: int) -> Path:
    """The folder of a top's mutants."""
    return files.BUILD / "mutate" / f"{model}_{config}_{count}_{seed}"


@functools.cache
def parts(model: str, config: str, count: int, seed: int) -> tuple[Bed, Netlist]:
    """The bed of a shipped top, and its mutants."""
    bed = beds.make(model, config)
    return bed, netlist.stored(bed.verilog, bed.name, count, seed, home(model, config, count, seed))


@functools.cache
def prepared(model: str, config: str, count: int, seed: int) -> Judge:
    """The judge of a shipped top, compiled."""
    verilator.prepare()
    return Judge(*parts(model, config, count, seed), home(model, config, count, seed) / "judge")


def inputs(bed: Bed, made: Netlist, further: bool = False) -> dict[str, str]:
    """What verdicts depend on."""
    return {
        "netlist": files.sha256(made.text.encode()),
        "stimulus": files.sha256(stimulus.encoded(list(bed.further if further else bed.segments))),
        "judge": files.sha256(SOURCE.read_bytes() + COMMON.read_bytes()),
        "simulator": verilator.VERSION,
    }


def batch(
    model: str, config: str, count: int, seed: int, numbers: list[int], wanted: dict[str, str], further: bool = False
) -> dict:
    """The job: verdicts on some mutants, the canaries with them."""
    here = inputs(*parts(model, config, count, seed), further)
    campaign.demand("inputs", [wanted[name] for name in here], list(here.values()))
    return {"verdicts": [asdict(one) for one in prepared(model, config, count, seed).run(numbers, further)]}
