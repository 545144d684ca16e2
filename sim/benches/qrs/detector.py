"""Cases of the whole QRS detector: some seconds of a recording with wide and narrow beats."""

import numpy as np

from hw.qrs import detector
from sim.benches.base import bits
from sim.benches.streams import Case
from sw.data import source
from sw.qrs import evaluate
from sw.qrs.detector import PARAMS, detect
from sw.qrs.params import POSITION_BITS


def _excerpt() -> np.ndarray:
    found = source.find(download=False)
    return found.signal("203", evaluate.lead(found, "203"))[230_000:231_600].astype(np.int64)


def _detector() -> Case:
    samples = _excerpt()
    seen = detect(samples)
    first = int(np.flatnonzero(~seen.search_back & (seen.known >= PARAMS.learning))[0])
    return Case(
        lambda: detector.Detector(PARAMS),
        {"i": bits(samples, PARAMS.raw_bits)},
        {"o": bits(seen.position, POSITION_BITS)},
        latencies=[
            ("i", int(seen.known[first]), "o", first, detector.LATENCY),
            ("i", 0, "i", len(samples) - 1, detector.INTERVAL * (len(samples) - 1)),
        ],
    )


CASES = {"recording": _detector}
