"""Rhythm bits: ratios of RR words as thermometer codes, in exact integers and without a division.

A word is one raw sample's lower bits: unsigned, in samples of 360 Hz. Premature, regular and late are ratios of an RR interval to
means of those before it; de Chazal et al. (IEEE Trans Biomed Eng 51(7):1196, 2004) classify beats by such intervals.
"""

import numpy as np

from sw.networks import RATIO_SHIFT, RHYTHM_UNIT, Rhythm

WORD_BITS = 11  # of a raw sample's 12: its sign is not looked at


def bits(rhythm: Rhythm, words: np.ndarray) -> np.ndarray:
    """The bits of RR words ``int[n, words]``: ``uint8[n, comparisons]``, 1 where 32 * word[over] >= multiple * word[under]."""
    words = np.asarray(words, dtype=np.int64) & ((1 << WORD_BITS) - 1)
    words = np.concatenate([words, np.full((len(words), 1), RHYTHM_UNIT)], axis=1)
    over, under, multiple = np.array(rhythm.comparisons).T
    return ((words[:, over] << RATIO_SHIFT) >= multiple * words[:, under]).astype(np.uint8)


def hidden_bits(found: np.ndarray, weight: np.ndarray, threshold: np.ndarray) -> np.ndarray:
    """A binary dense layer over rhythm bits ``uint8[n, comparisons]``: ``uint8[n, hidden]``, 1 where at least ``threshold``
    ``[hidden]`` of the bits equal those of ``weight`` ``[hidden, comparisons]``, which are -1 and +1."""
    sums = (2 * found.astype(np.int64) - 1) @ weight.T.astype(np.int64)
    return ((sums + found.shape[1]) // 2 >= threshold).astype(np.uint8)


def columns(rhythm: Rhythm, found: np.ndarray, length: int) -> np.ndarray:
    """What a block takes beside its own columns: bits ``uint8[n, comparisons]`` to ``uint8[n, length, channels]``, the bits in
    every column, then the marks."""
    marks = np.arange(length)[:, None] >= np.array(rhythm.marks, dtype=np.int64)
    shape = len(found), length, -1
    return np.concatenate(
        [np.broadcast_to(found[:, None], (*shape[:2], found.shape[1])), np.broadcast_to(marks, (*shape[:2], marks.shape[1]))],
        axis=2,
    ).astype(np.uint8)
