"""Cases of the counter of ones: narrow ones with every input, wide ones with none, all, each alone and random densities."""

import functools

import numpy as np

from hw.binary.popcount import Popcount, PopcountParams
from sim.benches.base import Pipeline, rows
from sim.benches.streams import Case


def _inputs(width: int) -> np.ndarray:
    if width <= 5:  # every input
        return (np.arange(1 << width)[:, None] >> np.arange(width)) & 1
    # None, all, each alone, each missing, random densities.
    rng = np.random.default_rng(width)
    edge = [np.zeros((1, width)), np.ones((1, width)), np.eye(width), 1 - np.eye(width)]
    return np.concatenate([*edge, rng.random((60, width)) < rng.random((60, 1))]).astype(np.uint8)


def _popcount(width: int, levels: int) -> Case:
    params, inputs = PopcountParams(width, levels), _inputs(width)
    counts = params.reference(inputs).tolist()
    # There are no streams to wait for: the drain walks through the values.
    hooks = functools.partial(Pipeline, {"i": rows(inputs, 1)}, "o", counts, params.latency)
    return Case(lambda: Popcount(params), {}, {}, hooks=hooks, drain=len(inputs) + params.latency)


SIZES = ((1, 1), (2, 2), (3, 1), (5, 2), (7, 2), (56, 2), (112, 3), (448, 2))
CASES = {f"of_{width}": functools.partial(_popcount, width, levels) for width, levels in SIZES}
