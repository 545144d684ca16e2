"""Cases of whole blocks: the first, middle ones of several foldings, the last."""

import functools

import numpy as np

from hw.binary.block import Block, BlockParams
from hw.binary.folding import Folding
from sim.benches.base import pack, rows, signs
from sim.benches.streams import Case, Hooks
from sw.networks import BlockGeometry


class _Gives(Hooks):
    """Gives the last block its credit back some time after a window's last count."""

    def __init__(self, counts: int):
        self.counts, self.given = counts, 0

    def drive(self, bench):
        due = bench.moved["o"] // self.counts > self.given and bench.rng.random() < 0.1
        self.given += due
        bench.port("give").value = int(due)


def _params(geometry: BlockGeometry, folding: Folding, bits: int = 1, last: bool = False) -> BlockParams:
    rng = np.random.default_rng(geometry.length + geometry.out_channels)
    channels = geometry.out_channels
    weights = signs(rng, channels, geometry.in_channels, geometry.kernel)
    if bits > 1:
        return BlockParams(geometry, folding, weights, rng.integers(-3000, 3000, channels), np.array([256]), bits)
    middle = geometry.taps // 2 + 2
    thresholds = None if last else rng.integers(middle - 2, middle + 5, channels)
    return BlockParams(geometry, folding, weights, thresholds, rng.integers(0, 2, geometry.in_channels))


def block_reference(params: BlockParams, columns: np.ndarray) -> np.ndarray:
    """A block as its parts' references say: columns ``[length, in]`` to ``[pool_length, out]``."""
    g, bits = params.geometry, params.bits
    packed = np.array([pack(column, bits) for column in columns], dtype=object)
    windows = params.window.reference(packed)
    values = np.array([[(int(w) >> (k * bits)) & ((1 << bits) - 1) for k in range(g.taps)] for w in windows])
    if bits > 1:
        values = (values ^ (1 << (bits - 1))) - (1 << (bits - 1))
    sums = params.matrix.reference(values)
    if params.last:
        return params.pool.reference(sums).reshape(-1, g.out_channels)
    return params.columns.reference(params.pool.reference(params.threshold.reference(sums)))


def _block(geometry: BlockGeometry, folding: Folding, bits: int = 1) -> Case:
    params = _params(geometry, folding, bits)
    low, high = (0, 2) if bits == 1 else (-2048, 2048)
    columns = np.random.default_rng(21).integers(low, high, (3, geometry.length, geometry.in_channels))
    out = np.concatenate([block_reference(params, c) for c in columns])
    return Case(lambda: Block(params), {"i": rows(columns.reshape(-1, geometry.in_channels), bits)}, {"o": rows(out, 1)})


def _last() -> Case:
    geometry = BlockGeometry(4, 5, 24)
    params = _params(geometry, Folding(1, parts=2), last=True)
    columns = np.random.default_rng(22).integers(0, 2, (3, geometry.length, 4))
    counts = np.concatenate([block_reference(params, c) for c in columns])
    return Case(
        lambda: Block(params),
        {"i": rows(columns.reshape(-1, 4), 1)},
        {"o": counts.reshape(-1).tolist()},
        hooks=lambda: _Gives(counts.size // 3),
    )


CASES = {
    "first": functools.partial(_block, BlockGeometry(1, 6, 61, stride=2), Folding(3, queue=3), bits=12),
    "middle": functools.partial(_block, BlockGeometry(4, 7, 24), Folding(3)),
    "one_step": functools.partial(_block, BlockGeometry(2, 3, 24), Folding(3, queue=6)),
    "memory_in_parts": functools.partial(_block, BlockGeometry(4, 6, 24), Folding(2, parts=4, memory=True)),
    "last": _last,
}
