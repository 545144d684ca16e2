"""Cases of the pool: bits in several groups and in one, and counts."""

import functools

import numpy as np

from hw.binary.pool import Pool, PoolParams
from sim.benches.base import rows
from sim.benches.streams import Case


def _pool(bits: int, groups: int, pe: int) -> Case:
    rng = np.random.default_rng(bits)
    params = PoolParams(11, groups, pe, bits)
    values = rng.integers(0, 1 << bits, (3, 11, groups, pe)) * (rng.random((3, 11, groups, pe)) < (0.3 if bits == 1 else 1))
    out = np.concatenate([params.reference(v) for v in values])
    return Case(
        lambda: Pool(params),
        {"i": rows(values.reshape(-1, pe), bits)},
        {"o": rows(out.reshape(-1, pe), bits)},
        latencies=[("i", 6 * groups, "o", 0, params.latency), ("i", 11 * groups - 1, "o", 3 * groups - 1, params.latency)],
    )


CASES = {
    "bits": functools.partial(_pool, 1, 3, 4),
    "counts": functools.partial(_pool, 5, 4, 1),
    "one_group": functools.partial(_pool, 1, 1, 6),
}
