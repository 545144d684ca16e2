"""Cases of the normaliser: samples one by one and in pairs, some windows broken off, marks that are optional."""

import functools

import numpy as np

from hw.front.normaliser import Normaliser, latency
from hw.stream.result import Meta
from sim.benches.base import beat, rows
from sim.benches.front.windows import SPEC, raw
from sim.benches.streams import Case


def _sent(windows: np.ndarray, at_once: int) -> tuple[list[int], list[int]]:
    """Beats with the mark above the samples, and the numbers of the whole windows."""
    bits, end = SPEC.raw_bits * at_once, SPEC.window // at_once - 1
    cuts = {2: 1, 3: 17, 6: end}  # a window broken off after so many beats comes before; its number is skipped
    sent, numbers, number = [], [], 0
    for k, row in enumerate(windows):
        words = rows(row.reshape(-1, at_once), SPEC.raw_bits)
        if k in cuts:
            sent += [x | (j == cuts[k] - 1) << bits for j, x in enumerate(words[::-1][: cuts[k]])]
            number += 1
        sent += [x | (j == end and k % 2 == 0) << bits for j, x in enumerate(words)]  # the mark is optional
        numbers.append(number)
        number += 1
    return sent, numbers


def _normaliser(at_once: int) -> Case:
    windows = raw(np.random.default_rng(15), 9)
    z, flat = SPEC.normalise(windows)
    sent, numbers = _sent(windows, at_once)
    return Case(
        lambda: Normaliser(SPEC, at_once),
        {"i": sent},
        {
            "o": rows(z.reshape(-1, at_once), SPEC.z_bits),
            "meta": [beat(Meta, number=n, flat=f) for n, f in zip(numbers, flat, strict=True)],
        },
        latencies=[("i", SPEC.window // at_once - 1, "o", 0, latency(SPEC))],
    )


CASES = {"samples": functools.partial(_normaliser, 1), "pairs": functools.partial(_normaliser, 2)}
