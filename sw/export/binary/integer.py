"""The integer model: raw ADC samples to logits and class, in exact integers, as every other rung of the ladder must agree.

Sums of at most a few thousand integers below 2^14 are exact in float32, so the convolutions are matrix products.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sw.export.binary import rhythm
from sw.export.bundle import Bundle
from sw.networks import POOL, POOL_STRIDE, BlockGeometry

NO_CALL = 255


@dataclass(frozen=True)
class Trace:
    """Every layer's output for n windows.

    ``normalised`` ``int16[n, window]``; ``flat`` ``bool[n]``; ``columns`` per block but the last ``uint8[n, length, channels]``
    of bits; ``pooled`` ``int16[n, positions, classes]``, the last block's pooled popcounts; ``logits`` ``int64[n, classes]``;
    ``label`` ``int64[n]``, ``NO_CALL`` for a flat window; ``rhythm`` ``uint8[n, comparisons + hidden]``, None in a network
    without.
    """

    normalised: np.ndarray
    flat: np.ndarray
    columns: tuple[np.ndarray, ...]
    pooled: np.ndarray
    logits: np.ndarray
    label: np.ndarray
    rhythm: np.ndarray | None = None


def convolve(columns: np.ndarray, weight: np.ndarray, geometry: BlockGeometry, pad: np.ndarray) -> np.ndarray:
    """Sums of +-columns. ``columns`` ``[n, length, in]``, ``pad`` ``[in]``; returns ``int32[n, conv_length, out]``."""
    ends = np.broadcast_to(pad, (len(columns), geometry.pad, geometry.in_channels))
    padded = np.concatenate([ends, columns, ends], axis=1).astype(np.float32)
    windows = sliding_window_view(padded, geometry.kernel, axis=1)[:, :: geometry.stride]  # [n, position, in, kernel]
    flat = windows.reshape(len(columns), geometry.conv_length, geometry.taps)
    return (flat @ weight.reshape(geometry.out_channels, geometry.taps).T.astype(np.float32)).astype(np.int32)


def max_pool(sums: np.ndarray) -> np.ndarray:
    """Maximum over 7 positions, every second one: ``[n, conv_length, channels]`` to ``[n, pool_length, channels]``."""
    return sliding_window_view(sums, POOL, axis=1)[:, ::POOL_STRIDE].max(axis=-1)


def run(bundle: Bundle, samples: np.ndarray) -> Trace:
    """The network on raw windows ``int[n, words + window]`` (RR words, where the network has them, and samples)."""
    words, samples = np.split(np.asarray(samples), [bundle.network.words], axis=1)
    normalised, flat = bundle.normaliser.normalise(samples)
    columns, blocks, wanted = [], bundle.network.blocks, bundle.network.rhythm
    bits = rhythm.bits(wanted, words) if wanted else None
    every = bundle.head.all_bits(bits) if wanted else None
    pooled = max_pool(convolve(normalised[:, :, None], bundle.weights[0], blocks[0], np.array([bundle.pad_value])))
    for i in range(1, len(blocks)):
        columns.append((pooled >= bundle.thresholds[i - 1]).astype(np.uint8))
        inputs = columns[-1]
        if wanted and wanted.block == i + 1:
            inputs = np.concatenate([inputs, rhythm.columns(wanted, bits, blocks[i].length)], axis=2)
        signs = 2 * inputs.astype(np.int8) - 1
        sums = convolve(signs, bundle.weights[i], blocks[i], 2 * bundle.pads[i - 1].astype(np.int8) - 1)
        pooled = (max_pool(sums) + blocks[i].taps) // 2
    logits = head(bundle, pooled, every)
    label = np.where(flat, NO_CALL, logits.argmax(axis=1))
    return Trace(normalised, flat, tuple(columns), pooled.astype(np.int16), logits, label, every)


def head(bundle: Bundle, pooled: np.ndarray, bits: np.ndarray | None = None) -> np.ndarray:
    """Logits ``int64[n, classes]`` of the last block's pooled popcounts ``[n, positions, classes]`` and, where the head takes them,
    rhythm bits ``uint8[n, comparisons + hidden]``."""
    x = 2 * pooled.astype(np.int64) - bundle.network.blocks[-1].taps
    constants = bundle.head
    above, below = np.maximum(x, 0).sum(axis=1), np.minimum(x, 0).sum(axis=1)
    offset = pooled.shape[1] * (constants.offset.astype(np.int64) << constants.offset_shift)
    logits = constants.positive * above + constants.negative * below + offset
    return logits if constants.rhythm is None else logits + constants.of_bits(bits)
