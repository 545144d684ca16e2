"""Cases of the skid buffer."""

import numpy as np

from hw.stream import skid
from sim.benches.streams import Case


def _buffer() -> Case:
    beats = np.random.default_rng(2).integers(0, 256, 80).tolist()
    latencies = [("i", 0, "o", 0, skid.LATENCY), ("i", 79, "o", 79, skid.LATENCY)]
    return Case(lambda: skid.SkidBuffer(8), {"i": beats}, {"o": beats}, latencies)


CASES = {"buffer": _buffer}
