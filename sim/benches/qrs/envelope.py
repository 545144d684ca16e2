"""Cases of the QRS detector's envelope: noise over the whole range, with short sums."""

import functools

import numpy as np

from hw.qrs import envelope
from sim.benches.base import Taps, bits
from sim.benches.qrs.short import SHORT
from sim.benches.streams import Case
from sw.qrs.envelope import filtered


def _samples() -> np.ndarray:
    rng = np.random.default_rng(31)
    samples = rng.integers(-2048, 2048, 300)
    samples[100:200] = rng.choice([-2048, 2047], 100)
    return samples


def _envelope() -> Case:
    samples = _samples()
    stages = filtered(samples, SHORT)
    slope_bits, peak_bits = SHORT.sum_bits + 1, SHORT.sum_bits + 2
    pairs = zip(bits(stages.slope, slope_bits), bits(stages.peak, peak_bits), strict=True)
    taps = {"filtered": [a | b << slope_bits for a, b in pairs], "magnitude": stages.magnitude.tolist()}
    last = len(samples) - 1
    return Case(
        lambda: envelope.Envelope(SHORT),
        {"i": bits(samples, SHORT.raw_bits)},
        {"o": stages.envelope.tolist()},
        latencies=[("i", k, "o", k, envelope.LATENCY) for k in (0, last)] + [("i", 0, "i", last, last * envelope.INTERVAL)],
        hooks=functools.partial(Taps, taps),
    )


CASES = {"noise": _envelope}
