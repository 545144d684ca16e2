"""A top with real windows back to back, in which bits flip."""

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hw import verilog
from hw.guard.top import GuardedParams
from sim import engines, verilator
from sim.bulk.runner import COMMON
from sim.subject import Subject
from sim.upset import cells, outcome
from sim.upset.cells import FIXED, Cell
from sim.upset.outcome import Outcome
from sw import files
from sw.data import source
from sw.errors import PopbeatError
from sw.export import bundle

SOURCE = Path(__file__).with_name("upset.cpp")
CODE = (SOURCE, COMMON, Path(outcome.__file__), Path(cells.__file__), Path(__file__))  # what an upset's outcome depends on
# Bits flip in the time of windows FIRST to LAST - 1; those that follow must be long enough to see what becomes of it. An array with
# its front has four windows under way: there LOADED is for LAST, so that the last of them is over before outcome.TAIL.
FIRST, LAST, LOADED, WINDOWS, AGAIN = 2, 4, 3, 10, 2
STARTED = 3  # windows after a start from a random state


@dataclass(frozen=True)
class Upset:
    """``bit`` of ``word`` of a cell, flipped after so many cycles; in the Verilog's scope ``scope``."""

    cycle: int
    scope: str
    cell: Cell
    word: int
    bit: int


def depends(text: str, samples: np.ndarray, image: bytes | None) -> dict[str, str]:
    """What outcomes depend on: Verilog, network, judge and windows."""
    return {
        "verilog_sha256": verilog.digest(text),
        "image": files.sha256(image or b""),
        "bed": files.sha256(b"".join(path.read_bytes() for path in CODE) + samples.tobytes()),
        "simulator": verilator.VERSION,
    }


class Bed:
    """A top, compiled so that its registers can be written, and windows for it."""

    def __init__(
        self,
        name: str,
        text: str,
        samples: np.ndarray,
        logits: np.ndarray,
        interval: int,
        home: Path,
        at_once: int = 1,
        words: int = 0,
        image: bytes | None = None,
        marks: bool = False,
    ):
        """Compile the Verilog ``text`` of the top ``name`` into ``home``. ``samples``: raw windows ``int16[WINDOWS + AGAIN, words +
        window]``, whose logits the integer model says; ``interval`` of a window; ``at_once``: samples a beat; ``image``: the
        network that the top wants first; ``marks``: its header tells of damaged constants."""
        self.name, self.text, self.samples, self.logits, self.interval, self.image = name, text, samples, logits, interval, image
        self.marks = marks
        self.cells = cells.found(text)
        defines = {"POPBEAT_WINDOW": samples.shape[1] - words, "POPBEAT_WORDS": words, "POPBEAT_BEAT": at_once}
        defines["POPBEAT_PATIENCE"] = 3 * interval + 5_000
        if image is not None:
            defines["POPBEAT_IMAGE"] = 1
        public = "".join(f'public_flat_rw -module "{cell.module}" -var "{cell.name}"\n' for cell in self.cells)
        sources = {
            "top.v": text,
            "upset.cpp": SOURCE.read_text(),
            "common.h": COMMON.read_text(),
            "config.h": "".join(f"#define {define} {value}\n" for define, value in defines.items()),
            "public.vlt": f"`verilator_config\n{public}",
        }
        self.inputs = depends(text, samples, image)
        self.program = verilator.program(sources, name, home, "-O2", ("--vpi",))
        self.scopes = self._scopes()
        self._expect()

    def _scopes(self) -> dict[tuple[str, str], str]:
        """The scope of each cell, by module and name. A module's name is the way to its only instance."""
        with tempfile.TemporaryDirectory(dir=self.program.parent) as home:
            self._call("list", str(Path(home) / "out"))
            lines = [line.split() for line in (Path(home) / "out").read_text().splitlines()]
        sizes = {(cell.module, cell.name): (cell.bits, cell.depth) for cell in self.cells}
        found = {}
        for scope, name, bits, depth in lines:
            key = scope.removeprefix("TOP.").replace(".", "__"), name
            if key in sizes:
                if sizes[key] != (int(bits), int(depth)):
                    raise PopbeatError(f"{scope}.{name} has {bits} bits x {depth} in the model, {sizes[key]} in the Verilog")
                found[key] = scope
        if len(found) != len(sizes):
            missing = next(iter(sizes.keys() - found.keys()))
            raise PopbeatError(f"{len(sizes) - len(found)} registers of {self.name} are not in its model, {missing} is one")
        return found

    def _call(self, *arguments: str) -> None:
        done = subprocess.run([str(self.program), *arguments], capture_output=True, text=True)
        if done.returncode:
            raise PopbeatError(f"{SOURCE.name} of {self.name} stopped with {done.returncode}: {done.stderr.strip()}")

    def lines(self, upsets: list[str], every: int | None = None) -> list[str]:
        """What ``upset.cpp`` says of upsets, as it reads them. ``every`` so many cycles (0: never, None: 16 times a window) it
        looks whether a run has become that without an upset again, and ends it there."""
        return self._run("run", WINDOWS, AGAIN, max(100, self.interval // 16) if every is None else every, upsets, len(upsets))

    def _run(self, command: str, count: int, again: int, every: int, given: list[str], answers: int) -> list[str]:
        with tempfile.TemporaryDirectory(dir=self.program.parent) as home:
            folder = Path(home)
            (folder / "samples").write_bytes(np.ascontiguousarray(self.samples, "<i2").tobytes())
            (folder / "upsets").write_text("\n".join(given) + "\n")
            (folder / "image").write_bytes(self.image or b"")
            more = [str(folder / "image")] * bool(self.image)
            paths = (str(folder / "upsets"), str(folder / "out"))
            self._call(command, str(folder / "samples"), str(count), str(again), *paths, str(every), *more)
            lines = (folder / "out").read_text().splitlines()
        if len(lines) != answers:
            raise PopbeatError(f"{SOURCE.name} told of {len(lines)} runs of {self.name}, not of {answers}")
        return lines

    def _expect(self) -> None:
        """What comes without an upset: it must be what the integer model says. The canary: with every register flipped it must be
        something else."""
        none, all_ = self.lines(["0 - - 0 0", f"{FIRST * self.interval} - - 0 -1"])
        _, before, after = none.split("|")
        self.wanted, self.again = (outcome.packets(part, self.marks) for part in (before, after))
        logits = np.array([p.words[1:] for p in self.wanted + self.again], np.uint32).astype(np.int32)
        if not np.array_equal(logits, self.logits):
            raise PopbeatError(f"{self.name} without an upset does not give the integer model's logits")
        if self._judge(none) != outcome.NONE:
            raise PopbeatError(f"{self.name} without an upset was judged as wrong")
        if self._judge(all_).effect == "none":
            raise PopbeatError(f"{self.name} with every register flipped was judged as right")

    def _judge(self, line: str) -> Outcome:
        return outcome.judge(line, self.wanted, self.again, self.marks)

    def starts(self, seeds: list[int], reset: bool = True) -> list[Outcome]:
        """Starts from random states, one for each seed: every flip-flop, and every memory but those of constants, holds random
        bits, then comes one cycle of reset (or none), then windows."""
        cells = [f"{self.scopes[cell.module, cell.name]} {cell.name}" for cell in self.cells if cell.kind not in FIXED]
        given = [*cells, "seeds", *(str(seed if reset else -seed) for seed in seeds)]
        lines = self._run("start", STARTED, 0, 0, given, len(seeds))
        return [outcome.judge(line, self.wanted[:STARTED], [], self.marks) for line in lines]

    def drawn(self, kind: str, count: int, seed: int) -> list[Upset]:
        """Upsets of a kind of cell, each bit as likely as the other, in the order of their cycles."""
        chosen = [cell for cell in self.cells if cell.kind == kind]
        sizes = np.cumsum([cell.size for cell in chosen])
        rng = np.random.default_rng([seed, *kind.encode()])
        last, out = LAST if self.image is None else LOADED, []
        for place in rng.integers(0, sizes[-1], count).tolist():
            which = int(np.searchsorted(sizes, place, side="right"))
            cell, inside = chosen[which], place - int(sizes[which] - chosen[which].size)
            cycle = int(rng.integers(FIRST * self.interval, last * self.interval))
            out.append(Upset(cycle, self.scopes[cell.module, cell.name], cell, inside // cell.bits, inside % cell.bits))
        return sorted(out, key=lambda one: one.cycle)

    def run(self, upsets: list[Upset]) -> list[Outcome]:
        """Every upset, from :meth:`drawn`, and what became of it."""
        told = [f"{one.cycle} {one.scope} {one.cell.name} {one.word} {one.bit}" for one in upsets]
        return [self._judge(line) for line in self.lines(told)]


def shipped(model: str, config: str) -> Bed:
    """The bed of a shipped network in a configuration, with real windows of as many classes as there are."""
    verilator.prepare()
    subject = Subject(bundle.SHIPPED / model, config, False, source.find(download=False))
    design, packed, image = subject.design, subject.bundle, subject.engine.image
    samples = subject.samples[np.resize(subject.few, WINDOWS + AGAIN)]
    return Bed(
        design.name,
        design.verilog.read_text(),
        samples,
        engines.trace(packed, samples).logits,
        subject.cycles.interval,
        files.BUILD / "upset" / f"{model}_{config}",
        at_once=design.params.config.samples if image is None else 1,
        words=subject.words,
        image=image,
        marks=isinstance(design.params, GuardedParams),
    )
