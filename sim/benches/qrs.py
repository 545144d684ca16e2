"""Cases of the QRS detector's components, for :mod:`sim.benches.cases`: a recording, and noise with short lengths."""

import functools

import numpy as np

from hw.qrs import detector, envelope, judge
from sim.benches.streams import Case, Hooks
from sw.data import source
from sw.qrs import evaluate
from sw.qrs.detector import PARAMS, detect, judge_envelope
from sw.qrs.envelope import filtered
from sw.qrs.params import POSITION_BITS, QrsParams

# So short that a few hundred samples see every branch.
SHORT = QrsParams(
    taps=4, smooth=3, hold=5, learning=30, t_wave=12, search_from=4, search_limit=40, search_age=50, silence=60, floor=64
)


def bits(values, width: int) -> list[int]:
    """Two's complement of ``width`` bits."""
    return [int(v) & ((1 << width) - 1) for v in values]


class _Taps(Hooks):
    """Compares what a tap shows, each time that it counts, with values in their order."""

    def __init__(self, expected: dict[str, list[int]]):
        self.expected, self.seen = expected, dict.fromkeys(expected, 0)

    def sample(self, bench):
        inside = getattr(bench.dut, bench.prefix.rstrip("_"))
        for name, values in self.expected.items():
            if int(getattr(inside, f"tap_{name}_moves").value) and self.seen[name] < len(values):
                value, wanted = int(getattr(inside, f"tap_{name}").value), values[self.seen[name]]
                assert value == wanted, f"{name} {self.seen[name]}: {value:#x}, expected {wanted:#x}"
                self.seen[name] += 1


def excerpt() -> np.ndarray:
    """Some seconds of record 203: wide and narrow beats."""
    found = source.find(download=False)
    return found.signal("203", evaluate.lead(found, "203"))[230_000:231_600].astype(np.int64)


def _envelope(params: QrsParams, samples: np.ndarray) -> Case:
    stages = filtered(samples, params)
    slope_bits, peak_bits = params.sum_bits + 1, params.sum_bits + 2
    pairs = zip(bits(stages.slope, slope_bits), bits(stages.peak, peak_bits), strict=True)
    taps = {"filtered": [a | b << slope_bits for a, b in pairs], "magnitude": stages.magnitude.tolist()}
    last = len(samples) - 1
    return Case(
        lambda: envelope.Envelope(params),
        {"i": bits(samples, params.raw_bits)},
        {"o": stages.envelope.tolist()},
        latencies=[("i", k, "o", k, envelope.LATENCY) for k in (0, last)] + [("i", 0, "i", last, last * envelope.INTERVAL)],
        hooks=functools.partial(_Taps, taps),
    )


def qrs_envelope() -> Case:
    """Noise over the whole range, with short sums."""
    rng = np.random.default_rng(31)
    samples = rng.integers(-2048, 2048, 300)
    samples[100:200] = rng.choice([-2048, 2047], 100)
    return _envelope(SHORT, samples)


def qrs_judge() -> Case:
    """Random peaks, so that each branch is taken: the taps are threshold, levels, interval, since and the kept height."""
    params = SHORT
    heights = np.random.default_rng(32).gamma(0.25, 4000, 3000)
    heights[1200:1500] /= 40  # silence
    values = np.minimum(heights.astype(np.int64), (1 << params.envelope_bits) - 1)
    beats, candidates = judge_envelope(values, params)
    height = params.envelope_bits
    widths = (height, height, height, params.since_bits + 4, params.since_bits, height)
    starts = np.cumsum([0, *widths])
    states = [sum(int(v) << int(start) for v, start in zip(row[2:], starts, strict=False)) for row in candidates]
    latencies = []
    for kind, cycles in ((0, judge.LATENCY), (1, judge.SEARCH_LATENCY)):
        alone = [k for k in np.flatnonzero((beats[:, 2] == kind) & (beats[:, 1] >= params.learning)) if _alone(beats[:, 1], k)]
        latencies += [("i", int(beats[k, 1]), "o", int(k), cycles) for k in alone]
    both = np.flatnonzero(np.diff(beats[:, 1]) == 0)
    latencies += [("i", int(beats[k, 1]), "o", int(k) + 1, judge.BOTH_LATENCY) for k in both]
    assert len(both) and beats[:, 2].any(), "the case is meant to have beats by search-back, and beats that follow one at once"
    return Case(
        lambda: judge.Judge(params),
        {"i": values.tolist()},
        {"o": bits(beats[:, 0] - params.delay, POSITION_BITS)},
        latencies=latencies,
        hooks=functools.partial(_Taps, {"judged": states}),
    )


def _alone(known: np.ndarray, k: int) -> bool:
    """Whether a beat is the first that its sample made known."""
    return k == 0 or known[k - 1] != known[k]


def qrs_detector() -> Case:
    """A recording through the whole detector."""
    samples = excerpt()
    seen = detect(samples)
    first = int(np.flatnonzero(~seen.search_back & (seen.known >= PARAMS.learning))[0])
    return Case(
        lambda: detector.Detector(PARAMS),
        {"i": bits(samples, PARAMS.raw_bits)},
        {"o": bits(seen.position, POSITION_BITS)},
        latencies=[
            ("i", int(seen.known[first]), "o", first, detector.LATENCY),
            ("i", 0, "i", len(samples) - 1, detector.INTERVAL * (len(samples) - 1)),
        ],
    )
