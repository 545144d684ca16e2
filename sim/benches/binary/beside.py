"""Cases of the rhythm bits that stand beside every column of a block."""

import numpy as np

from hw.binary.beside import Beside, BesideParams
from sim.benches.base import rows
from sim.benches.beats.rhythm import RHYTHM
from sim.benches.streams import Case


def _beside() -> Case:
    rng, params = np.random.default_rng(19), BesideParams(3, 9, RHYTHM)
    columns = rng.integers(0, 2, (5, params.length, params.channels), dtype=np.uint8)
    bits = rng.integers(0, 2, (5, len(RHYTHM.comparisons)), dtype=np.uint8)
    return Case(
        lambda: Beside(params),
        {"i": rows(columns.reshape(-1, params.channels), 1), "bits": rows(bits, 1)},
        {"o": rows(params.reference(columns, bits).reshape(5 * params.length, -1), 1)},
        latencies=[("i", 0, "o", 0, 0), ("i", 44, "o", 44, 0)],
    )


CASES = {"columns": _beside}
