"""cocotb bench of the LiteX SoC of ``examples/litex``: samples into its stream, results out of its CSRs over AXI4-Lite.

The file that ``POPBEAT_BENCH`` names (npz) holds raw windows, what the integer model says of them, and LiteX's list of CSRs.
"""

import json
import logging
import random

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiStreamBus, AxiStreamFrame, AxiStreamSource

from sim.benches.top import DATA, PERIOD, SEED, expected

CSRS = json.loads(DATA["csrs"].tobytes())["csr_registers"] if DATA is not None and "csrs" in DATA else {}
PAUSE = 0.4
TRIES = 2000


class Host:
    """The host's bus and the source of samples, both with random pauses."""

    def __init__(self, dut):
        self.dut, rng = dut, random.Random(SEED)
        dut._log.info("seed %d", SEED)
        cocotb.start_soon(Clock(dut.sys_clk, PERIOD, unit="ns").start())
        dut.sys_rst.value, dut.sim_trace.value = 1, 0
        self.bus = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "bus"), dut.sys_clk, dut.sys_rst)
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "ecg"), dut.sys_clk, dut.sys_rst)
        write, read = self.bus.write_if, self.bus.read_if
        ends = [write.aw_channel, write.w_channel, write.b_channel, read.ar_channel, read.r_channel, self.source]
        for end in ends:
            end.set_pause_generator(iter(lambda: rng.random() < PAUSE, None))
        for end in (*ends, write, read):
            end.log.setLevel(logging.WARNING)  # they print every transfer

    async def reset(self) -> None:
        """Reset, and two cycles more, in which the SoC's own reset ends."""
        self.dut.sys_rst.value = 1
        await self.cycles(4)
        self.dut.sys_rst.value = 0
        await self.cycles(2)

    async def cycles(self, count: int) -> None:
        """Wait."""
        for _ in range(count):
            await RisingEdge(self.dut.sys_clk)

    async def send(self, *windows: int) -> None:
        """Queue windows, each a frame."""
        for window in windows:
            await self.source.send(AxiStreamFrame(DATA["samples"][window].astype("<i2").tobytes()))

    async def read(self, name: str) -> int:
        """A CSR's value."""
        return await self.bus.read_dword(CSRS[f"ecg_{name}"]["addr"])

    async def word(self) -> tuple[int, int]:
        """The next word of the results, and whether it ends its packet."""
        for _ in range(TRIES):
            level = await self.read("level")
            if level & 0xFFFF:
                word = await self.read("result")
                await self.bus.write_dword(CSRS["ecg_next"]["addr"], 1)
                return word, level >> 16
        raise AssertionError("no result comes")

    async def expect(self, window: int, number: int) -> None:
        """The next packet is that of ``window`` with the running number ``number``, in every bit."""
        words, last = [], 0
        while not last:
            word, last = await self.word()
            words.append(word)
        seen, wanted = np.array(words, np.uint32).astype("<i4"), expected(window, number)
        assert np.array_equal(seen, wanted), f"window {window}: expected {wanted.tolist()}, got {seen.tolist()}"


@cocotb.test()
async def results_in_csrs(dut):
    """Every window's packet, read word by word; then the last header, and how many windows there were."""
    host = Host(dut)
    await host.reset()
    windows = range(len(DATA["samples"]))
    assert await host.read("windows") == 0
    await host.send(*windows)
    for number in windows:
        await host.expect(number, number)
    assert await host.read("level") & 0xFFFF == 0
    assert await host.read("windows") == len(windows)
    assert await host.read("label") == int(expected(windows[-1], windows[-1])[0])


@cocotb.test()
async def full_queue(dut):
    """Results that nobody reads stop the samples; then all of them are there. A reset in mid-work leaves nothing behind."""
    host = Host(dut)
    await host.reset()
    count, words = len(DATA["samples"]), 1 + DATA["logits"].shape[1]
    windows = [number % count for number in range(int(DATA["depth"]) // words + 8)]
    await host.send(*windows)
    seen = -1
    while seen != (seen := await host.read("windows")):
        await host.cycles(1000)
    assert seen < len(windows), "the source was never stopped"
    for number, window in enumerate(windows):
        await host.expect(window, number)
    await host.send(0, 1)
    await host.cycles(100)
    host.source.clear()
    await host.reset()
    assert await host.read("windows") == await host.read("level") & 0xFFFF == 0
    await host.send(1)
    await host.expect(1, 0)
