"""The image of a beat in exact integers: raw samples in, an int8 Gramian angular summation field out, as the hardware computes it.

Of a beat's 256 samples, four and four are summed (piecewise aggregate approximation) to points p, from ``low`` to ``low + d``.
They are scaled to -127..127, the cosines of angles a_i in units of 1/127, and v_i are the sines that belong to them:

    r   = floor((127 << 17) / d)                                      (one division a beat)
    x_i = round((2 * (p_i - low) - d) * r / 2^17)
    v_i = ROOT[|x_i|],  ROOT[a] = round(127 * sqrt(1 - (a / 127)^2))
    G_ij = saturate8(round((x_i * x_j - v_i * v_j) / 2^7))            (cos(a_i + a_j), in units of 128 / 127^2)

Rounding is to the nearest integer, halves away from zero. |2 * (p_i - low) - d| is at most d and d * r at most 127 << 17, so x_i
lies in -127..127. After Z. Wang and T. Oates, Imaging time-series to improve classification and imputation, IJCAI 2015.

A beat with d < ``LEAST_RANGE`` (4 ADC units) is flat: it gets no call, and its x and its image are 0 throughout.
"""

from dataclasses import dataclass

import numpy as np

from sw.export.rounding import round_half_away, saturate, shift_round

SAMPLES = 256  # of a beat
POINTS = 64  # of its approximation; rows and columns of the image
LEAST_RANGE = 16  # of the points, in sums of four ADC units
RECIPROCAL_SHIFT = 17
TOP = 127
RAW_BITS = 12  # of a sample, signed
POINT_BITS = 14  # of a point, signed
PRODUCT_SHIFT = 7
IMAGE_BITS = 8
ROOT = round_half_away(TOP * np.sqrt(1 - (np.arange(TOP + 1) / TOP) ** 2)).astype(np.uint8)  # uint8[128], 7 bits used


@dataclass(frozen=True)
class Trace:
    """Every stage of ``n`` beats. ``points``: ``int16[n, 64]``, sums of four ADC units; ``x``: ``int8[n, 64]`` in units of 1/127;
    ``image``: ``int8[n, 64, 64]``, row i and column j, in units of 128 / 127^2; ``flat``: ``bool[n]``, no call."""

    points: np.ndarray
    x: np.ndarray
    image: np.ndarray
    flat: np.ndarray


def images(samples: np.ndarray) -> Trace:
    """Images of raw samples ``int16[n, 256]``, of 12 bits, signed, in ADC units; raises ValueError for another shape or range."""
    samples = np.asarray(samples)
    limit = 1 << (RAW_BITS - 1)
    if samples.ndim != 2 or samples.shape[1] != SAMPLES:
        raise ValueError(f"beats have shape [n, {SAMPLES}], not {list(samples.shape)}")
    if samples.size and not -limit <= samples.min() <= samples.max() < limit:
        raise ValueError(f"raw samples lie between {-limit} and {limit - 1}, not {samples.min()} and {samples.max()}")
    points = samples.astype(np.int64).reshape(-1, POINTS, SAMPLES // POINTS).sum(axis=2)
    x, flat = scale(points)
    image = product(x, ROOT[np.abs(x)].astype(np.int64))
    image[flat] = 0
    return Trace(points.astype(np.int16), x.astype(np.int8), image.astype(np.int8), flat)


def scale(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x ``int64[n, 64]`` of points ``int64[n, 64]``, and which beats are flat (``bool[n]``; their x is 0)."""
    low = points.min(axis=1, keepdims=True)
    d = points.max(axis=1, keepdims=True) - low
    flat = d < LEAST_RANGE
    r = np.where(flat, 0, (TOP << RECIPROCAL_SHIFT) // np.maximum(d, LEAST_RANGE))
    return shift_round((2 * (points - low) - d) * r, RECIPROCAL_SHIFT), flat[:, 0]


def product(x: np.ndarray, v: np.ndarray) -> np.ndarray:
    """G ``int64[n, 64, 64]`` of x and v, each ``int64[n, 64]``."""
    difference = x[:, :, None] * x[:, None, :] - v[:, :, None] * v[:, None, :]
    return saturate(shift_round(difference, PRODUCT_SHIFT), IMAGE_BITS)
