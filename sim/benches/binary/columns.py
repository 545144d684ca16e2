"""Cases of the queue of columns."""

import numpy as np

from hw.binary.columns import Columns, ColumnsParams
from sim.benches.base import rows
from sim.benches.streams import Case, Hooks


class _Room(Hooks):
    """Starts a column only where there is room for it, as the sequencer does."""

    def __init__(self, params: ColumnsParams):
        self.params, self.left = params, 0

    def allow(self, bench, port):
        return bench.moved["i"] % self.params.groups or bench.moved["i"] // self.params.groups - self.left < self.params.depth

    def sample(self, bench):
        gone = bench.value("gone")
        expected = bench.value("o__valid") and bench.ready["o"]
        assert gone == expected, f"cycle {bench.cycle}: gone is {gone}"
        self.left += gone


def _columns() -> Case:
    params = ColumnsParams(10, 3, 2)
    values = np.random.default_rng(3).integers(0, 2, (25, params.groups, params.pe))
    return Case(
        lambda: Columns(params),
        {"i": rows(values.reshape(-1, params.pe), 1)},
        {"o": rows(params.reference(values), 1)},
        latencies=[("i", params.groups - 1, "o", 0, params.latency)],
        hooks=lambda: _Room(params),
    )


CASES = {"queue": _columns}
