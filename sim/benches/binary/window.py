"""Cases of the sliding window: columns of bits, samples, pairs of samples."""

import functools

import numpy as np

from hw.binary.window import Position, SlidingWindow, WindowParams
from sim.benches.base import beat, rows
from sim.benches.streams import Case, Hooks
from sw.networks import POOL, BlockGeometry

COUNT = 3  # windows of a network, one after another


class _Windows(Hooks):
    """Looks at the window beside a position, from two cycles after its transfer until the next one's takes its place."""

    def __init__(self, windows: list[int]):
        self.windows, self.queue, self.now = windows, [], None

    def sample(self, bench):
        if "o" in bench.fires:
            self.queue.append((bench.cycle + 1, self.windows[bench.moved["o"] - 1]))
        if self.queue and self.queue[0][0] <= bench.cycle:
            self.now = self.queue.pop(0)[1]
        if self.now is not None:
            assert bench.value("window") == self.now, f"cycle {bench.cycle}: window {bench.value('window'):#x}"


def _positions(count: int) -> list[int]:
    return [beat(Position, pools=p >= POOL - 1 and p % 2 == 0, last=p == count - 1) for p in range(count)]


def _window(geometry: BlockGeometry, bits: int, at_once: int = 1) -> Case:
    rng = np.random.default_rng(geometry.length)
    width = geometry.in_channels * bits
    params = WindowParams(geometry, bits, int(rng.integers(0, 1 << width)), at_once)
    columns = rng.integers(0, 1 << width, (COUNT, geometry.length))
    windows = [int(w) for row in columns for w in params.reference(row)]
    return Case(
        lambda: SlidingWindow(params),
        {"i": rows(columns.reshape(-1, at_once), width)},
        {"o": _positions(geometry.positions) * COUNT},
        # The first position starts in the cycle in which its last column arrives.
        latencies=[("i", params.first - 1, "o", 0, 0), ("i", params.first - 1 + params.stride, "o", 1, 0)],
        hooks=lambda: _Windows(windows),
    )


CASES = {
    "columns": functools.partial(_window, BlockGeometry(3, 4, 20), 1),
    "samples": functools.partial(_window, BlockGeometry(1, 4, 41, stride=2), 12),
    "pairs_of_samples": functools.partial(_window, BlockGeometry(1, 4, 42, stride=2), 12, at_once=2),
}
