"""Bulk simulation: a top as a C++ program, run on as many windows as there are, every layer's output brought back."""

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hw.generate import Design
from hw.stream.result import Beat
from sim import verilator
from sw import files
from sw.errors import PopbeatError

HARNESS = Path(__file__).with_name("harness.cpp")
STAMPS = ("raw_first", "raw_last", "normalised", "offered", "header", "end")


@dataclass(frozen=True)
class Observed:
    """What a top did with n windows: every layer's output in the arrays of :class:`sw.export.integer.Trace`, the window numbers
    and no-call flags of its results, and cycle stamps ``int64[n]`` by name (``STAMPS``)."""

    normalised: np.ndarray
    columns: tuple[np.ndarray, ...]
    pooled: np.ndarray
    logits: np.ndarray
    label: np.ndarray
    number: np.ndarray
    no_call: np.ndarray
    cycles: dict[str, np.ndarray]


class Harness:
    """A compiled top. The Verilog file is simulated as it is; a Verilator control file makes the taps readable."""

    def __init__(self, design: Design, folder: Path | None = None, waves: bool = False):
        """Compile into ``folder`` (default ``build/<model>/bulk_<config>``), unless the same sources were compiled there
        before. ``waves``: with value change dumps."""
        self.design = design
        network, spec = design.params.bundle.network, design.params.bundle.normaliser
        self.widths = {"normalised": spec.z_bits}
        self.widths |= {f"block{i + 1}": g.out_channels for i, g in enumerate(network.blocks[:-1])}
        self.widths |= {f"block{len(network.blocks)}": design.params.head.count_bits, "result": Beat.size}
        name = f"bulk_{design.params.config.name}" + ("_waves" if waves else "")
        folder = folder or files.BUILD / design.params.bundle.model / name
        folder.mkdir(parents=True, exist_ok=True)
        listed = " ".join(f"T({name}, {bits})" for name, bits in self.widths.items())
        sources = {
            "top.v": design.verilog.read_text(),
            "harness.cpp": HARNESS.read_text(),
            "config.h": f"#define POPBEAT_WINDOW {spec.window}\n#define POPBEAT_TAPS(T) {listed}\n"
            f"#define POPBEAT_WIRE(name) {design.name}__DOT__datapath__DOT__tap_##name\n",
            "taps.vlt": f'`verilator_config\npublic_flat_rd -module "{design.name}.datapath" -var "tap_*"\n',
        }
        self.program = folder / "obj_dir" / "Vtop"
        tracing = ["--trace-vcd"] if waves else []
        arguments = ["--cc", "--exe", "-O3", "--noassert", *tracing, "--top-module", design.name, "--prefix", "Vtop"]
        arguments += ["-CFLAGS", "-O2 -I..", "taps.vlt", "top.v", "harness.cpp"]
        mark = files.sha256(repr((sorted(sources.items()), arguments, verilator.VERSION)).encode())
        stamp = folder / "built.sha256"
        if self.program.is_file() and stamp.is_file() and stamp.read_text() == mark:
            return
        stamp.unlink(missing_ok=True)
        for file, text in sources.items():
            (folder / file).write_text(text)
        verilator.build(arguments, folder)
        stamp.write_text(mark)

    def run(self, samples: np.ndarray, mode: str = "burst", seed: int | None = None, waves: Path | None = None) -> Observed:
        """Simulate raw windows ``int16[n, window]`` from reset, one after the other (modes: see the harness)."""
        with tempfile.TemporaryDirectory(dir=self.program.parent) as name:
            folder = Path(name)
            (folder / "windows.i16").write_bytes(np.ascontiguousarray(samples, dtype="<i2").tobytes())
            command = [
                str(self.program),
                str(folder / "windows.i16"),
                str(len(samples)),
                name,
                mode,
                str(verilator.seed() if seed is None else seed),
            ]
            done = subprocess.run(command + ([str(waves)] if waves else []), capture_output=True, text=True)
            if done.returncode:
                raise PopbeatError(f"simulation of {self.design.name} stopped: {done.stderr.strip() or done.returncode}")
            return self._decode(folder, len(samples))

    def _decode(self, folder: Path, n: int) -> Observed:
        params = self.design.params
        blocks = params.bundle.network.blocks

        def beats(name: str, count: int) -> np.ndarray:
            data = np.fromfile(folder / f"{name}.tap", np.uint8).reshape(-1, -(-self.widths[name] // 8))
            if len(data) != n * count:
                raise PopbeatError(f"{len(data)} beats of {name} were seen for {n} windows of {count}")
            return data

        def integers(name: str, count: int) -> np.ndarray:
            data = beats(name, count).astype(np.int64)
            return (data << (8 * np.arange(data.shape[1]))).sum(axis=1).reshape(n, count)

        z = integers("normalised", params.bundle.network.window)
        sign = 1 << (params.bundle.normaliser.z_bits - 1)
        columns = []
        for number, block in enumerate(blocks[:-1], start=1):
            bits = np.unpackbits(beats(f"block{number}", block.pool_length), axis=1, bitorder="little")
            columns.append(bits[:, : block.out_channels].reshape(n, block.pool_length, block.out_channels))
        pooled = integers(f"block{len(blocks)}", blocks[-1].pool_length * params.head.classes)
        words = np.fromfile(folder / "results.u32", "<u4")
        if len(words) != n * params.head.beats:
            raise PopbeatError(f"{len(words)} result beats came out for {n} windows of {params.head.beats}")
        words = words.reshape(n, params.head.beats)
        header = words[:, 0].astype(np.int64)
        if (header >> 25).any():
            raise PopbeatError("a result's header has bits set that must be 0")
        stamps = np.fromfile(folder / "cycles.u64", "<u8").reshape(n, len(STAMPS)).astype(np.int64)
        return Observed(
            normalised=((z ^ sign) - sign).astype(np.int16),
            columns=tuple(columns),
            pooled=pooled.reshape(n, -1, params.head.classes).astype(np.int16),
            logits=words[:, 1:].astype(np.int32).astype(np.int64),
            label=(header >> 16) & 0xFF,
            number=header & 0xFFFF,
            no_call=(header >> 24) & 1,
            cycles={name: stamps[:, i] for i, name in enumerate(STAMPS)},
        )
