"""Bulk simulation of the multi-bit array: a network's image is loaded, then windows run, every byte that is written comes back."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hw.mac.design import MacDesign
from hw.stream.result import Beat
from sim.bulk.runner import Simulator
from sw import files
from sw.errors import PopbeatError
from sw.export.array.graph import Slice
from sw.export.array.program import Descriptor, pooled


@dataclass(frozen=True)
class Observed:
    """What the array did with n windows, in the arrays of :class:`sw.export.array.integer.Trace` (the quantised input is in the
    memory, and its first reader shows it), results' numbers and no-call flags, cycle stamps ``int64[n]`` by name. ``hidden``:
    names of the nodes whose output the program never writes; all others are in ``nodes``."""

    normalised: np.ndarray
    nodes: dict[str, np.ndarray]
    hidden: frozenset[str]
    logits: np.ndarray
    label: np.ndarray
    number: np.ndarray
    no_call: np.ndarray
    cycles: dict[str, np.ndarray]


class MacHarness:
    """A compiled array top with a network's image."""

    def __init__(self, design: MacDesign, folder: Path | None = None, waves: bool = False):
        """Compile into ``folder`` (default ``build/<array>/bulk``: one array for every network). ``waves``: with value change
        dumps."""
        self.design = design
        widths = {"normalised": design.bundle.normaliser.z_bits, "write": 32, "result": Beat.size}
        folder = folder or files.BUILD / design.params.name / ("bulk_waves" if waves else "bulk")
        self.simulator = Simulator(design.verilog, design.name, design.params.window, widths, folder, waves, image=True)

    def run(self, samples: np.ndarray, mode: str = "burst", seed: int | None = None, waves: Path | None = None) -> Observed:
        """Load the image, then simulate raw windows ``int16[n, window]``, one after the other (modes: see the harness)."""
        design, spec = self.design, self.design.bundle.normaliser
        seen = self.simulator.run(samples, mode, seed, waves, design.image)
        nodes = self._nodes(seen)
        return Observed(
            normalised=seen.samples(spec.window, spec.z_bits),
            nodes=nodes,
            hidden=frozenset(node.name for node in design.bundle.graph.nodes[:-1]) - nodes.keys(),
            cycles=seen.cycles,
            **seen.results(design.compiled.program.classes),
        )

    def _nodes(self, seen) -> dict[str, np.ndarray]:
        """What each node wrote, by its name, ``int16[n, channels, height, width]``, from the writes of all of its operations."""
        compiled, out, parts = self.design.compiled, {}, {}
        counts = [0 if node.target is None else _written(op.descriptor) for op, node in self._operations()]
        words = seen.beats("write", sum(counts)).view("<u4").reshape(seen.n, -1)
        for number, ((_, node), end, count) in enumerate(zip(self._operations(), np.cumsum(counts), counts, strict=True), start=1):
            part = words[:, end - count : end]
            if (part >> 25 != number & 0x7F).any():
                raise PopbeatError(f"writes of another operation stand among those of {node.name}")
            if node.target is not None:
                parts.setdefault(node.name, (node, []))[1].append(part)
        for name, (node, pieces) in parts.items():
            part = node.target if isinstance(node.target, Slice) else Slice(node.target)
            tensor, place = part.tensor, compiled.places[part.tensor.name]
            plane = tensor.height * tensor.width
            stored = np.argsort(place.order)[part.channels]  # where each channel lies
            wanted = (place.address + stored[:, None] * plane + np.arange(plane)).reshape(-1)
            written = np.concatenate(pieces, axis=1)
            address = (written & 0x1FFFF).astype(np.int64)
            order = np.argsort(address, axis=1)
            if (np.take_along_axis(address, order, axis=1) != np.sort(wanted)).any():
                raise PopbeatError(f"{name} did not write each byte of its channels once")
            data = np.take_along_axis(((written >> 17) & 0xFF).astype(np.uint8), order, axis=1)
            natural = data[:, np.argsort(np.argsort(wanted))].reshape(seen.n, part.count, tensor.height, tensor.width)
            out[name] = natural.view(np.int8 if tensor.signed else np.uint8).astype(np.int16)
        return out

    def _operations(self) -> list:
        """The program's operations, each with its node."""
        return list(zip(self.design.compiled.program.operations, self.design.compiled.nodes, strict=True))


def _written(d: Descriptor) -> int:
    """Bytes that an operation writes."""
    return d.channels * d.out_h * pooled(d, d.out_w)
