"""cocotb bench of the ECG monitor of ``examples/amaranth``: samples as an ADC gives them, labels and alarms as the integer model's.

The file that ``POPBEAT_BENCH`` names (npz) holds raw windows, the model's labels, and which windows are flat.
"""

import os
import random

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

DATA = np.load(os.environ["POPBEAT_BENCH"]) if "POPBEAT_BENCH" in os.environ else None
SEED = int(os.environ.get("POPBEAT_SEED", "1"))
GAP = 12  # cycles between samples at most


class Adc:
    """Drives the samples; records label, no call and alarm of each result as it comes."""

    def __init__(self, dut):
        self.dut, self.rng, self.results = dut, random.Random(SEED), []
        dut._log.info("seed %d", SEED)
        cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
        cocotb.start_soon(self._record())

    async def _record(self) -> None:
        while True:
            await FallingEdge(self.dut.clk)
            if not int(self.dut.rst.value) and int(self.dut.labelled.value):
                self.results.append(tuple(int(getattr(self.dut, name).value) for name in ("label", "no_call", "alarm")))

    async def reset(self) -> None:
        """Reset for three cycles."""
        self.dut.rst.value, self.dut.strobe.value, self.dut.clear.value = 1, 0, 0
        await self.cycles(3)
        self.dut.rst.value = 0
        self.results.clear()

    async def cycles(self, count: int) -> None:
        """Wait."""
        for _ in range(count):
            await RisingEdge(self.dut.clk)

    async def convert(self, samples: np.ndarray, gap: int) -> None:
        """Samples, each in one cycle and up to ``gap`` cycles after the one before."""
        for value in samples:
            self.dut.sample.value, self.dut.strobe.value = int(value) & 0xFFF, 1
            await self.cycles(1)
            self.dut.sample.value, self.dut.strobe.value = self.rng.getrandbits(12), 0
            await self.cycles(self.rng.randint(0, gap) if gap else 0)

    async def result(self) -> tuple[int, int, int]:
        """The next label, no call and alarm."""
        for _ in range(2000):
            if self.results:
                return self.results.pop(0)
            await self.cycles(1)
        raise AssertionError("no label comes")


@cocotb.test()
async def labels_and_alarms(dut):
    """Every window's label; the alarm comes with a label that is not the first class, and stays until it is cleared."""
    adc, seen = Adc(dut), []
    await adc.reset()
    for number, window in enumerate(DATA["samples"]):
        await adc.convert(window, GAP)
        label, no_call, alarm = await adc.result()
        wanted, flat = int(DATA["label"][number]), int(DATA["flat"][number])
        assert (label, no_call) == (wanted, flat), f"window {number}: label {label}, expected {wanted}"
        rings = wanted != 0 and not flat
        assert alarm == rings, f"window {number} of class {wanted}: alarm {alarm}"
        seen.append((bool(rings), bool(flat)))
        await adc.cycles(20)
        assert int(dut.alarm.value) == rings, "the alarm did not stay"
        dut.clear.value = 1
        await adc.cycles(1)
        dut.clear.value = 0
        await adc.cycles(1)
        await FallingEdge(dut.clk)
        assert not int(dut.alarm.value)
        await adc.cycles(1)
    assert len(set(seen)) == 3, f"windows of too few kinds: {seen}"
    assert not adc.results and not int(dut.lost.value)


@cocotb.test()
async def too_fast(dut):
    """Samples that come faster than windows are worked on are lost, and it says so; after a reset all is well again."""
    adc = Adc(dut)
    await adc.reset()
    for window in DATA["samples"]:
        await adc.convert(window, 0)
    await FallingEdge(dut.clk)
    assert int(dut.lost.value)
    await adc.reset()
    await adc.convert(DATA["samples"][0], GAP)
    assert (await adc.result())[0] == int(DATA["label"][0])
    assert not int(dut.lost.value)
