"""cocotb bench of the multi-bit array: programs are loaded and run; every byte written, every logit and every cycle is compared.

Each test wants a fresh simulation: the activation memory is not reset.
"""

import os
import random

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

SEED = int(os.environ.get("POPBEAT_SEED", "1"))
CASES = np.load(os.environ["POPBEAT_BENCH"])
COUNT = int(CASES["count"])
WATCHDOG = 200_000
STATUS_CYCLES = 1  # from the edge that takes an image's last byte to the one that says what became of it


class ArrayBench:
    """Drives images and windows, and records what the array does."""

    def __init__(self, dut, rng: random.Random, gap: float):
        self.dut, self.rng, self.gap = dut, rng, gap
        self.writes: list[dict[tuple[int, int], int]] = [{}]
        self.logits: list[dict[int, int]] = [{}]
        self.started = self.cycle = 0
        self.cycles: list[int] = []

    async def reset(self):
        for name in ("image__valid", "i__valid"):
            getattr(self.dut, name).value = 0
        self.dut.rst.value = 1
        for _ in range(3):
            await RisingEdge(self.dut.clk)
        self.dut.rst.value = 0
        cocotb.start_soon(self._watch())

    async def _watch(self):
        dut = self.dut
        while True:
            await FallingEdge(dut.clk)
            self.cycle += 1
            if int(dut.tap_start.value):
                self.started = self.cycle
            if int(dut.tap_write_moves.value):
                word = int(dut.tap_write.value)
                place = word >> 25, word & 0x1FFFF
                assert place not in self.writes[-1], f"operation {place[0]} writes {place[1]} twice"
                self.writes[-1][place] = (word >> 17) & 0xFF
            if int(dut.logit.value) & 1:
                word = int(dut.logit.value)
                channel = (word >> 1) & 0xFF
                assert channel not in self.logits[-1], f"logit {channel} comes twice"
                self.logits[-1][channel] = ((word >> 9) ^ 0x8000) - 0x8000
            if int(dut.done.value):
                self.cycles.append(self.cycle - self.started)
                self.writes.append({})
                self.logits.append({})
            assert not int(dut.overrun.value), "a job came before the writer was ready"

    async def send(self, port: str, values, last: bool = False):
        valid, ready, payload = (getattr(self.dut, f"{port}__{n}") for n in ("valid", "ready", "payload"))
        for place, value in enumerate(values):
            while self.rng.random() < self.gap:
                valid.value = 0
                await RisingEdge(self.dut.clk)
            valid.value = 1
            final = last and place == len(values) - 1
            payload.value = int(value) | (int(final) << 8)
            for _ in range(WATCHDOG):
                await FallingEdge(self.dut.clk)
                taken = int(ready.value)
                await RisingEdge(self.dut.clk)
                if taken:
                    break
            else:
                raise AssertionError(f"{port} takes nothing")
        valid.value = 0

    async def windows(self, count: int):
        for _ in range(WATCHDOG):
            if len(self.cycles) >= count:
                return
            await RisingEdge(self.dut.clk)
        raise AssertionError(f"{len(self.cycles)} of {count} windows came out")

    def check(self, number: int, first: int):
        """Compare the windows from ``first`` on with case ``number``."""
        expected = CASES[f"writes{number}"]  # [window, write, (operation, address, data)]
        logits = CASES[f"logits{number}"]
        for window in range(len(logits)):
            want = {(int(o), int(a)): int(d) for o, a, d in expected[window]}
            got = self.writes[first + window]
            wrong = {k: (got.get(k), want.get(k)) for k in want.keys() | got.keys() if got.get(k) != want.get(k)}
            shown = sorted(wrong.items())[:8]
            assert not wrong, f"case {number}, window {window}: {len(wrong)} of {len(want)} writes differ: {shown}"
            seen = [self.logits[first + window].get(c) for c in range(logits.shape[1])]
            assert seen == logits[window].tolist(), f"case {number}, window {window}: {seen}, expected {logits[window].tolist()}"
            cycles = self.cycles[first + window]
            assert cycles == int(CASES[f"cycles{number}"]), f"case {number}: {cycles} cycles, predicted {CASES[f'cycles{number}']}"


async def begin(dut, gap: float) -> ArrayBench:
    """A bench with a running clock, after reset."""
    dut._log.info("seed %d", SEED)
    cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
    bench = ArrayBench(dut, random.Random(f"{SEED} {gap}"), gap)
    await bench.reset()
    return bench


async def run(bench: ArrayBench, number: int):
    """Load and run one case."""
    done = len(bench.cycles)
    await bench.send("image", CASES[f"image{number}"], last=True)
    samples = CASES[f"windows{number}"]
    await bench.send("i", (samples.reshape(-1) & 0xFF).tolist())
    await bench.windows(done + len(samples))
    bench.check(number, done)


async def load(bench: ArrayBench, number: int):
    """Send the image of a case, which must be taken."""
    await bench.send("image", CASES[f"image{number}"], last=True)
    for _ in range(STATUS_CYCLES):
        await RisingEdge(bench.dut.clk)
    await FallingEdge(bench.dut.clk)
    assert int(bench.dut.status.value) == 1
    await RisingEdge(bench.dut.clk)


async def window(bench: ArrayBench, number: int):
    """One window of the case at work, in the cycles that are predicted."""
    done = len(bench.cycles)
    await bench.send("i", (CASES[f"windows{number}"][0] & 0xFF).tolist())
    await bench.windows(done + 1)
    assert bench.cycles[done] == int(CASES[f"cycles{number}"])


@cocotb.test()
async def programs(dut):
    """Every case, one after the other, without a pause."""
    bench = await begin(dut, 0)
    for number in range(COUNT):
        await run(bench, number)


@cocotb.test()
async def gaps(dut):
    """Random gaps before bytes and samples; reset in the middle of an image and in mid-window leaves nothing behind."""
    bench = await begin(dut, 0.5)
    await bench.send("image", CASES["image0"][:-7])
    await bench.send("i", [1, 2, 3])
    dut.rst.value = 1
    await RisingEdge(dut.clk)
    dut.rst.value = 0
    for number in range(min(COUNT, 4)):
        await run(bench, number)


@cocotb.test()
async def loads(dut):
    """Bad images are refused and reported, and the network before stays; a good one that comes in mid-work waits for its end."""
    bench = await begin(dut, 0)
    await run(bench, 0)
    for number in range(int(CASES["faults"])):
        await bench.send("image", CASES[f"fault{number}"], last=True)
        for _ in range(STATUS_CYCLES):
            await RisingEdge(dut.clk)
        await FallingEdge(dut.clk)
        expected = int(CASES[f"status{number}"])
        assert int(dut.status.value) == expected, f"fault {number}: status {int(dut.status.value)}, expected {expected}"
        assert int(dut.loaded.value) == 1
        await RisingEdge(dut.clk)
    # The network before is still at work, in cycles as well.
    await window(bench, 0)
    await load(bench, 1)
    done = len(bench.cycles)
    await bench.send("i", (CASES["windows1"][0] & 0xFF).tolist())
    await load(bench, 0)
    assert len(bench.cycles) == done, "the window was done before the image had come"
    await bench.windows(done + 1)
    # The window before the load is the old network's; the next one is the new network's.
    assert bench.cycles[done] == int(CASES["cycles1"])
    await window(bench, 0)
