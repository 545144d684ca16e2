"""Cases of the chain of elastic registers."""

import numpy as np

from hw.stream.elastic import ElasticChain, ElasticParams
from sim.benches.streams import Case


def _chain() -> Case:
    beats = np.random.default_rng(1).integers(0, 256, 80).tolist()
    latencies = [("i", 0, "o", 0, 3), ("i", 79, "o", 79, 3)]
    return Case(lambda: ElasticChain(ElasticParams(8, 3)), {"i": beats}, {"o": beats}, latencies)


CASES = {"chain": _chain}
