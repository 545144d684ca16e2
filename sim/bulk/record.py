"""Bulk simulation of detector, segmenter and beat classifier: whole leads, every labelled beat compared with the reference."""

from pathlib import Path

import numpy as np

from hw import beat_top
from hw.binary.datapath import DatapathParams
from sim import verilator
from sim.bulk.runner import COMMON
from sim.compare import Mismatch, equal
from sw import files
from sw.beats.chain import Labelled, flushed
from sw.qrs.params import POSITION_BITS

SOURCE = Path(__file__).with_name("record.cpp")
NO_CALL_BIT = 24


class RecordHarness:
    """A compiled :class:`hw.beat_top.BeatTop`."""

    def __init__(self, params: DatapathParams, folder: Path | None = None):
        """Compile into ``folder`` (default ``build/<model>/bulk_record``), unless the same sources were compiled there before."""
        self.params, folder = params, folder or files.BUILD / params.bundle.model / "bulk_record"
        self.verilog, self.name = beat_top.generate(params, folder=folder / "verilog")
        sources = {"top.v": self.verilog.read_text(), "record.cpp": SOURCE.read_text(), "common.h": COMMON.read_text()}
        self.program = verilator.program(sources, self.name, folder, "-O2")

    def run(self, signal: np.ndarray, mode: str = "burst", seed: int | None = None) -> Labelled:
        """Simulate one lead ``int16[n]`` from reset, with so many samples behind it that its last beat leaves. Positions are modulo
        2^16."""
        with verilator.simulated(self.program, self.name, flushed(signal), mode, seed) as folder:
            beats = np.fromfile(folder / "results.u32", "<u4").reshape(-1, 2)
        return self._packets(beats[:, 0], beats[:, 1])

    def _packets(self, words: np.ndarray, last: np.ndarray) -> Labelled:
        length = self.params.bundle.network.classes + 2
        if len(words) % length or not np.array_equal(np.flatnonzero(last), np.arange(length - 1, len(words), length)):
            raise Mismatch(f"{len(words)} result beats are no packets of {length}")
        packets = words.reshape(-1, length)
        header = packets[:, 0].astype(np.int64)
        equal("beat numbers", header & 0xFFFF, np.arange(len(packets)) % (1 << 16))
        equal("no call", header >> NO_CALL_BIT & 1, (header >> 16 & 0xFF == 255).astype(np.int64))
        logits = packets[:, 1:-1].astype(np.int32).astype(np.int64)
        return Labelled(packets[:, -1].astype(np.int64), header >> 16 & 0xFF, logits)


def check(seen: Labelled, expected: Labelled) -> int:
    """Raise :class:`sim.compare.Mismatch` unless hardware and reference agree on every beat; returns how many there are."""
    equal("R peaks", seen.position, expected.position % (1 << POSITION_BITS))
    equal("logits", seen.logits, expected.logits)
    equal("labels", seen.label, expected.label)
    return len(seen.position)
