"""cocotb tests of the whole image front: stretches of recordings, every R peak, point, x and value against the reference.

``POPBEAT_CANARY`` names what is wrong in the reference by one bit: ``position``, ``points``, ``x`` or ``image``.
"""

import functools
import os

import cocotb
import numpy as np

from hw.images.front import Beat, ImageFront
from sim.benches.base import Taps, bits
from sim.benches.streams import Case, StreamBench, begin
from sw.beats import images
from sw.data import beats, source
from sw.export.front import image
from sw.qrs.detector import PARAMS

CANARY = os.environ.get("POPBEAT_CANARY", "")


def stretch(record: str, first: int, count: int) -> np.ndarray:
    """Raw samples of a record's lead for beats, and those that follow until all beats have left."""
    found = source.find(download=False)
    signal = found.signal(record, beats.lead(found, record))[first : first + count]
    return images.flushed(signal.astype(np.int64))


def case(signal: np.ndarray) -> Case:
    """A stretch of a recording, every beat of it whole."""
    seen = images.run(signal)
    assert len(seen.position) and seen.position[-1] - images.BEFORE + image.SAMPLES <= len(signal)
    if CANARY:
        value = seen.position if CANARY == "position" else getattr(seen.trace, CANARY)
        value.reshape(-1)[value.size // 2] ^= 1
    rows = enumerate(zip(seen.position.tolist(), seen.trace.flat.tolist(), strict=True))
    taps = {
        "gasf.points.points": bits(seen.trace.points.reshape(-1), image.POINT_BITS),
        "gasf.angles.x": bits(seen.trace.x.reshape(-1), 8),
    }
    return Case(
        lambda: ImageFront(PARAMS),
        {"i": bits(signal, PARAMS.raw_bits)},
        {
            "beat": [Beat.const({"meta": {"number": k, "flat": flat}, "position": p & 0xFFFF}).as_bits() for k, (p, flat) in rows],
            "o": bits(seen.trace.image.reshape(-1), image.IMAGE_BITS),
        },
        hooks=functools.partial(Taps, taps),
    )


async def _run(dut, rng, signal: np.ndarray, gap: float, stall: float, until=None) -> StreamBench:
    bench = StreamBench(dut, "", case(signal), rng, gap, stall)
    await bench.run(until and (lambda: until(bench)))
    return bench


def _all_seen(bench: StreamBench) -> None:
    assert bench.hooks.all_seen(), bench.hooks.seen


@cocotb.test()
async def start_of_a_record(dut):
    """From the first sample of a record on, samples as fast as they are taken: beats queue up, and samples wait for them."""
    bench = await _run(dut, begin(dut, "start"), stretch("208", 0, 3_000), 0, 0)
    _all_seen(bench)
    assert bench.moved["beat"] >= 10


@cocotb.test()
async def slow_samples_and_pauses(dut):
    """Samples that come slower than they are worked on, and an output that pauses now and then; record 203 has wide beats."""
    _all_seen(await _run(dut, begin(dut, "slow"), stretch("203", 230_000, 1_600), 0.95, 0.3))


@cocotb.test()
async def reset_in_the_middle(dut):
    """A recording broken off leaves nothing behind in the next."""
    rng = begin(dut, "reset")
    await _run(dut, rng, stretch("208", 0, 2_000), 0, 0, until=lambda bench: bench.moved["o"] >= 5_000)
    _all_seen(await _run(dut, rng, stretch("100", 0, 1_300), 0.1, 0.1))
