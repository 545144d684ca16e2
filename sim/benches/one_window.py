"""cocotb test for a four-state simulator: one window through the top, with no X in any output from reset to result."""

import os

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

DATA = np.load(os.environ["POPBEAT_BENCH"], allow_pickle=False) if "POPBEAT_BENCH" in os.environ else None
OUTPUTS = ("s_axis_tready", "m_axis_tvalid", "m_axis_tdata", "m_axis_tlast")


@cocotb.test()
async def one_window(dut):
    """Raw samples in, the packet out, every output known in every cycle."""
    dut.s_axis_tvalid.value = 0
    dut.s_axis_tdata.value = 0
    dut.s_axis_tlast.value = 0
    dut.m_axis_tready.value = 1
    dut.rst.value = 1
    cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
    for _ in range(3):
        await RisingEdge(dut.clk)
    dut.rst.value = 0
    count = len(dut.s_axis_tdata) // 16  # samples a beat
    samples = DATA["samples"][0].astype(np.int16).view(f"<u{2 * count}").tolist()
    header = int(DATA["label"][0]) << 16 | int(DATA["flat"][0]) << 24
    wanted = [header, *(int(v) & 0xFFFFFFFF for v in DATA["logits"][0])]
    sent, words, cycles = 0, [], 0
    while len(words) < len(wanted):
        dut.s_axis_tvalid.value = int(sent < len(samples))
        dut.s_axis_tdata.value = samples[min(sent, len(samples) - 1)]
        dut.s_axis_tlast.value = int(sent == len(samples) - 1)
        await FallingEdge(dut.clk)
        for name in OUTPUTS:
            value = getattr(dut, name).value
            assert value.is_resolvable, f"{name} is {value} in cycle {cycles}"
        if int(dut.m_axis_tvalid.value):
            words.append(int(dut.m_axis_tdata.value))
            assert int(dut.m_axis_tlast.value) == (len(words) == len(wanted))
        sent += sent < len(samples) and int(dut.s_axis_tready.value)
        await RisingEdge(dut.clk)
        cycles += 1
        assert cycles < 20 * len(samples), "no result"
    assert words == wanted, f"expected {wanted}, got {words}"
