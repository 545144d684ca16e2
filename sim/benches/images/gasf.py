"""cocotb tests of the image front: beats of recordings and of extremes, in burst and with gaps and pauses, against the reference.

``POPBEAT_CANARY`` names what is changed in the reference: ``ROOT`` (an entry of the table), ``RECIPROCAL_SHIFT``, ``LEAST_RANGE``,
or a stage (one bit of ``points``, ``x`` or ``image``). It must be noticed. ``POPBEAT_NETLIST``: what runs is a
netlist, without taps.
"""

import functools
import os
from dataclasses import replace

import cocotb
import numpy as np

from hw.images import gasf, points
from hw.images.gasf import Gasf
from hw.stream.result import Meta
from sim.benches.base import Taps, beat, bits
from sim.benches.streams import Case, StreamBench, begin
from sw.beats import images as cut
from sw.data import beats, source
from sw.export.front import image
from sw.export.front.image import SAMPLES

CANARY = os.environ.get("POPBEAT_CANARY", "")
VALUES = image.POINTS**2
# Wide and narrow beats; the windows of the first and the last beat of record 100 go beyond its ends.
RECORDS = {"100": (0, 1, -1), "203": (500, 501), "208": (100, 101)}


def recorded() -> np.ndarray:
    """Beats ``int16[n, 256]`` round annotated R peaks."""
    found, out = source.find(download=False), []
    for record, numbers in RECORDS.items():
        peaks, _ = beats.annotated(found, record)
        out.append(cut.windows(found.signal(record, beats.lead(found, record)), peaks[list(numbers)]))
    return np.concatenate(out)


def extremes() -> np.ndarray:
    """Beats ``int16[n, 256]`` at the ends of the range, with ranges about the least one, and with ranges of every size."""
    rng = np.random.default_rng(51)
    out = np.full((5, SAMPLES), -2048, np.int16)
    out[0] = rng.choice([-2048, 2047], SAMPLES)
    out[1, 252:] = 2047
    out[2, 8] += image.LEAST_RANGE - 1
    out[3, 8] += image.LEAST_RANGE
    out[4] = rng.integers(-2048, 2048, SAMPLES)
    of_size = [rng.integers(-2048, 2048, SAMPLES) >> shift for shift in range(1, 9)]
    return np.concatenate([out, np.array(of_size, np.int16)])


def _canary(trace: image.Trace) -> image.Trace:
    if CANARY not in ("points", "x", "image"):
        return trace
    changed = getattr(trace, CANARY).copy()
    changed.reshape(-1)[changed.size // 2] ^= 1
    return replace(trace, **{CANARY: changed})


def reference(samples: np.ndarray) -> image.Trace:
    """The trace of beats; what ``POPBEAT_CANARY`` names is changed in it."""
    if CANARY == "ROOT":
        x = image.images(samples).x
        image.ROOT[abs(int(x[0, 0]))] ^= 1
    elif CANARY == "RECIPROCAL_SHIFT":
        image.RECIPROCAL_SHIFT -= 4
    elif CANARY == "LEAST_RANGE":
        image.LEAST_RANGE += 1
    return _canary(image.images(samples))


def expected(samples: np.ndarray, trace: image.Trace, lasts, broken: tuple[int, ...] = ()) -> Case:
    """A case of these beats. ``lasts``: whether each marks its last sample; ``broken``: lengths of beats that are broken off, one
    before each of the first beats."""
    sent, numbers, number = [], [], 0
    for k, row in enumerate(samples):
        if k < len(broken):
            noise = np.random.default_rng(k).integers(-2048, 2048, broken[k])
            sent += [beat(points.Sample, sample=v, last=i == broken[k] - 1) for i, v in enumerate(noise)]
            number += 1
        sent += [beat(points.Sample, sample=v, last=lasts[k] and i == SAMPLES - 1) for i, v in enumerate(row)]
        numbers.append(number)
        number += 1
    taps = {"angles.x": bits(trace.x.reshape(-1), 8)}
    if "POPBEAT_NETLIST" in os.environ:
        taps = {}
    elif not broken:
        taps["points.points"] = bits(trace.points.reshape(-1), image.POINT_BITS)
    last = len(samples) - 1
    first = SAMPLES - 1 + sum(broken[:1])
    latencies = [
        ("i", first, "meta", 0, gasf.META_LATENCY),
        ("i", first, "o", 0, gasf.LATENCY),
        ("o", 0, "o", VALUES - 1, VALUES - 1),
    ]
    latencies += [("i", first, "i", first + 1, gasf.PAUSE)]
    latencies += [("o", VALUES * k, "o", VALUES * (k + 1), gasf.INTERVAL) for k in range(1, last)]
    latencies += [("o", 0, "o", VALUES * last + VALUES - 1, gasf.INTERVAL * last + VALUES - 1)]
    return Case(
        Gasf,
        {"i": sent},
        {
            "meta": [beat(Meta, number=n, flat=f) for n, f in zip(numbers, trace.flat, strict=True)],
            "o": bits(trace.image.reshape(-1), image.IMAGE_BITS),
        },
        latencies=latencies,
        hooks=functools.partial(Taps, taps),
    )


def _check(bench: StreamBench) -> None:
    bench.check_latencies()
    assert bench.hooks.all_seen(), bench.hooks.seen


@cocotb.test()
async def burst(dut):
    """Beats of recordings, back to back: every point, x and value, and the cycles that are predicted."""
    rng, samples = begin(dut, "burst"), recorded()
    bench = StreamBench(dut, "", expected(samples, reference(samples), lasts=[True] * len(samples)), rng)
    await bench.run()
    _check(bench)


@cocotb.test()
async def extremes_and_flat_beats(dut):
    """The ends of the range and of the least range, beats broken off before them, some without ``last``."""
    rng, samples = begin(dut, "extremes"), extremes()
    trace = reference(samples)
    assert trace.flat.any() and not trace.flat.all() and not trace.image[trace.flat].any()
    await StreamBench(dut, "", expected(samples, trace, [k % 3 == 1 for k in range(len(samples))], (1, 255, 100, 8)), rng).run()


def _mixed() -> tuple[np.ndarray, image.Trace]:
    samples = np.concatenate([recorded()[[0, 2]], extremes()[[2, 3]]])
    return samples, reference(samples)


def _stalls(gap: float, stall: float):
    async def test(dut):
        rng = begin(dut, f"stalls {gap} {stall}")
        samples, trace = _mixed()
        await StreamBench(dut, "", expected(samples, trace, [True, False, True, False]), rng, gap, stall).run()

    test.__name__ = test.__qualname__ = f"gaps_{int(100 * gap)}_pauses_{int(100 * stall)}"
    return cocotb.test()(test)


for _gap, _stall in ((0.9, 0), (0, 0.5), (0.5, 0.1), (0.2, 0.8)):
    globals()[f"stalls_{_gap}_{_stall}"] = _stalls(_gap, _stall)


@cocotb.test()
async def reset_in_the_middle(dut):
    """Reset while a beat comes in, while angles are worked out, while an image leaves: it leaves nothing behind."""
    rng = begin(dut, "reset")
    samples, trace = _mixed()
    for port, least, most in (("i", 1, 255), ("i", 256, 257), ("o", 1, 3 * VALUES)):
        half = StreamBench(dut, "", expected(samples, trace, [True] * 4), rng, 0.1, 0.1)
        stop = rng.randrange(least, most)
        await half.run(until=lambda port=port, stop=stop, half=half: half.moved[port] >= stop)
        await StreamBench(dut, "", expected(samples[3:2:-1], _rows(trace, slice(3, 2, -1)), [True]), rng, 0.1, 0.1).run()


def _rows(trace: image.Trace, rows) -> image.Trace:
    return image.Trace(*(value[rows] for value in (trace.points, trace.x, trace.image, trace.flat)))
