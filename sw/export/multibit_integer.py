"""The integer model of a multi-bit network: raw ADC samples to logits and class, in exact integers.

Sums of +-x stay below 2^17, so they are exact in float32 and the convolutions are matrix products.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sw.export.integer import NO_CALL
from sw.export.multibit import MultibitBundle, StoredLayer
from sw.export.rounding import saturate, shift_round
from sw.networks import ACTIVATION_BITS, INPUT_BITS, LOGIT_BITS, Convolution


@dataclass(frozen=True)
class Trace:
    """Every layer's output for n windows.

    ``normalised`` ``int16[n, window]`` in Q3.8; ``flat`` ``bool[n]``; ``input`` ``int8[n, window]`` in Q3.4; ``layers`` per
    hidden layer ``uint8[n, pool_length, out]`` behind its pool; ``logits`` ``int64[n, classes]`` (they fit into int16); ``label``
    ``int64[n]``, ``NO_CALL`` for a flat window.
    """

    normalised: np.ndarray
    flat: np.ndarray
    input: np.ndarray
    layers: tuple[np.ndarray, ...]
    logits: np.ndarray
    label: np.ndarray


def sums(x: np.ndarray, basis: np.ndarray, shape: Convolution) -> np.ndarray:
    """S of every base: ``x`` ``[n, length, in]``, ``basis`` ``[bases, in, kernel]``; returns ``int64[n, conv_length, bases]``."""
    padded = np.pad(x, ((0, 0), (shape.pad, shape.pad), (0, 0))).astype(np.float32)
    windows = sliding_window_view(padded, shape.kernel, axis=1)[:, :: shape.stride]  # [n, position, in, kernel]
    flat = windows.reshape(len(x), shape.conv_length, shape.taps)
    return (flat @ basis.reshape(-1, shape.taps).T.astype(np.float32)).astype(np.int64)


def accumulate(s: np.ndarray, layer: StoredLayer) -> np.ndarray:
    """Accumulators ``int64[n, positions, out]`` (they fit into int32) of the sums ``s`` of all bases."""
    select = np.zeros((len(layer.alpha), len(layer.count)), dtype=np.int64)
    select[np.arange(len(layer.alpha)), layer.owner] = layer.alpha
    return s @ select + (layer.bias.astype(np.int64) << layer.bias_shift)


def scale(accumulator: np.ndarray, layer: StoredLayer) -> np.ndarray:
    """round(accumulator / 2^shift) of each channel, halves away from zero."""
    shift = layer.shift.astype(np.int64)
    return np.where(shift > 0, shift_round(accumulator, np.maximum(shift, 1)), accumulator)


def max_pool(x: np.ndarray, shape: Convolution) -> np.ndarray:
    """``[n, conv_length, channels]`` to ``[n, pool_length, channels]``; an incomplete last pool is dropped."""
    return sliding_window_view(x, shape.pool, axis=1)[:, :: shape.pool_stride].max(axis=-1)


def run(bundle: MultibitBundle, samples: np.ndarray) -> Trace:
    """The network on raw windows ``int[n, window]``."""
    normalised, flat = bundle.normaliser.normalise(samples)
    quantised = saturate(shift_round(normalised, bundle.input_shift), INPUT_BITS).astype(np.int8)
    x, outputs = quantised[:, :, None], []
    for shape, layer in zip(bundle.network.layers, bundle.layers, strict=True):
        y = scale(accumulate(sums(x, layer.basis, shape), layer), layer)
        if shape.relu:
            x = max_pool(np.clip(y, 0, (1 << ACTIVATION_BITS) - 1), shape).astype(np.uint8)
            outputs.append(x)
    logits = saturate(y, LOGIT_BITS)[:, 0]
    return Trace(normalised, flat, quantised, tuple(outputs), logits, np.where(flat, NO_CALL, logits.argmax(axis=1)))
