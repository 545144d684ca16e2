"""Cases of the multiplier: random factors and the ends of their ranges, a pair in every cycle."""

import functools

import numpy as np
from amaranth.hdl import Shape, signed, unsigned

from hw.stream import multiplier
from sim.benches.base import Pipeline, bits
from sim.benches.streams import Case


def _ends(shape: Shape) -> tuple[int, int]:
    """Least and largest value."""
    return (-1 << (shape.width - 1), (1 << (shape.width - 1)) - 1) if shape.signed else (0, (1 << shape.width) - 1)


def _product(*shapes: Shape) -> Case:
    rng = np.random.default_rng(4)
    of_a, of_b = map(_ends, shapes)
    corners = np.array([(a, b) for a in (*of_a, 0) for b in (*of_b, 5)])
    a, b = np.concatenate([np.stack([rng.integers(low, high + 1, 60) for low, high in (of_a, of_b)], axis=1), corners]).T
    factors = {name: bits(values, shape.width) for name, values, shape in zip("ab", (a, b), shapes, strict=True)}
    products = bits(a * b, sum(shape.width for shape in shapes))
    return Case(
        lambda: multiplier.Multiplier(*shapes),
        {},
        {},
        hooks=functools.partial(Pipeline, factors, "p", products, multiplier.LATENCY),
        drain=len(a) + multiplier.LATENCY,
    )


CASES = {
    "mixed": functools.partial(_product, signed(13), unsigned(16)),
    "signed": functools.partial(_product, signed(8), signed(14)),
    "unsigned": functools.partial(_product, unsigned(10), unsigned(16)),
}
