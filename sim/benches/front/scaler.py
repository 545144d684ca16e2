"""Cases of the scaler: each sample comes with its window's scale."""

import numpy as np

from hw.front import scaler
from sim.benches.base import bits
from sim.benches.front.windows import SPEC, raw, scales
from sim.benches.streams import Case


def _scaler() -> Case:
    windows = raw(np.random.default_rng(14), 8)
    z, _ = SPEC.normalise(windows)
    # A window's scale comes with each sample, above it.
    pairs = zip(windows, scales(windows), strict=True)
    beats = [sample | scale << SPEC.raw_bits for w, scale in pairs for sample in bits(w, SPEC.raw_bits)]
    out = bits(z.reshape(-1), SPEC.z_bits)
    return Case(lambda: scaler.Scaler(SPEC), {"i": beats}, {"o": out}, latencies=[("i", 0, "o", 0, scaler.LATENCY)])


CASES = {"windows": _scaler}
