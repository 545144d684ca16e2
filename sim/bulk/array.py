"""Bulk simulation of the multi-bit array: a network's image is loaded, then windows run, every byte that is written comes back."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hw.mac.design import MacDesign
from hw.mac.layouts import OPERATION_BITS
from hw.stream.result import Beat
from sim.bulk.runner import Simulator
from sw import files
from sw.errors import PopbeatError
from sw.export.array.bundle import WINDOW
from sw.export.array.graph import Slice
from sw.export.array.program import LANES


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
        widths = {"normalised": design.bundle.normaliser.z_bits, "result": Beat.size}
        widths |= {"write": 25 + OPERATION_BITS, "low": 64, "high": 64}
        folder = folder or files.BUILD / design.params.name / ("bulk_waves" if waves else "bulk")
        network = design.bundle.network
        self.front = design.compiled.program.samples
        folder = folder if design.bundle.front == WINDOW else folder.with_name(f"{folder.name}_images")
        self.simulator = Simulator(design.verilog, design.name, network.window, widths, folder, waves, image=True, front=self.front)

    def run(self, samples: np.ndarray, mode: str = "burst", seed: int | None = None, waves: Path | None = None) -> Observed:
        """Load the image, then simulate raw windows ``int16[n, window]``, one after the other (modes: see the harness)."""
        design, spec = self.design, self.design.bundle.normaliser
        seen = self.simulator.run(samples, mode, seed, waves, design.image)
        nodes = self._nodes(seen)
        return Observed(
            normalised=seen.samples(self.front, spec.z_bits),
            nodes=nodes,
            hidden=frozenset(node.name for node in design.bundle.graph.nodes[:-1]) - nodes.keys(),
            cycles=seen.cycles,
            **seen.results(design.compiled.program.classes, image=1),
        )

    def _nodes(self, seen) -> dict[str, np.ndarray]:
        """What each node wrote, by its name, ``int16[n, channels, height, width]``; a node that another one does, or whose output
        goes to the gates alone, is left out."""
        compiled, out = self.design.compiled, {}
        tensors = self._tensors(seen)
        for node in compiled.graph.nodes[:-1]:
            part = node.target if isinstance(node.target, Slice) else Slice(node.target)
            place = compiled.places.get(part.tensor.name)
            if part.tensor.name in tensors and (place.channel[part.channels] >= 0).all():
                values = tensors[part.tensor.name][:, part.channels]
                out[node.name] = values.view(np.int8 if part.tensor.signed else np.uint8).astype(np.int16)
        return out

    def _tensors(self, seen) -> dict[str, np.ndarray]:
        """What operations wrote, by the name of the tensor, ``uint8[n, channels, height, width]``, from the rows of bytes."""
        compiled = self.design.compiled
        count = len(seen.taps["write"]) // seen.n
        words = seen.integers("write", count)
        lines = np.concatenate([seen.beats(half, count).reshape(seen.n, count, 8) for half in ("low", "high")], axis=2)
        lines, words = lines.reshape(-1, LANES), words.reshape(-1)
        # Rows by operation, in each as they came.
        operation = words >> 25
        order = np.argsort(operation, kind="stable")
        begins = np.searchsorted(operation[order], np.arange(len(compiled.made) + 2))
        tensors, written = {}, {}
        for number, made in enumerate(compiled.made, start=1):
            if made.target is None:
                continue
            rows = order[begins[number] : begins[number + 1]]
            length, first = 1 + (words[rows] >> 17 & 15), words[rows] >> 21 & 15
            row, byte = np.nonzero(np.arange(LANES) < length[:, None])
            window, address = rows[row] // count, (words[rows[row]] & 0x1FFFF) + byte
            value = lines[rows[row], (first[row] + byte) % LANES]
            tensor, place = made.target, compiled.places[made.target.name]
            plane = tensor.height * tensor.width
            shape = seen.n, tensor.channels * plane
            values, times = (store.setdefault(tensor.name, np.zeros(shape, np.uint8)) for store in (tensors, written))
            # Which byte of the tensor an address is; means of its channels go elsewhere.
            of = np.full(1 << 17, -1)
            for channel in np.flatnonzero(place.channel >= 0):
                of[place.channel[channel] + np.arange(plane)] = channel * plane + np.arange(plane)
            here = of[address] >= 0
            values[window[here], of[address[here]]] = value[here]
            np.add.at(times, (window[here], of[address[here]]), 1)
        for name, times in written.items():
            own = np.repeat(compiled.places[name].channel >= 0, times.shape[1] // len(compiled.places[name].channel))
            if (times != own).any():
                raise PopbeatError(f"each byte of {name} was not written once")
        shapes = {made.target.name: made.target for made in compiled.made if made.target is not None}
        return {n: v.reshape(seen.n, shapes[n].channels, shapes[n].height, shapes[n].width) for n, v in tensors.items()}

    def activity(self, samples: np.ndarray) -> dict[str, np.ndarray]:
        """One raw window ``int16[window]`` alone: the cycles, from its first sample on, in which the front gave a value and each
        operation of the program wrote a row of bytes, ``int64[n]`` by name, in the program's order. Operations that write
        nothing (gates) are left out."""
        seen = self.simulator.run(samples[None], "burst", None, None, self.design.image)
        first, writes = seen.cycles["raw_first"][0], seen.when["write"]
        operation = seen.integers("write", len(writes))[0] >> 25
        listed = {"front": seen.when["normalised"] - first}
        for number, op in enumerate(self.design.compiled.program.operations, start=1):
            if (operation == number).any():
                listed[op.name] = writes[operation == number] - first
        return listed | {"logits": seen.when["result"] - first}
