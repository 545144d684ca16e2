"""Bulk simulation of the multi-bit array: a network's image is loaded, then windows run, every byte that is written comes back."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hw.mac.design import MacDesign
from hw.stream.result import Beat
from sim.bulk.runner import Simulator
from sw import files
from sw.errors import PopbeatError


@dataclass(frozen=True)
class Observed:
    """What the array did with n windows, in the arrays of :class:`sw.export.multibit_integer.Trace` (the quantised input is in the
    memory, and its first reader shows it), results' numbers and no-call flags, cycle stamps ``int64[n]`` by name."""

    normalised: np.ndarray
    layers: tuple[np.ndarray, ...]
    logits: np.ndarray
    label: np.ndarray
    number: np.ndarray
    no_call: np.ndarray
    cycles: dict[str, np.ndarray]


class MacHarness:
    """A compiled array top with a network's image."""

    def __init__(self, design: MacDesign, folder: Path | None = None, waves: bool = False):
        """Compile into ``folder`` (default ``build/mac<lanes>/bulk``: one array for every network). ``waves``: with value change
        dumps."""
        self.design = design
        widths = {"normalised": design.bundle.normaliser.z_bits, "write": 32, "result": Beat.size}
        folder = folder or files.BUILD / f"mac{design.params.lanes}" / ("bulk_waves" if waves else "bulk")
        self.simulator = Simulator(design.verilog, design.name, design.params.window, widths, folder, waves, image=True)

    def run(self, samples: np.ndarray, mode: str = "burst", seed: int | None = None, waves: Path | None = None) -> Observed:
        """Load the image, then simulate raw windows ``int16[n, window]``, one after the other (modes: see the harness)."""
        design, spec = self.design, self.design.bundle.normaliser
        seen = self.simulator.run(samples, mode, seed, waves, design.image)
        return Observed(
            normalised=seen.samples(spec.window, spec.z_bits),
            layers=self._layers(seen),
            cycles=seen.cycles,
            **seen.results(design.compiled.program.classes),
        )

    def _layers(self, seen) -> tuple[np.ndarray, ...]:
        """Every tensor from the writes of its operation, ``uint8[n, length, channels]``."""
        compiled, outputs = self.design.compiled, []
        hidden = [(number, node) for number, node in enumerate(compiled.nodes, start=1) if node.target is not None]
        counts = [node.target.channels * node.target.width for _, node in hidden]
        words = seen.integers("write", sum(counts))
        for (number, node), end, count in zip(hidden, np.cumsum(counts), counts, strict=True):
            part = words[:, end - count : end]
            place = compiled.places[node.target.name]
            if (part >> 25 != number & 0x7F).any():
                raise PopbeatError(f"writes of another operation stand among those of {node.name}")
            offset = (part & 0x1FFFF) - place.address
            if (np.sort(offset, axis=1) != np.arange(count)).any():
                raise PopbeatError(f"{node.name} did not write each byte of its tensor once")
            values = np.empty((seen.n, count), np.uint8)
            np.put_along_axis(values, offset, ((part >> 17) & 0xFF).astype(np.uint8), axis=1)
            stored = values.reshape(seen.n, node.target.channels, node.target.width)
            natural = np.empty_like(stored)
            natural[:, place.order] = stored
            outputs.append(natural.transpose(0, 2, 1))
        return tuple(outputs)
