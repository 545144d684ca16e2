"""Numbers of bases that suit lanes in lockstep.

The array works on a block of channels at once, and the block takes as many passes as its channel with the most bases. A base that
only a few channels of a block have costs as much time as one that all of them have. So after the pruning the extra bases of a
layer are rounded to whole blocks, within the budgets of bytes and of cycles.
"""

import numpy as np

from sw.errors import PopbeatError
from sw.export.program import DRAIN_CYCLES, FETCH_CYCLES, LANES, LEAST_PERIOD, WRITE_MARGIN
from sw.networks import Convolution, MultibitNetwork


def layer_cycles(shape: Convolution, counts: np.ndarray, groups: int) -> tuple[int, int]:
    """Cycles of a layer whose channels have so many bases, with the number of slots that takes the fewest, and the channels of a
    block then. Channels are sorted, but for those of the last layer. (The compiler's figure has a few bytes' writing more.)"""
    counts = np.asarray(counts)
    counts = np.sort(counts)[::-1] if shape.relu else counts
    positions = (shape.pool_length - 1) * shape.pool_stride + shape.pool
    best = None
    for slots in (1, 2, 4):
        rows, tile = groups * slots, LANES // slots
        passes = [max(1, int(counts[i : i + rows].max())) for i in range(0, len(counts), rows)]
        written = min(rows, len(counts)) * -(-tile // shape.pool_stride) + WRITE_MARGIN
        period = max(shape.taps + 1, LEAST_PERIOD, -(-written // min(passes)))
        cycles = FETCH_CYCLES + sum(passes) * -(-positions // tile) * period + DRAIN_CYCLES
        if best is None or cycles < best[0]:
            best = cycles, rows
    return best


def level(
    network: MultibitNetwork, counts: list[np.ndarray], stored_bytes: int, width: float, cycles: int, groups: int
) -> list[int]:
    """How many channels of each layer shall have a second base, from the pruned numbers of bases of all channels; every other
    channel has one. Whole blocks of them, nearest to what the pruning left where the budgets allow it; what then is left of the
    budgets goes to further blocks, those first that were rounded down the most. ``width``: bases a weight, weighed with the
    multiply-accumulates."""
    shapes = network.layers
    rows = [layer_cycles(s, np.ones(s.out_channels), groups)[1] for s in shapes]
    wish = [max(0, int(c.sum()) - s.out_channels) / r for c, s, r in zip(counts, shapes, rows, strict=True)]
    most = [-(-s.out_channels // r) for s, r in zip(shapes, rows, strict=True)]
    blocks = [min(int(w + 0.5), m) for w, m in zip(wish, most, strict=True)]

    def extra(chosen: list[int]) -> list[int]:
        return [min(s.out_channels, n * r) for s, n, r in zip(shapes, chosen, rows, strict=True)]

    def fits(chosen: list[int]) -> bool:
        second = extra(chosen)
        bases = [s.out_channels + e for s, e in zip(shapes, second, strict=True)]
        bits, wide = network.stored_bits(bases), network.mac_width(bases)
        spent = sum(layer_cycles(s, 1 + (np.arange(s.out_channels) < e), groups)[0] for s, e in zip(shapes, second, strict=True))
        return bits <= 8 * stored_bytes and wide <= width and spent <= cycles

    while not fits(blocks):
        over = [n - w if n else -np.inf for n, w in zip(blocks, wish, strict=True)]
        if max(over) == -np.inf:
            raise PopbeatError(
                f"one base a channel takes more than {stored_bytes} bytes or {cycles} cycles on {groups * LANES} lanes"
            )
        blocks[int(np.argmax(over))] -= 1
    while True:
        more = [[n + (i == k) for i, n in enumerate(blocks)] for k in range(len(blocks))]
        may = [w - n if n < m and fits(c) else -np.inf for w, n, m, c in zip(wish, blocks, most, more, strict=True)]
        if max(may) == -np.inf:
            return extra(blocks)
        blocks = more[int(np.argmax(may))]
