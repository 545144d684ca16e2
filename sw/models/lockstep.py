"""Numbers of bases that suit lanes in lockstep.

The array works on a block of channels at once, and the block takes as many passes as its channel with the most bases. A base that
only a few channels of a block have costs as much time as one that all of them have. So after the pruning the extra bases of a
layer are rounded to whole blocks, within the budgets of bytes and of cycles, and so that the lanes are busy.
"""

import numpy as np

from sw.errors import PopbeatError
from sw.export.array.program import LANES
from sw.networks import Convolution, MultibitNetwork

# The array that the recipes' budgets of cycles were set for took a cycle to copy the sums, wrote a byte a cycle, and waited for
# the end of an operation before it fetched the next. The array of today takes a few per cent less.
LEAST_PERIOD, WRITE_MARGIN, BETWEEN_OPERATIONS = LANES + 1, 4, 53


def layer_cycles(shape: Convolution, counts: np.ndarray, groups: int) -> tuple[int, int]:
    """Cycles of a layer whose channels have so many bases, with the number of slots that takes the fewest, and the channels of a
    block then. Channels are sorted, but for those of the last layer."""
    counts = np.asarray(counts)
    counts = np.sort(counts)[::-1] if shape.relu else counts
    positions = (shape.pool_length - 1) * shape.pool_stride + shape.pool
    best = None
    for slots in (1, 2, 4):
        rows, tile = groups * slots, LANES // slots
        tiles = -(-positions // tile)
        passes = [max(1, int(counts[i : i + rows].max())) for i in range(0, len(counts), rows)]
        written = min(rows, shape.out_channels) * -(-tile // shape.pool_stride)
        period = max(shape.taps + 1, LEAST_PERIOD, -(-(written + WRITE_MARGIN) // min(passes)))
        before = (tiles - 1) * tile
        results = shape.pool_length - ((before - shape.pool) // shape.pool_stride + 1 if before >= shape.pool else 0)
        last = (shape.out_channels - (len(passes) - 1) * rows) * results
        cycles = BETWEEN_OPERATIONS + sum(passes) * tiles * period + last
        if best is None or cycles < best[0]:
            best = cycles, rows
    return best


def useful_additions(shape: Convolution) -> int:
    """Additions a window for each base of a channel: its taps at the positions that the pool looks at, but for those on padding."""
    positions = (shape.pool_length - 1) * shape.pool_stride + shape.pool
    column = np.arange(positions)[:, None] * shape.stride - shape.pad + np.arange(shape.kernel)
    return int(((column >= 0) & (column < shape.length)).sum()) * shape.in_channels


def level(
    network: MultibitNetwork,
    counts: list[np.ndarray],
    stored_bytes: int,
    width: float,
    cycles: int,
    groups: int,
    utilisation: float = 0.0,
) -> list[int]:
    """How many channels of each layer shall have a second base, from the pruned numbers of bases of all channels; every other
    channel has one. Whole blocks, and so many of them that the budgets take no further one; of all such ways the one nearest to
    what the pruning left (squared differences of the layers' bases a channel). ``width``: bases a weight, weighed with the
    multiply-accumulates; ``utilisation``: useful additions over lanes x cycles, at least."""
    numbers, bits, wide, spent, useful, distance = [], [], [], [], [], []
    for shape, count in zip(network.layers, counts, strict=True):
        rows = layer_cycles(shape, np.ones(shape.out_channels), groups)[1]
        second = np.minimum(np.arange(-(-shape.out_channels // rows) + 1) * rows, shape.out_channels)
        bases = shape.out_channels + second
        numbers.append(second)
        bits.append(bases * (shape.taps + network.alpha_bits))
        wide.append(bases * shape.taps * shape.conv_length)
        spent.append(np.array([layer_cycles(shape, 1 + (np.arange(shape.out_channels) < n), groups)[0] for n in second]))
        useful.append(bases * useful_additions(shape))
        distance.append(((bases - count.sum()) / shape.out_channels) ** 2)

    def total(parts: list[np.ndarray]) -> np.ndarray:
        return sum(np.ix_(*parts))

    fixed = network.stored_bits([0] * len(numbers))
    fits = (total(bits) <= 8 * stored_bytes - fixed) & (total(wide) <= width * network.macs) & (total(spent) <= cycles)
    full = fits.copy()
    for axis in range(fits.ndim):
        more = np.moveaxis(fits, axis, 0)[1:]
        np.moveaxis(full, axis, 0)[:-1] &= ~more
    full &= total(useful) >= utilisation * groups * LANES * total(spent)
    if not full.any():
        least = -(-network.stored_bits([shape.out_channels for shape in network.layers]) // 8)
        raise PopbeatError(
            f"no numbers of bases take at most {stored_bytes} bytes, a width of {width:g} and {cycles} cycles, "
            f"with {utilisation:.0%} of {groups * LANES} lanes busy; "
            f"one base a channel takes {least} bytes and {total(spent).min()} cycles"
        )
    best = np.unravel_index(np.where(full, total(distance), np.inf).argmin(), full.shape)
    return [int(n[i]) for n, i in zip(numbers, best, strict=True)]
