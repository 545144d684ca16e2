"""Cases of the head: the logits' extremes, ties, flat windows, with and without sums of rhythm bits."""

import functools

import numpy as np

from hw.beats.rhythm import sums_layout
from hw.binary.head import Head, HeadParams
from hw.stream.result import NO_CALL, Beat, Header, Meta
from sim.benches.base import beat, rows
from sim.benches.streams import Case, Hooks

CLASSES, POSITIONS, TAPS = 4, 5, 28
NUMBERS, FLATS = [7, 65535, 0, 1, 2, 3, 4, 5], [0, 0, 0, 1, 0, 0, 1, 0]


class _Free(Hooks):
    """Begins a window's counts only when the head is free and the window's sums, where there are any, are there."""

    def __init__(self, counts: int):
        self.counts, self.frees = counts, 0

    def allow(self, bench, port):
        window = bench.moved["i"] // self.counts
        there = bench.moved.get("sums", window + 1) > window or bench.offering["sums"]
        return port != "i" or (window <= self.frees and there)

    def sample(self, bench):
        self.frees += bench.value("free")


def _params(rhythm: np.ndarray | None) -> HeadParams:
    scale, slope = np.array([8191, 300, -8192, 300]), np.array([-8192, 75, 8191, 75])
    return HeadParams(TAPS, POSITIONS, scale, slope, np.array([0, -4000, 70_000, -4000]), rhythm, 3)


def _counts(rng) -> np.ndarray:
    counts = rng.integers(0, TAPS + 1, (len(NUMBERS), POSITIONS, CLASSES))
    counts[0], counts[1] = 0, TAPS  # the logits' extremes
    counts[2, :, 3] = counts[2, :, 1]
    counts[2, :, [0, 2]] = TAPS // 2  # classes 1 and 3 tie
    return counts


def _sums(rng, rhythm: np.ndarray) -> np.ndarray:
    most = np.abs(rhythm).sum(axis=1)
    sums = rng.integers(-most, most + 1, (len(NUMBERS), CLASSES))
    sums[0], sums[1] = -most, most
    return sums


def _results(params: HeadParams, counts: np.ndarray, sums: np.ndarray) -> list[int]:
    out = []
    for window, number, flat, added in zip(counts, NUMBERS, FLATS, sums, strict=True):
        logits = params.reference(window, added)
        label = NO_CALL if flat else int(logits.argmax())
        header = beat(Header, number=number, label=label, no_call=flat, fault=0, image=0)
        words = [header, *(int(v) & 0xFFFFFFFF for v in logits)]
        out += [beat(Beat, word=w, last=i == len(words) - 1) for i, w in enumerate(words)]
    return out


def _head(rhythm: np.ndarray | None = None) -> Case:
    rng, params = np.random.default_rng(9), _params(rhythm)
    counts, sums = _counts(rng), np.zeros((len(NUMBERS), CLASSES), np.int64)
    inputs = {
        "i": counts.reshape(-1).tolist(),
        "meta": [beat(Meta, number=n, flat=f) for n, f in zip(NUMBERS, FLATS, strict=True)],
    }
    if rhythm is not None:
        sums = _sums(rng, rhythm)
        inputs["sums"] = rows(sums, sums_layout(rhythm).elem_shape.width)
    return Case(
        lambda: Head(params),
        inputs,
        {"o": _results(params, counts, sums)},
        latencies=[("i", POSITIONS * CLASSES - 1, "o", 0, params.latency)],
        hooks=lambda: _Free(POSITIONS * CLASSES),
    )


CASES = {
    "plain": _head,
    "with_rhythm": functools.partial(_head, np.array([[-128, 127, 5], [1, 0, -1], [127, 127, 127], [0, 0, 0]])),
}
