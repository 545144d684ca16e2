"""Cases of the thresholds: of counts and of sums, each met at, below and above, some always or never."""

import numpy as np

from hw.binary.matrix import MatrixParams
from hw.binary.threshold import Threshold, ThresholdParams
from sim.benches.base import rows
from sim.benches.streams import Case
from sw.networks import BlockGeometry


def _threshold(sum_shape, low: int, high: int) -> Case:
    rng = np.random.default_rng(high)
    thresholds = rng.integers(low, high + 1, (4, 3))
    thresholds[0] = low, high, high + 1  # always, the largest sum only, never
    params = ThresholdParams(thresholds, sum_shape)
    sums = rng.integers(low, high + 1, (30, 4, 3))
    # At, below and above every threshold.
    sums[:3] = np.clip(thresholds[None] + np.array([-1, 0, 1])[:, None, None], low, high)
    return Case(
        lambda: Threshold(params),
        {"i": rows(sums.reshape(-1, 3), sum_shape.width)},
        {"o": rows(params.reference(sums).reshape(-1, 3), 1)},
        latencies=[("i", 0, "o", 0, params.latency)],
    )


def _counts() -> Case:
    return _threshold(MatrixParams(BlockGeometry(4, 12, 20), np.ones((12, 4, 7), np.int8), 3).sum_shape, 0, 28)


def _sums() -> Case:
    params = MatrixParams(BlockGeometry(1, 12, 41, stride=2), np.ones((12, 1, 7), np.int8), 3, bits=12)
    return _threshold(params.sum_shape, -14336 - 7, 14329)


CASES = {"counts": _counts, "sums": _sums}
