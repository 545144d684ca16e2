"""Cases of the rhythm front: with and without sums and hidden bits, packets broken off."""

import functools
from dataclasses import replace

import numpy as np

from hw.beats.hidden import HiddenParams
from hw.beats.rhythm import RhythmFront, RhythmFrontParams, latency, sums_layout
from sim.benches.base import rows, signs
from sim.benches.streams import Case
from sw.export.binary import rhythm as reference
from sw.export.front.normaliser import NormaliserSpec
from sw.networks import Rhythm

RHYTHM = Rhythm(2, 4, ((0, 1, 32), (1, 4, 63), (4, 0, 1), (2, 2, 32), (3, 0, 33), (0, 3, 20), (2, 4, 9)), (0, 1, 5))
SPEC = NormaliserSpec(window=24)


def _drawn(rng) -> tuple[np.ndarray, np.ndarray]:
    words, samples = rng.integers(0, 2048, (12, RHYTHM.words)), rng.integers(-2048, 2048, (12, SPEC.window))
    words[::3] = rng.integers(90, 120, (4, RHYTHM.words))  # ratios near one
    words[4] = words[4][0]
    return words, samples


def _packets(words: np.ndarray, samples: np.ndarray, at_once: int) -> tuple[list[int], list[int]]:
    """Beats of the packets, and those of them that pass on."""
    bits, words_end = SPEC.raw_bits * at_once, RHYTHM.words // at_once
    end = (RHYTHM.words + SPEC.window) // at_once - 1
    # Packets broken off after their first beat, with their last word, after a few samples and just before their end.
    cuts = {2: 1, 3: words_end, 5: words_end + 3, 6: end}
    sent, passed = [], []
    for k, row in enumerate(np.concatenate([words, samples], axis=1)):
        packet = rows(row.reshape(-1, at_once), SPEC.raw_bits)
        if cut := cuts.get(k):
            broken = [x | (j == cut - 1) << bits for j, x in enumerate(packet[::-1][:cut])]
            sent += broken
            passed += broken[min(words_end, cut - 1) :]
        marked = [x | (j == end and k % 2 == 0) << bits for j, x in enumerate(packet)]
        sent += marked
        passed += marked[words_end:]
    return sent, passed


def _hidden(rng, found: np.ndarray, neurons: int) -> tuple[HiddenParams, np.ndarray]:
    """Random hidden neurons, and the bits with theirs behind."""
    count = found.shape[1]
    drawn = signs(rng, neurons, count)
    params = HiddenParams(drawn, np.array([0, count + 1, *rng.integers(1, count + 1, neurons - 2)]))
    return params, np.concatenate([found, reference.hidden_bits(found, drawn, params.thresholds)], axis=1)


def _rhythm(at_once: int, weights: np.ndarray | None = None, neurons: int = 0, checked: bool = False) -> Case:
    rng = np.random.default_rng(18)
    words, samples = _drawn(rng)
    sent, passed = _packets(words, samples, at_once)
    found, rhythm = reference.bits(RHYTHM, words), replace(RHYTHM, head=weights is not None, hidden=neurons)
    hidden, found = _hidden(rng, found, neurons) if neurons else (None, found)
    hidden = hidden and replace(hidden, checked=checked)
    out = {"o": passed, "bits": rows(found, 1)}
    if weights is not None:
        out["sums"] = rows((2 * found.astype(np.int64) - 1) @ weights.T, sums_layout(weights).elem_shape.width)
    words_end, beats = RHYTHM.words // at_once, SPEC.window // at_once
    end = words_end + beats - 1
    waits = max(latency(rhythm, hidden), beats)  # the last sample, for the bits
    return Case(
        lambda: RhythmFront(RhythmFrontParams(SPEC, rhythm, at_once, weights, hidden, checked)),
        {"i": sent},
        out,
        latencies=[("i", words_end, "o", 0, 0), ("i", words_end - 1, "i", end, waits), ("i", end, "bits", 0, 2)],
    )


SUMS = np.array([[-128, 127, 5, -1, 0, 64, 3], [127] * 7, [-128] * 7])
SUMS_OF_TWELVE = np.array([[-128, 127, 5, -1, 0, 64, 3, 1, 2, 4, 8, 16], [127] * 12, [-128] * 12])
CASES = {
    "words": functools.partial(_rhythm, 1),
    "pairs": functools.partial(_rhythm, 2),
    "with_sums": functools.partial(_rhythm, 1, SUMS),
    "with_hidden_bits": functools.partial(_rhythm, 1, SUMS_OF_TWELVE, 5),
    "with_parity": functools.partial(_rhythm, 1, SUMS_OF_TWELVE, 5, True),
    "pairs_with_hidden_bits": functools.partial(_rhythm, 2, np.arange(-16, 16).reshape(2, 16), 9),
}
