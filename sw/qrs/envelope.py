"""From raw samples to the envelope whose peaks are candidates for QRS complexes; integers throughout.

With boxcar sums B[n] = x[n] + ... + x[n-L+1] of L samples (``taps``), all centred on the same sample:

    slope[n]     = B[n-L/2] - B[n-3L/2]                  first difference at the scale of a QRS complex
    peak[n]      = 2 B[n-L] - B[n] - B[n-2L]             second difference
    magnitude[n] = (max(|slope|, |peak|) + min(|slope|, |peak|) >> 1) >> 1
    envelope[n]  = magnitude[n] + ... + magnitude[n-M+1]         M = ``smooth``

Slope and peak are band-passes (zero at 0 Hz) in quadrature, as the Hilbert pair of Benitez et al. (Comput Biol Med 31:399, 2001):
one is large where the other crosses zero, so the magnitude has one hump a QRS complex, whatever its shape, and needs little
smoothing. The maximum plus half the minimum stands for the root of the sum of squares. Samples before the first one are 0; the
envelope is 0 until it has no part of them.
"""

from dataclasses import dataclass

import numpy as np

from sw.qrs.params import QrsParams

BLOCK = 1 << 20  # samples that are filtered together: memory for a day of them would be ten times that of the result


@dataclass(frozen=True)
class Filtered:
    """Every stage's output for each sample, ``int32[n]``."""

    slope: np.ndarray
    peak: np.ndarray
    magnitude: np.ndarray
    envelope: np.ndarray


def boxcar(x: np.ndarray, length: int) -> np.ndarray:
    """Sums of the last ``length`` samples."""
    total = np.cumsum(np.concatenate([np.zeros(length, np.int64), x]))
    return total[length:] - total[:-length]


def delayed(x: np.ndarray, samples: int) -> np.ndarray:
    """The samples of so long ago, 0 before the first."""
    return np.concatenate([np.zeros(samples, x.dtype), x])[: len(x)]


def filtered(samples: np.ndarray, params: QrsParams) -> Filtered:
    """All stages on raw samples ``int[n]`` of ``raw_bits``; others are a :class:`ValueError`."""
    samples = np.asarray(samples)
    limit = 1 << (params.raw_bits - 1)
    if samples.ndim != 1:
        raise ValueError(f"the samples of one lead have shape [n], not {list(samples.shape)}")
    if samples.size and not -limit <= samples.min() <= samples.max() < limit:
        raise ValueError(f"raw samples lie between {-limit} and {limit - 1}, not {samples.min()} and {samples.max()}")
    before = 3 * params.taps + params.smooth  # samples that a block's first result has a part of, at most
    stages = [np.empty(len(samples), np.int32) for _ in range(4)]
    for start in range(0, len(samples), BLOCK):
        first = max(start - before, 0)
        made = _block(samples[first : start + BLOCK].astype(np.int64), params)
        for stage, values in zip(stages, made, strict=True):
            stage[start : start + BLOCK] = values[start - first :]
    stages[-1][: params.settled] = 0
    return Filtered(*stages)


def _block(samples: np.ndarray, params: QrsParams) -> tuple[np.ndarray, ...]:
    """Slope, peak, magnitude and envelope of samples ``int64[n]`` before which there are zeros, ``int64[n]`` each."""
    half = params.taps // 2
    sums = boxcar(samples, params.taps)
    slope = delayed(sums, half) - delayed(sums, 3 * half)
    peak = 2 * delayed(sums, 2 * half) - sums - delayed(sums, 4 * half)
    a, b = np.abs(slope), np.abs(peak)
    magnitude = (np.maximum(a, b) + (np.minimum(a, b) >> 1)) >> 1
    return slope, peak, magnitude, boxcar(magnitude, params.smooth)
