"""Rounding and saturation, one named function each, for numpy integers of any width."""

import numpy as np


def shift_round(value: np.ndarray, shift: np.ndarray | int) -> np.ndarray:
    """``value / 2**shift`` rounded to the nearest integer, halves away from zero. Integers in, integers out; ``shift`` >= 1.

    An arithmetic shift rounds down, so half is added first, and one unit less where the value is negative.
    """
    value = np.asarray(value, dtype=np.int64)
    half = np.int64(1) << (np.asarray(shift, dtype=np.int64) - 1)
    return (value + half - (value < 0)) >> shift


def round_half_away(value: np.ndarray) -> np.ndarray:
    """Floats to the nearest ``int64``, halves away from zero."""
    value = np.asarray(value, dtype=np.float64)
    return (np.sign(value) * np.floor(np.abs(value) + 0.5)).astype(np.int64)


def saturate(value: np.ndarray, bits: int) -> np.ndarray:
    """Clip to the range of a signed integer of ``bits`` bits."""
    return np.clip(value, -(1 << (bits - 1)), (1 << (bits - 1)) - 1)
