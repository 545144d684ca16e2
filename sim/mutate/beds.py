"""Test beds: for each kind of top its Verilog, its taps, and the segments that every one of its mutants goes through.

They are the conditions of the benches: windows back to back and alone with exact cycles, random gaps and pauses, a blocked sink,
resets in mid-work, of one cycle, windows that TLAST breaks off, flat ones, the ends of the range, values that are rounded just so,
noise on what means nothing, many real windows.
"""

import math
import random
from dataclasses import dataclass

import numpy as np

from hw.binary.top import Cycles
from hw.front import normaliser
from hw.generate import Design
from hw.stream.result import NUMBER_BITS, Beat
from sim import engines
from sim.mutate import stimulus
from sim.mutate.stimulus import WORD, Flag, Kind, Segment
from sim.subject import Subject
from sw.data import source
from sw.errors import PopbeatError
from sw.export import bundle
from sw.export.bundle import Bundle
from sw.export.front.normaliser import NormaliserSpec

MANY = 40  # real windows in the last segment
NEAR = 20  # real windows whose scale is nearly another
DRAWN = 300_000  # windows among which those with halves are looked for
SHARE = 102, 230  # of 256: gaps of 40 %, pauses of 90 %, as in the benches of tops


@dataclass(frozen=True)
class Tap:
    """A wire that shows a layer: ``tap_<name>`` at ``path`` in the model's root, of ``bits`` bits."""

    name: str
    path: str
    bits: int


@dataclass(frozen=True)
class Bed:
    """A top under judgement: its ``verilog`` text, the module's ``name``, ``taps`` and the module they are in, ``defines`` for
    ``judge.cpp``, the ``segments``, and ``further`` ones for what they let live."""

    name: str
    verilog: str
    taps: tuple[Tap, ...]
    tapped: str
    defines: dict[str, str]
    segments: tuple[Segment, ...]
    further: tuple[Segment, ...] = ()


class _Windows:
    """Segments of a top that takes windows."""

    def __init__(self, packed: Bundle, design: Design, taps: tuple[Tap, ...], interval: int):
        self.packed, self.design, self.taps = packed, design, taps
        self.at_once = design.params.config.samples
        self.patience = 3 * interval + 5_000

    def frame(self) -> int:
        """Beats of a window without its words."""
        return self.packed.normaliser.window // self.at_once

    def shown(self, trace) -> list[bytes]:
        """What each tap shows of windows."""
        spec = self.packed.normaliser
        lanes = trace.normalised.astype(np.int64).reshape(-1, self.at_once) & ((1 << spec.z_bits) - 1)
        made = {"normalised": (lanes << (spec.z_bits * np.arange(self.at_once))).sum(axis=1)}
        for number, columns in enumerate(trace.columns, start=1):
            flat = columns.reshape(-1, columns.shape[-1])
            made[f"block{number}"] = np.packbits(flat, axis=1, bitorder="little").tobytes()
        made[f"block{len(trace.columns) + 1}"] = trace.pooled.reshape(-1)
        if trace.rhythm is not None:
            made["rhythm"] = np.packbits(trace.rhythm[:, : self.packed.network.rhythm.bits], axis=1, bitorder="little").tobytes()
        return [b"" if one.name == "result" else _bytes(made[one.name], one.bits) for one in self.taps]

    def words(self, trace, numbers: list[int]) -> np.ndarray:
        """Result beats of windows with these running numbers."""
        header = np.array(numbers) % (1 << NUMBER_BITS) | trace.label << 16 | trace.flat.astype(np.int64) << 24
        out = np.zeros((len(trace.label), 1 + trace.logits.shape[1]), WORD)
        out["word"] = np.concatenate([header[:, None], trace.logits], axis=1) & 0xFFFFFFFF
        out["last"][:, -1] = 1
        return out.reshape(-1)

    def segment(self, name: str, frames: list[np.ndarray], whole: list[int] | None = None, **more) -> Segment:
        """A segment of frames, of which ``whole`` (default: all) are whole windows; ``more``: alone, tlast, and fields."""
        kept = list(range(len(frames))) if whole is None else whole
        trace = engines.trace(self.packed, np.stack([frames[i] for i in kept]))
        made = stimulus.beats(frames, self.at_once, more.pop("alone", False), more.pop("tlast", True))
        words = self.words(trace, kept)
        taps = self.shown(trace)
        place = [one.name for one in self.taps].index("result")
        taps[place] = stimulus.tap(words["word"].astype(np.int64) | words["last"].astype(np.int64) << 32, Beat.size)
        fields = {"patience": self.patience + more.get("blocked", 0), "frame": self.frame()} | more
        return Segment(name, beats=made, words=words, taps=taps, **fields)


def _bytes(values: bytes | np.ndarray, bits: int) -> bytes:
    return values if isinstance(values, bytes) else stimulus.tap(values, bits)


def _ends(seed: int, count: int, length: int) -> list[np.ndarray]:
    """Windows of noise, steps and the ends of the range."""
    rng = np.random.default_rng(seed)
    out = rng.integers(-2048, 2048, (count, length))
    out[1::4] = np.clip(np.cumsum(rng.integers(-9, 10, out[1::4].shape), axis=1), -2048, 2047)
    out[2::4] = np.where(np.arange(length) < length // 2, -2048, 2047)
    out[3::4] = np.where(rng.random(out[3::4].shape) < 0.5, -2048, 2047)
    return list(out.astype(np.int16))


def _segments(windows: _Windows, few: list[np.ndarray], many: list[np.ndarray], exact) -> list[Segment]:
    rng, length = random.Random(1), len(few[0])
    beats = length // windows.at_once
    cycles = [(Kind.LATENCY, 0, exact.latency), (Kind.LIVE, 0, exact.live_latency)]
    row = cycles + [(Kind.INTERVAL, i, exact.interval) for i in range(1, 6)]
    alone = [(kind, i, value) for i in range(3) for kind, _, value in cycles]
    gap, stall = SHARE
    flat = np.full(length, 123, np.int16)
    broken = few[1][: windows.at_once * rng.randrange(1, beats - 1)]
    made = [
        windows.segment("back to back", few, exact=row),
        windows.segment("gaps and pauses", few[:3], gap=gap, stall=stall, seed=3),
        windows.segment("broken and flat", [few[0], broken, few[2], flat, few[1]], [0, 2, 3, 4]),
        windows.segment("alone", few[3:], alone=True, exact=alone),
        windows.segment("noise", few[:3], gap=128, stall=128, seed=5, flags=Flag.NOISE),
        windows.segment("blocked sink", few, blocked=8 * length),
    ]
    for number in range(3):
        stop = rng.randrange(1, 3 * max(beats, exact.interval))
        made.append(windows.segment(f"stopped {number}", few[:3], stop=stop, gap=20, stall=20, seed=7 + number))
        made.append(windows.segment(f"after reset {number}", [few[3]]))
    if exact.interval == beats:
        made.append(windows.segment("a sample every cycle", few, flags=Flag.STEADY))
    made.append(windows.segment("ends of the range", _ends(1, 8, length)))
    made.append(windows.segment("many", many))
    made.append(windows.segment("TLAST tied low", few[:2], tlast=False))
    return made


def halves(spec: NormaliserSpec, seed: int = 1) -> dict[str, np.ndarray]:
    """Windows of small values with a negative sample whose z is rounded from just a half, and such whose product is so many units
    above that: ``half``, ``half + 1``, ``half + 2``, ``half + 4`` and so on, as far as they are found."""
    rng, third = np.random.default_rng(seed), spec.window // 3
    ones, minus = rng.integers(0, third, (2, DRAWN))
    value, times = rng.integers(2, 9, DRAWN), rng.integers(0, max(2, third // 6), DRAWN)
    s1, s2 = ones - minus + value * times, ones + minus + value * value * times
    r, shift, flat = spec.scale(s1, s2)
    found: dict[str, np.ndarray] = {}
    for sample in (-1, 0, 1):
        product = (spec.window * sample - s1) * r
        above = (product & ((1 << shift) - 1)) - (1 << (shift - 1))
        seen = (product < 0) & (product >> shift > -(1 << (spec.z_bits - 1))) & ~flat
        for name, units in (("half", 0), *((f"half + {1 << k}", 1 << k) for k in range(12))):
            for i in np.flatnonzero(seen & (above == units))[:1]:
                counts = [ones[i], minus[i], times[i], spec.window - ones[i] - minus[i] - times[i]]
                window = np.repeat([1, -1, value[i], 0], counts).astype(np.int16)
                found.setdefault(name, rng.permutation(window))
    return found


def near(spec: NormaliserSpec, windows: np.ndarray, count: int) -> np.ndarray:
    """Rows of the raw ``windows`` whose scale r is nearly another: with the least and the largest rests of its division."""
    x = windows.astype(np.int64)
    v = spec.window * (x * x).sum(axis=1) - x.sum(axis=1) ** 2
    rest = np.full(len(v), 0.5)
    for i in np.flatnonzero(v):
        root = math.isqrt(int(v[i]) << 2 * (spec.root_bits - (int(v[i]).bit_length() + 1) // 2))
        rest[i] = spec.numerator % root / root
    return np.sort(np.argsort(-np.abs(rest - 0.5), kind="stable")[:count])


def _numbers(windows: _Windows, few: list[np.ndarray]) -> list[Segment]:
    """Every bit of the running number, by windows of one beat that TLAST breaks off, and its return to 0; numbers in which all bits
    change, one behind the other while no result is taken."""
    one, frames, whole = few[5][: windows.at_once], [], []
    for number, target in enumerate((0, 0x5555, 0xAAAA, 0xFFFF, 0x10000)):
        frames += [one] * (target - len(frames))
        whole.append(len(frames))
        frames.append(few[number])
    made = [windows.segment("numbers", frames, whole, blocked=1 << 16)]
    first = 0x7FFD
    blocked = first + 8 * len(few[0])
    made.append(windows.segment("numbers, blocked", [one] * first + few, [first + i for i in range(len(few))], blocked=blocked))
    return made


def _broken_where_it_waits(windows: _Windows, few: list[np.ndarray]) -> list[Segment]:
    """The input waits behind a blocked sink, and a beat with TLAST is the next one or the one behind: windows that break off later
    and later, two beats each time, with one of a single beat behind each."""
    one, beats = windows.at_once, windows.frame()
    first = normaliser.capacity(beats) - 2 * beats  # before that there is room behind two windows
    frames, words = list(few[:3]), len(few[0]) // one - beats
    for length in range(max(first, 1), min(first + beats // 3, beats), 2):
        frames += [few[4][: one * (words + length)], few[5][:one]]
    if len(frames) == 3:
        return []
    frames.append(few[5])
    blocked = sum(map(len, frames)) // one + 8 * beats
    return [windows.segment("broken where it waits", frames, [0, 1, 2, len(frames) - 1], blocked=blocked)]


def _resets(windows: _Windows, few: list[np.ndarray], ends: list[np.ndarray], exact: Cycles) -> list[Segment]:
    """Resets of a cycle: in packets and before them, at random, and in each cycle round the end of a window."""
    rng, length, made = random.Random(3), len(few[0]), []
    beats = length // windows.at_once
    pause = 8 * max(beats, exact.interval)
    for number in range(1, 4):
        blocked = {"blocked": pause, "stall": 128, "seed": 30 + number}
        made.append(windows.segment(f"stopped in a packet, {number} at work", few[:number], stop=pause + 8, **blocked))
        made.append(windows.segment(f"stopped before a packet, {number} at work", few[:number], stop=pause - 8, **blocked))
    for number in range(4):
        stop = rng.randrange(1, 5 * max(beats, exact.interval))
        made.append(windows.segment(f"stopped again {number}", ends[:5], stop=stop, stall=20 * (number % 2), seed=20 + number))
        made.append(windows.segment(f"after reset again {number}", [few[number], few[3]]))
    for number in range(12):
        made.append(windows.segment(f"stopped {number} behind a window", few[:2], stop=beats + number))
        made.append(windows.segment(f"after reset {number} behind a window", [few[number % 6]]))
    return made


def _further(windows: _Windows, few: list[np.ndarray], exact: Cycles, close: list[np.ndarray]) -> list[Segment]:
    """Longer ones: running numbers; an input that has to wait, in samples of the whole range and in broken windows, short and
    long; each kind of window after each; roundings just at a half and scales nearly another (``close``); resets at many places."""
    rng, length, one = random.Random(2), len(few[0]), windows.at_once
    made = _numbers(windows, few)
    frames, whole, ends = [], [], _ends(2, 9, length)
    for group in range(3):
        for window in ends[3 * group : 3 * group + 3]:
            whole.append(len(frames))
            frames.append(window)
        for _ in range(200):
            frames.append(ends[group][: one * rng.randrange(1, 5)])
    made.append(windows.segment("throttled, blocked", frames, whole, blocked=12 * length))
    made.append(windows.segment("throttled by results", frames, whole, stall=255, seed=9))
    made += _broken_where_it_waits(windows, few)
    flat = np.full(length, 123, np.int16)
    broken = few[1][: one * 7]
    kinds = [few[0], flat, flat, few[1], broken, flat, broken, broken, few[2]]  # each kind after each
    made.append(windows.segment("each kind after each", kinds, [0, 1, 2, 3, 5, 8]))
    words = few[0][: length - windows.packed.normaliser.window]
    if found := [np.concatenate([words, window]) for window in halves(windows.packed.normaliser).values()]:
        made.append(windows.segment("rounded at a half", found))
    made.append(windows.segment("scales nearly another", close))
    return made + _resets(windows, few, ends, exact)


def of_windows(
    packed: Bundle, design: Design, cycles: Cycles, few: list[np.ndarray], many: list[np.ndarray], close: list[np.ndarray]
) -> Bed:
    """The bed of a binary network: ``few``, six different raw windows, go through every segment, ``many`` and ``close``, whose
    scales are nearly others, through one each."""
    network, name = packed.network, design.name
    bits = {"normalised": packed.normaliser.z_bits * design.params.config.samples}
    bits |= {f"block{i + 1}": g.out_channels for i, g in enumerate(network.blocks[:-1])}
    bits |= {f"block{len(network.blocks)}": design.params.head.count_bits, "result": Beat.size}
    if network.rhythm:
        bits["rhythm"] = network.rhythm.bits
    taps = tuple(Tap(tap, f"{name}__DOT__datapath__DOT__", count) for tap, count in bits.items())
    windows = _Windows(packed, design, taps, cycles.interval)
    mask = sum(((1 << packed.normaliser.raw_bits) - 1) << 16 * lane for lane in range(windows.at_once))
    defines = {"MUTATE_LAST": "1", "MUTATE_BITS": f"{mask:#x}ULL"}
    segments, further = tuple(_segments(windows, few, many, cycles)), tuple(_further(windows, few, cycles, close))
    return Bed(name, design.verilog.read_text(), taps, f"{name}__datapath", defines, segments, further)


def make(model: str, config: str, many: int = MANY) -> Bed:
    """The bed of a shipped network in a configuration."""
    subject = Subject(bundle.SHIPPED / model, config, False, source.find(download=False))
    if not isinstance(subject.design, Design):
        raise PopbeatError(
            f"{model} in configuration {config} takes no windows into a binary network: mutants of it are not judged"
        )
    rows = subject.rows[np.linspace(0, len(subject.rows) - 1, many).astype(int)]
    few = list(subject.samples[subject.few])
    spec = subject.bundle.normaliser
    close = subject.samples[near(spec, subject.samples[:, -spec.window :], NEAR)]
    return of_windows(subject.bundle, subject.design, subject.cycles, few, list(subject.samples[rows]), list(close))
