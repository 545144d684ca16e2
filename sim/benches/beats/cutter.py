"""cocotb tests of the cutter: noise with R peaks close to each other, far apart, late, at the start and where their numbers come
round. ``POPBEAT_CANARY``: one wrong bit, which must be noticed."""

import os

import cocotb
import numpy as np

from hw.beats import cutter
from hw.beats.cutter import Cutter
from hw.images.points import Sample
from sim.benches.base import beat, bits
from sim.benches.streams import Case, Hooks, StreamBench, begin
from sw.beats.images import BEFORE, windows
from sw.export.front.image import SAMPLES
from sw.qrs.detector import PARAMS
from sw.qrs.params import POSITION_BITS

TAIL = 900  # samples behind the last R peak


class Known(Hooks):
    """An R peak is offered once so many samples were taken as its detector needs, which may be late by so many; ``waited``: cycles
    in which a sample was offered and not taken."""

    def __init__(self, peaks: np.ndarray, delays: np.ndarray):
        self.peaks, self.known, self.waited = peaks, peaks + delays, 0

    def allow(self, bench, port):
        following = bench.moved["peaks"]
        if following == len(self.peaks):
            return True
        if port == "peaks":
            return bench.moved["i"] > self.known[following]
        return bench.moved["i"] < self.known[following] + cutter.SLACK

    def sample(self, bench):
        self.waited += bench.offering["i"] and not bench.value("i__ready")


def case(peaks: np.ndarray, delays: np.ndarray, latencies: bool = False) -> Case:
    """Noise with these R peaks, each known so many samples later. ``latencies``: no beat waits for another, nor ``i``."""
    rng = np.random.default_rng(len(peaks))
    signal = rng.integers(-2048, 2048, int(peaks[-1]) + TAIL)
    out = windows(signal, peaks)
    if "POPBEAT_CANARY" in os.environ:
        out[len(out) // 2, SAMPLES // 2] ^= 1
    cycles = []
    if latencies:
        cycles.append(("i", 0, "i", len(signal) - 1, len(signal) - 1))
        for k, (peak, delay) in enumerate(zip(peaks, delays, strict=True)):
            late = delay > SAMPLES - BEFORE
            since = ("peaks", k, "o", SAMPLES * k, cutter.PEAK_LATENCY)
            cycles.append(since if late else ("i", int(peak) + SAMPLES - BEFORE - 1, "o", SAMPLES * k, cutter.LATENCY))
            cycles.append(("o", SAMPLES * k, "o", SAMPLES * (k + 1) - 1, (SAMPLES - 1) * cutter.INTERVAL))
    return Case(
        lambda: Cutter(PARAMS.raw_bits, PARAMS.max_delay),
        {"i": bits(signal, 12), "peaks": bits(peaks, POSITION_BITS)},
        {
            "position": bits(peaks, POSITION_BITS),
            "o": [beat(Sample, sample=v, last=i == SAMPLES - 1) for row in out for i, v in enumerate(row)],
        },
        latencies=cycles,
        hooks=lambda: Known(peaks, delays),
    )


@cocotb.test()
async def beats_apart(dut):
    """Beats that leave at once, from the first sample on to where numbers have come round: a sample is taken in every cycle, and
    none is detected so late that it would be overwritten meanwhile."""
    rng = begin(dut, "apart")
    peaks = np.array([5, 700, 1400, 65_000, 65_535, 66_300, 67_000])
    delays = np.array([PARAMS.delay, 300, 100, PARAMS.usual_delay, 300, 100, 250])
    bench = StreamBench(dut, "", case(peaks, delays, latencies=True), rng)
    await bench.run()
    bench.check_latencies()
    assert bench.hooks.waited == 0


def close() -> tuple[np.ndarray, np.ndarray]:
    """Beats as close as they can be, known soon or as late as can be, several at once."""
    rng = np.random.default_rng(61)
    peaks = 3 + np.cumsum(rng.choice([PARAMS.hold, PARAMS.hold + 7, 200, 500], 30))
    known = np.maximum.accumulate(peaks + rng.choice([PARAMS.usual_delay, PARAMS.max_delay], 30, p=[0.8, 0.2]))
    assert (known - peaks).max() <= PARAMS.max_delay
    return peaks, known - peaks


@cocotb.test()
async def beats_close_by(dut):
    """More beats than can leave meanwhile: samples wait, and every one is right, with gaps and pauses and without."""
    rng = begin(dut, "close")
    for gap, stall in ((0, 0), (0.9, 0), (0, 0.6), (0.5, 0.5)):
        bench = StreamBench(dut, "", case(*close()), rng, gap, stall)
        await bench.run()
        assert bench.hooks.waited > 0 or gap > 0.5


@cocotb.test()
async def reset_in_the_middle(dut):
    """Reset at random places leaves nothing behind: numbers begin anew, and what stood in the ring stands before no beat."""
    rng = begin(dut, "reset")
    for port, most in (("i", 4000), ("o", 5000), ("peaks", 20)):
        half = StreamBench(dut, "", case(*close()), rng, 0.1, 0.1)
        stop = rng.randrange(1, most)
        await half.run(until=lambda port=port, stop=stop, half=half: half.moved[port] >= stop)
        await StreamBench(dut, "", case(*(value[:4] for value in close())), rng, 0.1, 0.1).run()
