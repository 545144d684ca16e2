"""Bulk simulation: a top as a C++ program, run on as many windows as there are, every layer's output brought back."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hw import configurations
from hw.generate import Design
from hw.stream.result import Beat
from sim import verilator
from sw import files
from sw.errors import PopbeatError

HARNESS, COMMON = Path(__file__).with_name("harness.cpp"), Path(__file__).with_name("common.h")
STAMPS = ("raw_first", "raw_last", "normalised", "offered", "header", "end")


@dataclass(frozen=True)
class Observed:
    """What a top did with n windows: every layer's output in the arrays of :class:`sw.export.binary.integer.Trace`, the window
    numbers and no-call flags of its results, and cycle stamps ``int64[n]`` by name (``STAMPS``)."""

    normalised: np.ndarray
    columns: tuple[np.ndarray, ...]
    pooled: np.ndarray
    logits: np.ndarray
    label: np.ndarray
    number: np.ndarray
    no_call: np.ndarray
    cycles: dict[str, np.ndarray]
    rhythm: np.ndarray | None = None


class Simulator:
    """A compiled top with its taps. The Verilog file is simulated as it is; a Verilator control file makes the taps readable."""

    def __init__(
        self,
        verilog: Path,
        name: str,
        window: int,
        widths: dict[str, int],
        folder: Path,
        waves: bool = False,
        image: bool = False,
        brief: bool = False,
        beat: int = 1,
        words: int = 0,
        front: int = 0,
        datapath: tuple[str, ...] = ("datapath",),
    ):
        """``name`` of the top; ``widths`` of the taps in its ``datapath``, to which these names of parts lead; ``image``:
        it wants one before it works; ``brief``: for a few windows, compiled fast instead of running fast; ``beat``: samples that
        come at once; ``words``: RR words in front of a window; ``front``: values a window that its front makes, where these are
        not its samples. Compiled into ``folder``, unless the same sources were compiled there before."""
        self.name, self.widths, self.beat, self.datapath = name, widths, beat, datapath
        listed = " ".join(f"T({name}, {bits})" for name, bits in widths.items())
        way = (name, *datapath)
        sources = {
            "top.v": verilog.read_text(),
            "harness.cpp": HARNESS.read_text(),
            "common.h": COMMON.read_text(),
            "config.h": f"#define POPBEAT_WINDOW {window}\n#define POPBEAT_WORDS {words}\n#define POPBEAT_BEAT {beat}\n"
            f"#define POPBEAT_FRONT {front or window // beat}\n"
            f"#define POPBEAT_TAPS(T) {listed}\n"
            f"#define POPBEAT_WIRE(name) {'__DOT__'.join(way)}__DOT__tap_##name\n" + "#define POPBEAT_IMAGE\n" * image,
            "taps.vlt": f'`verilator_config\npublic_flat_rd -module "{"__".join(way)}" -var "tap_*"\n',
        }
        tracing = ("--trace-vcd",) if waves else ()
        self.program = verilator.program(sources, name, folder, "-O0" if brief else "-O2", tracing)

    def run(self, samples: np.ndarray, mode: str, seed: int | None, waves: Path | None, image: bytes | None = None) -> "Recorded":
        """Simulate raw windows ``int16[n, words + window]`` from reset, one after the other (modes: see the harness)."""
        beside = {} if image is None else {"image.bin": image}
        more = (str(waves),) if waves else ()
        with verilator.simulated(self.program, self.name, samples, mode, seed, beside, more) as folder:
            return Recorded(self.widths, folder, len(samples), self.beat)


class Recorded:
    """What a simulation left: the beats of each tap, the results' words, the cycle stamps."""

    def __init__(self, widths: dict[str, int], folder: Path, n: int, beat: int):
        self.n, self.beat = n, beat
        self.taps = {
            name: np.fromfile(folder / f"{name}.tap", np.uint8).reshape(-1, -(-bits // 8)) for name, bits in widths.items()
        }
        # Of a single window: in which cycle each beat of a tap moved.
        self.when = {name: np.fromfile(folder / f"{name}.when", "<u8").astype(np.int64) for name in widths}
        self.words = np.fromfile(folder / "results.u32", "<u4")
        stamps = np.fromfile(folder / "cycles.u64", "<u8").reshape(n, len(STAMPS)).astype(np.int64)
        self.cycles = {name: stamps[:, i] for i, name in enumerate(STAMPS)}

    def beats(self, name: str, count: int) -> np.ndarray:
        """A tap's bytes, ``count`` beats a window."""
        seen = self.taps[name]
        if len(seen) != self.n * count:
            raise PopbeatError(f"{len(seen)} beats of {name} were seen for {self.n} windows of {count}")
        return seen

    def integers(self, name: str, count: int) -> np.ndarray:
        """A tap as unsigned ``int64[n, count]``."""
        seen = self.beats(name, count).astype(np.int64)
        return (seen << (8 * np.arange(seen.shape[1]))).sum(axis=1).reshape(self.n, count)

    def samples(self, window: int, bits: int) -> np.ndarray:
        """The normalised samples ``int16[n, window]``."""
        sign, beats = 1 << (bits - 1), self.integers("normalised", window // self.beat)
        values = (beats[:, :, None] >> (bits * np.arange(self.beat))) & (2 * sign - 1)
        return ((values.reshape(self.n, window) ^ sign) - sign).astype(np.int16)

    def results(self, classes: int, image: int = 0) -> dict[str, np.ndarray]:
        """Logits ``int64[n, classes]``, label, number and no-call flag of each packet; ``image``: number of the network that must
        stand in all headers."""
        if len(self.words) != self.n * (classes + 1):
            raise PopbeatError(f"{len(self.words)} result beats came out for {self.n} windows of {classes + 1}")
        words = self.words.reshape(self.n, classes + 1)
        header = words[:, 0].astype(np.int64)
        if (header >> 25 != image << 1).any():
            raise PopbeatError(f"a result's header has bits from 25 on that are not those of network {image} without a fault")
        return {
            "logits": words[:, 1:].astype(np.int32).astype(np.int64),
            "label": (header >> 16) & 0xFF,
            "number": header & 0xFFFF,
            "no_call": (header >> 24) & 1,
        }


class Harness:
    """A compiled binary top."""

    def __init__(self, design: Design, folder: Path | None = None, waves: bool = False, brief: bool = False):
        """Compile into ``folder`` (default ``build/<model>/bulk_<config>``). ``waves``: with value change dumps; ``brief``: for a
        few windows."""
        self.design = design
        network, spec = design.params.bundle.network, design.params.bundle.normaliser
        beat = design.params.config.samples
        widths = {"normalised": spec.z_bits * beat}
        widths |= {f"block{i + 1}": g.out_channels for i, g in enumerate(network.blocks[:-1])}
        widths |= {f"block{len(network.blocks)}": design.params.head.count_bits, "result": Beat.size}
        if network.rhythm:
            widths["rhythm"] = network.rhythm.bits
        name = f"bulk_{design.params.config.name}" + ("_waves" if waves else "")
        folder = folder or files.BUILD / design.params.bundle.model / name
        self.simulator = Simulator(
            design.verilog,
            design.name,
            spec.window,
            widths,
            folder,
            waves,
            brief=brief,
            beat=beat,
            words=network.words,
            datapath=configurations.datapath(design.params),
        )

    def run(self, samples: np.ndarray, mode: str = "burst", seed: int | None = None, waves: Path | None = None) -> Observed:
        """Simulate raw windows ``int16[n, words + window]`` from reset, one after the other (modes: see the harness)."""
        params = self.design.params
        blocks, spec = params.bundle.network.blocks, params.bundle.normaliser
        seen = self.simulator.run(samples, mode, seed, waves)
        columns = []
        for number, block in enumerate(blocks[:-1], start=1):
            bits = np.unpackbits(seen.beats(f"block{number}", block.pool_length), axis=1, bitorder="little")
            columns.append(bits[:, : block.out_channels].reshape(seen.n, block.pool_length, block.out_channels))
        wanted, rhythm = params.bundle.network.rhythm, None
        if wanted:
            rhythm = np.unpackbits(seen.beats("rhythm", 1), axis=1, bitorder="little")[:, : wanted.bits]
        pooled = seen.integers(f"block{len(blocks)}", blocks[-1].pool_length * params.head.classes)
        return Observed(
            normalised=seen.samples(spec.window, spec.z_bits),
            columns=tuple(columns),
            pooled=pooled.reshape(seen.n, -1, params.head.classes).astype(np.int16),
            cycles=seen.cycles,
            rhythm=rhythm,
            **seen.results(params.head.classes),
        )

    def activity(self, samples: np.ndarray) -> dict[str, np.ndarray]:
        """One raw window ``int16[words + window]`` alone: the cycles, from its first sample on, in which the front gave a sample
        and each block a column, ``int64[n]`` by name, in the order of the data's way."""
        seen = self.simulator.run(samples[None], "burst", None, None)
        order = [
            "normalised",
            *(["rhythm"] if "rhythm" in seen.when else []),
            *[n for n in seen.when if n.startswith("block")],
            "result",
        ]
        names = {"normalised": "normaliser", "rhythm": "rhythm bits", "result": "head"}
        return {names.get(n, n.replace("block", "block ")): seen.when[n] - seen.cycles["raw_first"][0] for n in order}
