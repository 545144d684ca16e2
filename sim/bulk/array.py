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
from sw.export.array.program import LANES


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
        """Compile into ``folder`` (default ``build/<array>/bulk``: one array for every network). ``waves``: with value change
        dumps."""
        self.design = design
        widths = {"normalised": design.bundle.normaliser.z_bits, "result": Beat.size}
        widths |= {"write": 25 + OPERATION_BITS, "low": 64, "high": 64}
        folder = folder or files.BUILD / design.params.name / ("bulk_waves" if waves else "bulk")
        self.simulator = Simulator(design.verilog, design.name, design.bundle.normaliser.window, widths, folder, waves, image=True)

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
        """Every layer's tensor, ``uint8[n, length, channels]``."""
        tensors = self._tensors(seen)
        names = [made.target.name for made in self.design.compiled.made if made.target is not None]
        return tuple(tensors[name][:, :, 0].transpose(0, 2, 1) for name in names)

    def _tensors(self, seen) -> dict[str, np.ndarray]:
        """What operations wrote, by the name of the tensor, ``uint8[n, channels, height, width]``, from the rows of bytes."""
        compiled = self.design.compiled
        count = len(seen.taps["write"]) // seen.n
        words = seen.integers("write", count)
        lines = np.concatenate([seen.beats(half, count).reshape(seen.n, count, 8) for half in ("low", "high")], axis=2)
        length, first = 1 + (words >> 17 & 15), words >> 21 & 15
        window, row, byte = np.nonzero(np.arange(LANES) < length[..., None])
        operation = words[window, row] >> 25
        address = (words[window, row] & 0x1FFFF) + byte
        value = lines[window, row, (first[window, row] + byte) % LANES]
        tensors, written = {}, {}
        for number, made in enumerate(compiled.made, start=1):
            if made.target is None:
                continue
            tensor, place = made.target, compiled.places[made.target.name]
            plane = tensor.height * tensor.width
            shape = seen.n, tensor.channels * plane
            values, times = (store.setdefault(tensor.name, np.zeros(shape, np.uint8)) for store in (tensors, written))
            # Which byte of the tensor an address is; means of its channels go elsewhere.
            of = np.full(1 << 17, -1)
            for channel in np.flatnonzero(place.channel >= 0):
                of[place.channel[channel] + np.arange(plane)] = channel * plane + np.arange(plane)
            here = (operation == number) & (of[address] >= 0)
            values[window[here], of[address[here]]] = value[here]
            np.add.at(times, (window[here], of[address[here]]), 1)
        for name, times in written.items():
            own = np.repeat(compiled.places[name].channel >= 0, times.shape[1] // len(compiled.places[name].channel))
            if (times != own).any():
                raise PopbeatError(f"each byte of {name} was not written once")
        shapes = {made.target.name: made.target for made in compiled.made if made.target is not None}
        return {n: v.reshape(seen.n, shapes[n].channels, shapes[n].height, shapes[n].width) for n, v in tensors.items()}
