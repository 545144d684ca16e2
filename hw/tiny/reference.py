"""What the tiny engine computes, in numpy, from the very rows of its memories: the third opinion beside integer model and RTL."""

import numpy as np

from hw.tiny.params import GROUP, LANES, TinyParams
from sw.networks import POOL, POOL_STRIDE


def first(params: TinyParams, normalised: np.ndarray) -> np.ndarray:
    """Block 1: bits ``uint8[pool_length, out_channels]`` of a window's normalised samples ``int[window]``."""
    bundle, geometry = params.bundle, params.first.geometry
    padded = np.pad(normalised.astype(np.int64), geometry.pad, constant_values=bundle.pad_value)
    starts = np.arange(geometry.positions) * geometry.stride
    sums = padded[starts[:, None] + np.arange(geometry.kernel)] @ bundle.weights[0][:, 0].T.astype(np.int64)
    return _pool(sums >= bundle.thresholds[0]).astype(np.uint8)


def layer(params: TinyParams, number: int, columns: np.ndarray) -> np.ndarray:
    """Layer ``number`` (0: block 2) on ``uint8[length, in_channels]``: bits ``uint8[pool_length, out_channels]``, or behind the
    last block counts ``int64[pool_length, classes]``."""
    of, geometry = params.layers[number], params.layers[number].geometry
    start = sum(before.rows for before in params.layers[:number])
    row_bits = LANES * params.kernel * GROUP
    rows = np.array([_bits(row, row_bits) for row in params.weight_rows[start : start + of.rows]])
    # [pass, part, lane, column, channel]
    weights = rows.reshape(of.passes, of.parts, LANES, params.kernel, GROUP)[:, : of.groups]
    pad = np.concatenate([_bits(byte, GROUP) for byte in params.pad_bytes[number]])
    padded = np.tile(pad, (geometry.length + 2 * geometry.pad, 1))
    padded[geometry.pad : -geometry.pad] = 0
    padded[geometry.pad : -geometry.pad, : geometry.in_channels] = columns
    windows = np.lib.stride_tricks.sliding_window_view(padded, geometry.kernel, axis=0)[: geometry.positions]
    windows = windows.reshape(geometry.positions, of.groups, GROUP, geometry.kernel).transpose(0, 1, 3, 2)
    sums = (windows[:, None, None] ^ weights.transpose(0, 2, 1, 3, 4)[None]).sum(axis=(3, 4, 5))
    sums = sums.reshape(geometry.positions, of.passes * LANES)
    if of.last:
        return _pool(sums)[:, : geometry.out_channels]
    start = sum(before.passes for before in params.layers[:number])
    mask = (1 << params.threshold_bits) - 1
    thresholds = [
        (row >> (k * params.threshold_bits)) & mask
        for row in params.threshold_rows[start : start + of.passes]
        for k in range(LANES)
    ]
    return _pool(sums >= np.array(thresholds)).astype(np.uint8)[:, : geometry.out_channels]


def _pool(values: np.ndarray) -> np.ndarray:
    return np.lib.stride_tricks.sliding_window_view(values, POOL, axis=0)[::POOL_STRIDE].max(axis=-1)


def _bits(word: int, count: int) -> np.ndarray:
    return np.array([(word >> k) & 1 for k in range(count)], np.uint8)
