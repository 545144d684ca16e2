"""cocotb test of the array's top: networks of both fronts loaded one after another give what fresh loads give.

The file that ``POPBEAT_BENCH`` names (npz) holds of each load ``k``: ``image<k>``, the bytes to load; ``samples<k>`` raw windows or
beats; ``packets<k>`` what the integer model says of them after a fresh load; and ``loads``, their number.
"""

import logging
import os
import random

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge, with_timeout
from cocotbext.axi import AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource

PERIOD = 10  # ns
WATCHDOG = 10_000_000  # cycles
SEED = int(os.environ.get("POPBEAT_SEED", "1"))
DATA = np.load(os.environ["POPBEAT_BENCH"], allow_pickle=False) if "POPBEAT_BENCH" in os.environ else None


async def stray(dut):
    """Two samples without TLAST, offered from the cycle on in which the array has no network, or, where it keeps one, while another
    comes."""
    for _ in range(100):  # a header takes half of them
        await RisingEdge(dut.clk)
        if not int(dut.loaded.value):
            break
    dut.s_axis_tvalid.value, dut.s_axis_tdata.value, dut.s_axis_tlast.value = 1, 0x123, 0
    taken = 0
    while taken < 2:
        await FallingEdge(dut.clk)
        taken += int(dut.s_axis_tready.value)
        await RisingEdge(dut.clk)
    dut.s_axis_tvalid.value = 0


@cocotb.test()
async def one_after_another(dut):
    """Every load in turn, and its windows; before the next load half a window of the present network is sent, which is lost, as are
    two samples that are taken while the next one comes."""
    rng = random.Random(SEED)
    cocotb.start_soon(Clock(dut.clk, PERIOD, unit="ns").start())
    loader, source = (AxiStreamSource(AxiStreamBus.from_prefix(dut, name), dut.clk, dut.rst) for name in ("c_axis", "s_axis"))
    sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), dut.clk, dut.rst)
    for end in (loader, source, sink):
        end.log.setLevel(logging.WARNING)  # they print every frame
    sink.set_pause_generator(iter(lambda: rng.random() < 0.5, None))
    dut.rst.value = 1
    for _ in range(3):
        await RisingEdge(dut.clk)
    dut.rst.value = 0
    for load in range(int(DATA["loads"])):
        await loader.send(AxiStreamFrame(DATA[f"image{load}"].tobytes()))
        await stray(dut)
        await loader.wait()
        for _ in range(16):
            await RisingEdge(dut.clk)
        assert int(dut.loaded.value), f"load {load} was refused with status {int(dut.status.value)}"
        samples, packets = DATA[f"samples{load}"], DATA[f"packets{load}"]
        for window in samples:
            await source.send(AxiStreamFrame(window.astype("<i2").tobytes()))
        for number, wanted in enumerate(packets):
            frame = await with_timeout(sink.recv(), WATCHDOG * PERIOD, "ns")
            seen = np.frombuffer(bytes(frame.tdata), "<i4")
            assert np.array_equal(seen, wanted), f"load {load}, window {number}: expected {wanted.tolist()}, got {seen.tolist()}"
        # TLAST would break the window off; it stays in the front until the next network comes.
        await source.send(AxiStreamFrame(samples[0][: len(samples[0]) // 2].astype("<i2").tobytes()))
        await source.wait()
    assert not int(dut.overrun.value)
