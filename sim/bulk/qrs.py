"""Bulk simulation of the QRS detector: whole leads through its top, every stage of every sample compared with the reference."""

from pathlib import Path

import numpy as np

from hw.qrs import detector, judge, top
from hw.stream import skid
from sim import verilator
from sim.bulk.runner import COMMON
from sim.compare import Mismatch, equal
from sw import files
from sw.qrs.detector import PARAMS, Detection
from sw.qrs.params import POSITION_BITS, QrsParams

SOURCE = Path(__file__).with_name("qrs.cpp")
# Columns of Detection.candidates that the tap shows, from the least significant on.
JUDGED = ("threshold", "signal", "noise", "interval", "since", "kept")
STAGES = ("slope", "peak", "magnitude", "envelope", "candidates", "beats")


class QrsHarness:
    """A compiled top of the detector."""

    def __init__(self, params: QrsParams = PARAMS, folder: Path | None = None):
        """Compile into ``folder`` (default ``build/qrs/bulk``), unless the same sources were compiled there before."""
        self.params, folder = params, folder or files.BUILD / "qrs" / "bulk"
        self.verilog = top.generate(params, folder / "verilog")
        height = params.envelope_bits
        self.fields = dict(zip(JUDGED, (height, height, height, params.since_bits + 4, params.since_bits, height), strict=True))
        inside = f"{top.NAME}__DOT__detector__DOT__"
        self.taps = {
            "filtered": (f"{inside}envelope__DOT__", 2 * params.sum_bits + 3),
            "magnitude": (f"{inside}envelope__DOT__", params.magnitude_bits),
            "envelope": (inside, height),
            "judged": (f"{inside}judge__DOT__", sum(self.fields.values())),
        }
        listed = " ".join(f"T({name}, {path}, {bits})" for name, (path, bits) in self.taps.items())
        modules = (f"{top.NAME}__detector{part}" for part in ("", "__envelope", "__judge"))
        control = "".join(f'public_flat_rd -module "{name}" -var "tap_*"\n' for name in modules)
        sources = {
            "top.v": self.verilog.read_text(),
            "qrs.cpp": SOURCE.read_text(),
            "common.h": COMMON.read_text(),
            "config.h": f"#define QRS_TAPS(T) {listed}\n",
            "taps.vlt": f"`verilator_config\n{control}",
        }
        self.program = verilator.program(sources, top.NAME, folder, "-O2")

    def check(self, samples: np.ndarray, expected: Detection, mode: str = "burst", seed: int | None = None) -> int:
        """Simulate one lead ``int16[n]`` from reset (modes: see the source) and compare every stage of every sample, every
        candidate, every beat and, with ``spaced`` samples, the cycle of each beat; a difference is a :class:`Mismatch`. Returns
        the number of values compared."""
        with verilator.simulated(self.program, top.NAME, samples, mode, seed) as folder:
            seen = self._read(folder)
            beats = np.fromfile(folder / "beats.u64", "<u8").reshape(-1, 3).astype(np.int64)
            taken = np.fromfile(folder / "taken.u64", "<u8").astype(np.int64)
        stages = expected.stages
        wanted = {name: getattr(stages, name) for name in ("slope", "peak", "magnitude", "envelope")}
        wanted["candidates"] = expected.candidates[:, 2:]
        wanted["beats"] = expected.position % (1 << POSITION_BITS)
        seen["beats"] = beats[:, 0]
        for name in STAGES:
            equal(name, seen[name], wanted[name])
        if mode == "burst":
            between = np.diff(taken)[4:]  # the first samples fill the buffer at the entrance
            equal("cycles from sample to sample", between, np.full_like(between, detector.INTERVAL))
        if mode == "spaced":
            equal("cycles from sample to beat", beats[:, 1] - taken[expected.known], self.latencies(expected))
        return sum(np.asarray(w).size for w in wanted.values())

    def latencies(self, expected: Detection) -> np.ndarray:
        """Cycles from the transfer of the sample that makes a beat known, at ``s_axis``, to the beat's offer at ``m_axis``."""
        cycles = np.where(expected.search_back, judge.SEARCH_LATENCY, judge.LATENCY)
        cycles[expected.known < self.params.learning] += 1
        cycles[1:][np.diff(expected.known) == 0] = judge.BOTH_LATENCY
        return cycles + detector.LATENCY - judge.LATENCY + 2 * skid.LATENCY

    def _read(self, folder: Path) -> dict[str, np.ndarray]:
        """Every stage's values as ``int64``."""
        params, raw = self.params, {}
        for name, (_, bits) in self.taps.items():
            raw[name] = np.fromfile(folder / f"{name}.tap", np.uint8).reshape(-1, -(-bits // 8))
        slope_bits, peak_bits = params.sum_bits + 1, params.sum_bits + 2
        return {
            "slope": _field(raw["filtered"], 0, slope_bits, signed=True),
            "peak": _field(raw["filtered"], slope_bits, peak_bits, signed=True),
            "magnitude": _field(raw["magnitude"], 0, params.magnitude_bits),
            "envelope": _field(raw["envelope"], 0, params.envelope_bits),
            "candidates": np.stack(
                [_field(raw["judged"], sum(list(self.fields.values())[:k]), bits) for k, bits in enumerate(self.fields.values())],
                axis=1,
            ),
        }


def _field(raw: np.ndarray, first: int, bits: int, signed: bool = False) -> np.ndarray:
    """``bits`` (at most 56) bits from bit ``first`` on of little-endian values ``uint8[n, bytes]``."""
    value = np.zeros(len(raw), np.int64)
    for place, column in enumerate(raw.T[first // 8 : (first + bits + 7) // 8]):
        value |= column.astype(np.int64) << (8 * place)
    value = (value >> (first % 8)) & ((1 << bits) - 1)
    return value - (value >> (bits - 1) << bits) if signed else value


__all__ = ["STAGES", "Mismatch", "QrsHarness"]
