"""Raw samples for tests of the QRS detector."""

import numpy as np

from sw.qrs.detector import PARAMS
from sw.qrs.params import QrsParams

RNG = np.random.default_rng(5)


def noise(count: int, params: QrsParams = PARAMS) -> np.ndarray:
    """Raw samples over the whole range: noise, steps, ramps, the ends."""
    limit = 1 << (params.raw_bits - 1)
    parts = [
        RNG.integers(-limit, limit, count),
        np.repeat(RNG.integers(-limit, limit, -(-count // 50)), 50)[:count],
        np.clip(np.cumsum(RNG.integers(-60, 61, count)), -limit, limit - 1),
        RNG.choice([-limit, limit - 1], count),
    ]
    return np.concatenate(parts)
