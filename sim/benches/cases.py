"""The components on the bench, one case each: parameters, input beats from a fixed seed, and what their references say.

All cases stand side by side in one top (:class:`Bench`), so that one build serves them all.
"""

import functools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from amaranth.hdl import Module, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import Out, connect, flipped

from hw.beats.hidden import HiddenParams
from hw.beats.rhythm import RhythmFront, RhythmFrontParams, latency, sums_layout
from hw.binary.beside import Beside, BesideParams
from hw.binary.block import Block, BlockParams
from hw.binary.columns import Columns, ColumnsParams
from hw.binary.folding import Folding
from hw.binary.head import Head, HeadParams
from hw.binary.matrix import BinaryMatrix, InputMatrix, MatrixParams
from hw.binary.pool import Pool, PoolParams
from hw.binary.popcount import Popcount, PopcountParams
from hw.binary.sequencer import Sequencer, SequencerParams, step_layout
from hw.binary.threshold import Threshold, ThresholdParams
from hw.binary.window import Position, SlidingWindow, WindowParams
from hw.front import reciprocal, scaler, statistics
from hw.front.normaliser import Normaliser
from hw.stream import multiplier, skid
from hw.stream.elastic import ElasticChain, ElasticParams
from hw.stream.result import NO_CALL, Beat, Header, Meta
from sim.benches.qrs import qrs_detector, qrs_envelope, qrs_judge
from sim.benches.streams import Case, Hooks
from sw.export.front.normaliser import NormaliserSpec
from sw.networks import POOL, BlockGeometry, Rhythm

CASES: dict[str, Callable[[], Case]] = {}


def case(function):
    """Register a function that makes a case under its name."""
    CASES[function.__name__] = functools.cache(function)
    return function


def pack(values, bits: int) -> int:
    """Integers side by side, the first in the least significant bits, each in two's complement of ``bits`` bits."""
    out = 0
    for place, value in enumerate(values):
        out |= (int(value) & ((1 << bits) - 1)) << (place * bits)
    return out


def beat(layout, **fields) -> int:
    """A payload of a struct layout."""
    return layout.const({name: int(value) for name, value in fields.items()}).as_bits()


def signs(rng, *shape) -> np.ndarray:
    """Random weights."""
    return rng.choice(np.array([-1, 1], np.int8), shape)


@case
def elastic() -> Case:
    beats = np.random.default_rng(1).integers(0, 256, 80).tolist()
    return Case(
        lambda: ElasticChain(ElasticParams(8, 3)),
        {"i": beats},
        {"o": beats},
        latencies=[("i", 0, "o", 0, 3), ("i", 79, "o", 79, 3)],
    )


@case
def skid_buffer() -> Case:
    beats = np.random.default_rng(2).integers(0, 256, 80).tolist()
    return Case(
        lambda: skid.SkidBuffer(8),
        {"i": beats},
        {"o": beats},
        latencies=[("i", 0, "o", 0, skid.LATENCY), ("i", 79, "o", 79, skid.LATENCY)],
    )


class _Pipeline(Hooks):
    """Drives an input and checks an output of a plain pipeline in every cycle."""

    def __init__(self, inputs: list[int], outputs: list[int], latency: int):
        self.inputs, self.outputs, self.latency = inputs, outputs, latency

    def drive(self, bench):
        bench.port("i").value = self.inputs[bench.cycle % len(self.inputs)]

    def sample(self, bench):
        if bench.cycle >= self.latency:
            expected = self.outputs[(bench.cycle - self.latency) % len(self.inputs)]
            assert bench.value("o") == expected, f"cycle {bench.cycle}: {bench.value('o')}, expected {expected}"


def _popcount(width: int, levels: int) -> Case:
    rng = np.random.default_rng(width)
    params = PopcountParams(width, levels)
    if width <= 5:  # every input
        bits = (np.arange(1 << width)[:, None] >> np.arange(width)) & 1
    else:  # none, all, each alone, each missing, random densities
        edge = [np.zeros((1, width)), np.ones((1, width)), np.eye(width), 1 - np.eye(width)]
        bits = np.concatenate([*edge, rng.random((60, width)) < rng.random((60, 1))]).astype(np.uint8)
    values = [pack(row, 1) for row in bits]
    counts = params.reference(bits).tolist()
    # There are no streams to wait for: the drain walks through the values.
    hooks = functools.partial(_Pipeline, values, counts, params.latency)
    return Case(lambda: Popcount(params), {}, {}, hooks=hooks, drain=len(values) + params.latency)


for _width, _levels in ((1, 1), (2, 2), (3, 1), (5, 2), (7, 2), (56, 2), (112, 3), (448, 2)):
    CASES[f"popcount{_width}"] = functools.cache(functools.partial(_popcount, _width, _levels))


class _Product(Hooks):
    """Drives both factors in every cycle and checks the product ``LATENCY`` cycles later."""

    def __init__(self, factors: list[tuple[int, int]], products: list[int]):
        self.factors, self.products = factors, products

    def drive(self, bench):
        bench.port("a").value, bench.port("b").value = self.factors[bench.cycle % len(self.factors)]

    def sample(self, bench):
        if bench.cycle >= multiplier.LATENCY:
            expected = self.products[(bench.cycle - multiplier.LATENCY) % len(self.products)]
            assert bench.value("p") == expected, f"cycle {bench.cycle}: {bench.value('p'):#x}, expected {expected:#x}"


@case
def product() -> Case:
    rng = np.random.default_rng(4)
    a = np.concatenate([rng.integers(-(1 << 12), 1 << 12, 60), [-(1 << 12), (1 << 12) - 1, -(1 << 12), 0]])
    b = np.concatenate([rng.integers(0, 1 << 16, 60), [(1 << 16) - 1, (1 << 16) - 1, 0, 5]])
    factors = [(pack([x], 13), int(y)) for x, y in zip(a, b, strict=True)]
    products = [pack([int(x) * int(y)], 29) for x, y in zip(a, b, strict=True)]
    unit = functools.partial(multiplier.Multiplier, signed(13), unsigned(16))
    return Case(unit, {}, {}, hooks=functools.partial(_Product, factors, products), drain=len(factors) + multiplier.LATENCY)


class _Windows(Hooks):
    """Looks at the window beside a position, from two cycles after its transfer until the next one's takes its place."""

    def __init__(self, windows: list[int]):
        self.windows, self.queue, self.now = windows, [], None

    def sample(self, bench):
        if "o" in bench.fires:
            self.queue.append((bench.cycle + 1, self.windows[bench.moved["o"] - 1]))
        if self.queue and self.queue[0][0] <= bench.cycle:
            self.now = self.queue.pop(0)[1]
        if self.now is not None:
            assert bench.value("window") == self.now, f"cycle {bench.cycle}: window {bench.value('window'):#x}"


def _window(geometry: BlockGeometry, bits: int, count: int, at_once: int = 1) -> Case:
    rng = np.random.default_rng(geometry.length)
    width = geometry.in_channels * bits
    params = WindowParams(geometry, bits, int(rng.integers(0, 1 << width)), at_once)
    columns = rng.integers(0, 1 << width, (count, geometry.length))
    windows = [int(w) for row in columns for w in params.reference(row)]
    last = geometry.positions - 1
    positions = [
        beat(Position, pools=p >= POOL - 1 and p % 2 == 0, last=p == last) for _ in range(count) for p in range(geometry.positions)
    ]
    return Case(
        lambda: SlidingWindow(params),
        {"i": [pack(beats, width) for beats in columns.reshape(-1, at_once).tolist()]},
        {"o": positions},
        # The first position starts in the cycle in which its last column arrives.
        latencies=[("i", params.first - 1, "o", 0, 0), ("i", params.first - 1 + params.stride, "o", 1, 0)],
        hooks=lambda: _Windows(windows),
    )


@case
def window_columns() -> Case:
    return _window(BlockGeometry(3, 4, 20), 1, 3)


@case
def window_samples() -> Case:
    return _window(BlockGeometry(1, 4, 41, stride=2), 12, 3)


@case
def window_pairs_of_samples() -> Case:
    return _window(BlockGeometry(1, 4, 42, stride=2), 12, 3, at_once=2)


class _Credits(Hooks):
    """Gives credits back now and then, and counts that none is overdrawn. Steps of a taking position come only on credit."""

    def __init__(self, params: SequencerParams, takes: list[bool]):
        self.params, self.takes, self.out, self.giving = params, takes, 0, False

    def drive(self, bench):
        self.giving = self.out > 0 and bench.rng.random() < 0.1
        bench.port("give").value = int(self.giving)

    def sample(self, bench):
        if "i" in bench.fires and self.takes[bench.moved["i"] - 1]:
            self.out += 1
            assert self.out <= self.params.credits, f"cycle {bench.cycle}: {self.out} results under way, and so many fit not"
        self.out -= self.giving


def _sequencer(steps: int, credits: int, take: str) -> Case:
    rng = np.random.default_rng(steps)
    params = SequencerParams(steps, credits, take)
    flags = rng.integers(0, 2, (50, 2))
    takes = flags[:, ("pools", "last").index(take)].astype(bool).tolist()
    out = [beat(step_layout(steps), step=s) for _ in flags for s in range(steps)]
    return Case(
        lambda: Sequencer(params),
        {"i": [beat(Position, pools=p, last=q) for p, q in flags]},
        {"o": out},
        latencies=[("i", 0, "o", 0, 1), ("i", 0, "o", steps - 1, steps)],
        hooks=lambda: _Credits(params, takes),
    )


@case
def sequencer() -> Case:
    return _sequencer(5, 2, "pools")


@case
def sequencer_one_step() -> Case:
    return _sequencer(1, 3, "last")


class _Beside(Hooks):
    """Drives ``window`` with what belongs to a step in the cycle after it, and noise otherwise; ``ahead`` with the step to come."""

    def __init__(self, windows: list[int], steps: int):
        self.windows, self.steps = windows, steps

    def drive(self, bench):
        port = bench.port("window")
        noise = bench.rng.getrandbits(len(port))
        port.value = self.windows[(bench.moved["i"] - 1) // self.steps] if "i" in bench.fires else noise
        bench.port("ahead").value = (bench.moved["i"] + bench.offering["i"]) % self.steps


def _matrix(params: MatrixParams, windows: np.ndarray) -> Case:
    bits = params.sum_shape.width
    sums = params.reference(windows).reshape(-1, params.pe)
    steps = [step for _ in windows for step in range(params.steps)]
    kind = BinaryMatrix if params.bits == 1 else InputMatrix
    return Case(
        lambda: kind(params),
        {"i": steps},
        {"o": [pack(row, bits) for row in sums]},
        latencies=[("i", params.parts - 1, "o", 0, params.latency), ("i", len(steps) - 1, "o", len(sums) - 1, params.latency)],
        hooks=lambda: _Beside([pack(w, params.bits) for w in windows], params.steps),
    )


def _binary_matrix(channels: int, pe: int, parts: int, memory: bool) -> Case:
    rng = np.random.default_rng(channels)
    geometry = BlockGeometry(4, channels, 20)
    params = MatrixParams(geometry, signs(rng, channels, 4, 7), pe, parts, memory)
    return _matrix(params, rng.integers(0, 2, (20, geometry.taps)))


@case
def matrix_constant() -> Case:
    return _binary_matrix(8, 3, 1, False)


@case
def matrix_constant_parts() -> Case:
    return _binary_matrix(6, 2, 4, False)


@case
def matrix_memory() -> Case:
    return _binary_matrix(5, 1, 2, True)


@case
def matrix_samples() -> Case:
    rng = np.random.default_rng(5)
    params = MatrixParams(BlockGeometry(1, 6, 41, stride=2), signs(rng, 6, 1, 7), 2, bits=12)
    extremes = rng.choice([-2048, 2047, 0, -1], (10, 7))
    return _matrix(params, np.concatenate([extremes, rng.integers(-2048, 2048, (20, 7))]))


def _threshold(sum_shape, low: int, high: int) -> Case:
    rng = np.random.default_rng(high)
    thresholds = rng.integers(low, high + 1, (4, 3))
    thresholds[0] = low, high, high + 1  # always, the largest sum only, never
    params = ThresholdParams(thresholds, sum_shape)
    sums = rng.integers(low, high + 1, (30, 4, 3))
    # At, below and above every threshold.
    sums[:3] = np.clip(thresholds[None] + np.array([-1, 0, 1])[:, None, None], low, high)
    bits = params.reference(sums).reshape(-1, 3)
    return Case(
        lambda: Threshold(params),
        {"i": [pack(row, sum_shape.width) for row in sums.reshape(-1, 3)]},
        {"o": [pack(row, 1) for row in bits]},
        latencies=[("i", 0, "o", 0, params.latency)],
    )


@case
def threshold_counts() -> Case:
    return _threshold(MatrixParams(BlockGeometry(4, 12, 20), np.ones((12, 4, 7), np.int8), 3).sum_shape, 0, 28)


@case
def threshold_sums() -> Case:
    params = MatrixParams(BlockGeometry(1, 12, 41, stride=2), np.ones((12, 1, 7), np.int8), 3, bits=12)
    return _threshold(params.sum_shape, -14336 - 7, 14329)


def _pool(bits: int, groups: int, pe: int) -> Case:
    rng = np.random.default_rng(bits)
    params = PoolParams(11, groups, pe, bits)
    values = rng.integers(0, 1 << bits, (3, 11, groups, pe)) * (rng.random((3, 11, groups, pe)) < (0.3 if bits == 1 else 1))
    out = np.concatenate([params.reference(v) for v in values])
    return Case(
        lambda: Pool(params),
        {"i": [pack(row, bits) for row in values.reshape(-1, pe)]},
        {"o": [pack(row, bits) for row in out.reshape(-1, pe)]},
        latencies=[("i", 6 * groups, "o", 0, params.latency), ("i", 11 * groups - 1, "o", 3 * groups - 1, params.latency)],
    )


@case
def pool_bits() -> Case:
    return _pool(1, 3, 4)


@case
def pool_counts() -> Case:
    return _pool(5, 4, 1)


@case
def pool_one_group() -> Case:
    return _pool(1, 1, 6)


class _Room(Hooks):
    """Starts a column only where there is room for it, as the sequencer does."""

    def __init__(self, params: ColumnsParams):
        self.params, self.left = params, 0

    def allow(self, bench, port):
        return bench.moved["i"] % self.params.groups or bench.moved["i"] // self.params.groups - self.left < self.params.depth

    def sample(self, bench):
        gone = bench.value("gone")
        expected = bench.value("o__valid") and bench.ready["o"]
        assert gone == expected, f"cycle {bench.cycle}: gone is {gone}"
        self.left += gone


@case
def columns() -> Case:
    params = ColumnsParams(10, 3, 2)
    bits = np.random.default_rng(3).integers(0, 2, (25, params.groups, params.pe))
    return Case(
        lambda: Columns(params),
        {"i": [pack(row, 1) for row in bits.reshape(-1, params.pe)]},
        {"o": [pack(row, 1) for row in params.reference(bits)]},
        latencies=[("i", params.groups - 1, "o", 0, params.latency)],
        hooks=lambda: _Room(params),
    )


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


def _results(params: HeadParams, counts: np.ndarray, numbers, flats, sums) -> list[int]:
    out = []
    for window, number, flat, bits in zip(counts, numbers, flats, sums, strict=True):
        logits = params.reference(window, bits)
        label = NO_CALL if flat else int(logits.argmax())
        header = beat(Header, number=number, label=label, no_call=flat, zero=0)
        words = [header, *(int(v) & 0xFFFFFFFF for v in logits)]
        out += [beat(Beat, word=w, last=i == len(words) - 1) for i, w in enumerate(words)]
    return out


def _head(rhythm: np.ndarray | None = None) -> Case:
    rng = np.random.default_rng(9)
    classes, positions, taps = 4, 5, 28
    params = HeadParams(
        taps,
        positions,
        np.array([8191, 300, -8192, 300]),
        np.array([-8192, 75, 8191, 75]),
        np.array([0, -4000, 70_000, -4000]),
        rhythm,
        3,
    )
    counts = rng.integers(0, taps + 1, (8, positions, classes))
    counts[0], counts[1] = 0, taps  # the logits' extremes
    counts[2, :, 3] = counts[2, :, 1]
    counts[2, :, [0, 2]] = taps // 2  # classes 1 and 3 tie
    numbers, flats = [7, 65535, 0, 1, 2, 3, 4, 5], [0, 0, 0, 1, 0, 0, 1, 0]
    beats = counts.size // len(counts)
    inputs = {
        "i": counts.reshape(-1).tolist(),
        "meta": [beat(Meta, number=n, flat=f) for n, f in zip(numbers, flats, strict=True)],
    }
    sums = np.zeros((len(counts), classes), np.int64)
    if rhythm is not None:
        width = sums_layout(rhythm).elem_shape.width
        most = np.abs(rhythm).sum(axis=1)
        sums = rng.integers(-most, most + 1, sums.shape)
        sums[0], sums[1] = -most, most
        inputs["sums"] = [pack(row, width) for row in sums]
    return Case(
        lambda: Head(params),
        inputs,
        {"o": _results(params, counts, numbers, flats, sums)},
        latencies=[("i", beats - 1, "o", 0, params.latency)],
        hooks=lambda: _Free(beats),
    )


@case
def head() -> Case:
    return _head()


@case
def head_with_rhythm() -> Case:
    return _head(np.array([[-128, 127, 5], [1, 0, -1], [127, 127, 127], [0, 0, 0]]))


SPEC = NormaliserSpec(window=40)


def _raw(rng, count: int) -> np.ndarray:
    """Raw windows with the corners: flat, one sample off by one, full scale, extremes alternating."""
    windows = rng.integers(-2048, 2048, (count, SPEC.window))
    windows[1] = rng.integers(-30, 30, SPEC.window) + 1000
    windows[2], windows[3], windows[4] = -2048, 5, 2047
    windows[3, 17] = 6
    windows[5] = np.where(np.arange(SPEC.window) % 2, 2047, -2048)
    return windows


def _sums(windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return windows.sum(axis=1), (windows * windows).sum(axis=1)


def _scales(windows: np.ndarray) -> list[int]:
    s1, s2 = _sums(windows)
    r, shift, flat = SPEC.scale(s1, s2)
    layout = reciprocal.scale_layout(SPEC)
    return [beat(layout, s1=a, r=b, shift=c, flat=d) for a, b, c, d in zip(s1, r, shift, flat, strict=True)]


def _sum_beats(windows: np.ndarray) -> list[int]:
    return [beat(statistics.sums_layout(SPEC), s1=a, s2=b) for a, b in zip(*_sums(windows), strict=True)]


def _statistics(at_once: int) -> Case:
    windows = _raw(np.random.default_rng(11), 8)
    bits, end = SPEC.raw_bits * at_once, SPEC.window // at_once - 1
    samples = [
        pack(x, SPEC.raw_bits) | (k == 0) << bits | (k == end) << (bits + 1)
        for w in windows
        for k, x in enumerate(w.reshape(-1, at_once).tolist())
    ]
    broken = samples[:15]  # begins and is broken off
    return Case(
        lambda: statistics.Statistics(SPEC, at_once),
        {"i": broken + samples},
        {"o": _sum_beats(windows)},
        latencies=[("i", 15 + end, "o", 0, statistics.LATENCY)],
    )


@case
def front_statistics() -> Case:
    return _statistics(1)


@case
def front_statistics_of_pairs() -> Case:
    return _statistics(2)


@case
def front_reciprocal() -> Case:
    windows = np.concatenate([_raw(np.random.default_rng(12), 8), np.random.default_rng(13).integers(-2, 2, (8, SPEC.window))])
    return Case(
        lambda: reciprocal.Reciprocal(SPEC),
        {"i": _sum_beats(windows)},
        {"o": _scales(windows)},
        latencies=[("i", k, "o", k, reciprocal.latency(SPEC)) for k in (0, 2, 15)],
    )


@case
def front_scaler() -> Case:
    windows = _raw(np.random.default_rng(14), 8)
    z, _ = SPEC.normalise(windows)
    make = lambda: scaler.Scaler(SPEC)  # noqa: E731
    raw_bits = SPEC.raw_bits
    # A window's scale comes with each sample, above it.
    beats = [pack([x], raw_bits) | scale << raw_bits for w, scale in zip(windows, _scales(windows), strict=True) for x in w]
    out = [pack([v], SPEC.z_bits) for v in z.reshape(-1)]
    return Case(make, {"i": beats}, {"o": out}, latencies=[("i", 0, "o", 0, scaler.LATENCY)])


def _normaliser(at_once: int) -> Case:
    from hw.front import normaliser as unit

    windows = _raw(np.random.default_rng(15), 9)
    z, flat = SPEC.normalise(windows)
    bits, end = SPEC.raw_bits * at_once, SPEC.window // at_once - 1
    samples, numbers, number = [], [], 0
    for k, row in enumerate(windows):
        words = [pack(x, SPEC.raw_bits) for x in row.reshape(-1, at_once).tolist()]
        if k in (2, 3, 6):  # a window broken off after 1, 17 and all but one beats; its number is skipped
            cut = {2: 1, 3: 17, 6: end}[k]
            samples += [x | (j == cut - 1) << bits for j, x in enumerate(words[::-1][:cut])]
            number += 1
        samples += [x | (j == end and k % 2 == 0) << bits for j, x in enumerate(words)]  # the mark is optional
        numbers.append(number)
        number += 1
    return Case(
        lambda: Normaliser(SPEC, at_once),
        {"i": samples},
        {
            "o": [pack(v, SPEC.z_bits) for v in z.reshape(-1, at_once)],
            "meta": [beat(Meta, number=n, flat=f) for n, f in zip(numbers, flat, strict=True)],
        },
        latencies=[("i", end, "o", 0, unit.latency(SPEC))],
    )


@case
def normaliser() -> Case:
    return _normaliser(1)


@case
def normaliser_of_pairs() -> Case:
    return _normaliser(2)


RHYTHM = Rhythm(2, 4, ((0, 1, 32), (1, 4, 63), (4, 0, 1), (2, 2, 32), (3, 0, 33), (0, 3, 20), (2, 4, 9)), (0, 1, 5))


def _rhythm_front(at_once: int, weights: np.ndarray | None = None, neurons: int = 0) -> Case:
    from sw.export.binary import rhythm as reference

    rng, spec = np.random.default_rng(18), NormaliserSpec(window=24)
    words, samples = rng.integers(0, 2048, (12, RHYTHM.words)), rng.integers(-2048, 2048, (12, spec.window))
    words[::3] = rng.integers(90, 120, (4, RHYTHM.words))  # ratios near one
    words[4] = words[4][0]
    bits, words_end = spec.raw_bits * at_once, RHYTHM.words // at_once
    end = (RHYTHM.words + spec.window) // at_once - 1
    sent, passed = [], []
    for k, row in enumerate(np.concatenate([words, samples], axis=1)):
        packet = [pack(x, spec.raw_bits) for x in row.reshape(-1, at_once).tolist()]
        # Packets broken off after their first beat, with their last word, after a few samples and just before their end.
        cut = {2: 1, 3: words_end, 5: words_end + 3, 6: end}.get(k)
        if cut:
            broken = [x | (j == cut - 1) << bits for j, x in enumerate(packet[::-1][:cut])]
            sent += broken
            passed += broken[min(words_end, cut - 1) :]
        marked = [x | (j == end and k % 2 == 0) << bits for j, x in enumerate(packet)]
        sent += marked
        passed += marked[words_end:]
    found, rhythm = reference.bits(RHYTHM, words), replace(RHYTHM, head=weights is not None, hidden=neurons)
    hidden = None
    if neurons:
        drawn = signs(rng, neurons, found.shape[1])
        hidden = HiddenParams(drawn, np.array([0, found.shape[1] + 1, *rng.integers(1, found.shape[1] + 1, neurons - 2)]))
        found = np.concatenate([found, reference.hidden_bits(found, drawn, hidden.thresholds)], axis=1)
    out = {"o": passed, "bits": [pack(row, 1) for row in found]}
    if weights is not None:
        width = sums_layout(weights).elem_shape.width
        out["sums"] = [pack(row, width) for row in (2 * found.astype(np.int64) - 1) @ weights.T]
    waits = max(latency(rhythm, hidden), spec.window // at_once)  # the last sample, for the bits
    return Case(
        lambda: RhythmFront(RhythmFrontParams(spec, rhythm, at_once, weights, hidden)),
        {"i": sent},
        out,
        latencies=[("i", words_end, "o", 0, 0), ("i", words_end - 1, "i", end, waits), ("i", end, "bits", 0, 2)],
    )


@case
def rhythm_front() -> Case:
    return _rhythm_front(1)


@case
def rhythm_front_of_pairs() -> Case:
    return _rhythm_front(2)


@case
def rhythm_front_with_sums() -> Case:
    return _rhythm_front(1, np.array([[-128, 127, 5, -1, 0, 64, 3], [127] * 7, [-128] * 7]))


@case
def rhythm_front_with_hidden_bits() -> Case:
    return _rhythm_front(1, np.array([[-128, 127, 5, -1, 0, 64, 3, 1, 2, 4, 8, 16], [127] * 12, [-128] * 12]), 5)


@case
def rhythm_front_of_pairs_with_hidden_bits() -> Case:
    return _rhythm_front(2, np.arange(-16, 16).reshape(2, 16), 9)


@case
def beside() -> Case:
    rng, params = np.random.default_rng(19), BesideParams(3, 9, RHYTHM)
    columns = rng.integers(0, 2, (5, params.length, params.channels), dtype=np.uint8)
    bits = rng.integers(0, 2, (5, len(RHYTHM.comparisons)), dtype=np.uint8)
    joined = params.reference(columns, bits).reshape(5 * params.length, -1)
    return Case(
        lambda: Beside(params),
        {"i": [pack(c, 1) for c in columns.reshape(-1, params.channels)], "bits": [pack(b, 1) for b in bits]},
        {"o": [pack(c, 1) for c in joined]},
        latencies=[("i", 0, "o", 0, 0), ("i", 44, "o", 44, 0)],
    )


def _block_params(geometry: BlockGeometry, folding: Folding, bits: int = 1, last: bool = False) -> BlockParams:
    rng = np.random.default_rng(geometry.length + geometry.out_channels)
    channels = geometry.out_channels
    weights = signs(rng, channels, geometry.in_channels, geometry.kernel)
    if bits > 1:
        return BlockParams(geometry, folding, weights, rng.integers(-3000, 3000, channels), np.array([256]), bits)
    middle = geometry.taps // 2 + 2
    thresholds = None if last else rng.integers(middle - 2, middle + 5, channels)
    return BlockParams(geometry, folding, weights, thresholds, rng.integers(0, 2, geometry.in_channels))


def block_reference(params: BlockParams, columns: np.ndarray) -> np.ndarray:
    """A block as its parts' references say: columns ``[length, in]`` to ``[pool_length, out]``."""
    g, bits = params.geometry, params.bits
    packed = np.array([pack(column, bits) for column in columns], dtype=object)
    windows = params.window.reference(packed)
    values = np.array([[(int(w) >> (k * bits)) & ((1 << bits) - 1) for k in range(g.taps)] for w in windows])
    if bits > 1:
        values = (values ^ (1 << (bits - 1))) - (1 << (bits - 1))
    sums = params.matrix.reference(values)
    if params.last:
        return params.pool.reference(sums).reshape(-1, g.out_channels)
    return params.columns.reference(params.pool.reference(params.threshold.reference(sums)))


def _block(geometry: BlockGeometry, folding: Folding, bits: int = 1) -> Case:
    params = _block_params(geometry, folding, bits)
    rng = np.random.default_rng(21)
    low, high = (0, 2) if bits == 1 else (-2048, 2048)
    columns = rng.integers(low, high, (3, geometry.length, geometry.in_channels))
    out = np.concatenate([block_reference(params, c) for c in columns])
    return Case(
        lambda: Block(params),
        {"i": [pack(c, bits) for c in columns.reshape(-1, geometry.in_channels)]},
        {"o": [pack(c, 1) for c in out]},
    )


@case
def block_first() -> Case:
    return _block(BlockGeometry(1, 6, 61, stride=2), Folding(3, queue=3), bits=12)


@case
def block_middle() -> Case:
    return _block(BlockGeometry(4, 7, 24), Folding(3))


@case
def block_one_step() -> Case:
    return _block(BlockGeometry(2, 3, 24), Folding(3, queue=6))


@case
def block_memory_parts() -> Case:
    return _block(BlockGeometry(4, 6, 24), Folding(2, parts=4, memory=True))


class _Gives(Hooks):
    """Gives the last block its credit back some time after a window's last count."""

    def __init__(self, counts: int):
        self.counts, self.given = counts, 0

    def drive(self, bench):
        due = bench.moved["o"] // self.counts > self.given and bench.rng.random() < 0.1
        self.given += due
        bench.port("give").value = int(due)


@case
def block_last() -> Case:
    geometry = BlockGeometry(4, 5, 24)
    params = _block_params(geometry, Folding(1, parts=2), last=True)
    columns = np.random.default_rng(22).integers(0, 2, (3, geometry.length, 4))
    counts = np.concatenate([block_reference(params, c) for c in columns])
    return Case(
        lambda: Block(params),
        {"i": [pack(c, 1) for c in columns.reshape(-1, 4)]},
        {"o": counts.reshape(-1).tolist()},
        hooks=lambda: _Gives(counts.size // 3),
    )


for _made in (qrs_envelope, qrs_judge, qrs_detector):
    case(_made)


class Bench(wiring.Component):
    """Every case's component, with its ports under the case's name."""

    def __init__(self):
        self.components = {name: make().component() for name, make in CASES.items()}
        super().__init__({name: Out(component.signature) for name, component in self.components.items()})

    def elaborate(self, platform):
        m = Module()
        for name, component in self.components.items():
            m.submodules[name] = component
            connect(m, component, flipped(getattr(self, name)))
        return m
