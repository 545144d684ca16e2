"""Cases of the reciprocal of a window's deviation."""

import numpy as np

from hw.front import reciprocal
from sim.benches.front.windows import SPEC, raw, scales, sums
from sim.benches.streams import Case


def _reciprocal() -> Case:
    windows = np.concatenate([raw(np.random.default_rng(12), 8), np.random.default_rng(13).integers(-2, 2, (8, SPEC.window))])
    return Case(
        lambda: reciprocal.Reciprocal(SPEC),
        {"i": sums(windows)},
        {"o": scales(windows)},
        latencies=[("i", k, "o", k, reciprocal.latency(SPEC)) for k in (0, 2, 15)],
    )


CASES = {"windows": _reciprocal}
