"""Cases of the multiplier: random factors and the ends of their ranges, a pair in every cycle."""

import functools

import numpy as np
from amaranth.hdl import signed, unsigned

from hw.stream import multiplier
from sim.benches.base import Pipeline, bits
from sim.benches.streams import Case


def _product() -> Case:
    rng = np.random.default_rng(4)
    a = np.concatenate([rng.integers(-(1 << 12), 1 << 12, 60), [-(1 << 12), (1 << 12) - 1, -(1 << 12), 0]])
    b = np.concatenate([rng.integers(0, 1 << 16, 60), [(1 << 16) - 1, (1 << 16) - 1, 0, 5]])
    factors = {"a": bits(a, 13), "b": b.tolist()}
    return Case(
        lambda: multiplier.Multiplier(signed(13), unsigned(16)),
        {},
        {},
        hooks=functools.partial(Pipeline, factors, "p", bits(a * b, 29), multiplier.LATENCY),
        drain=len(a) + multiplier.LATENCY,
    )


CASES = {"product": _product}
