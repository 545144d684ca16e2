"""cocotb test of the tiny engine's scaler as a netlist: a window's samples, one a cycle, against the formula of the normaliser."""

import os

import cocotb
import numpy as np
from amaranth.lib import data
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from hw.front.reciprocal import scale_layout
from hw.tiny.scaler import LATENCY
from sw.export.front.normaliser import NormaliserSpec

SPEC = NormaliserSpec()


@cocotb.test()
async def samples_of_windows(dut):
    """Windows of wide and of narrow deviation; ``POPBEAT_CANARY``: one wrong bit, which must be noticed."""
    rng = np.random.default_rng(int(os.environ.get("POPBEAT_SEED", "1")))
    cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
    dut.rst.value = 0
    for deviation in (2, 30, 400, 1500):
        window = np.clip(rng.normal(rng.integers(-300, 300), deviation, (1, SPEC.window)), -2048, 2047).astype(np.int64)
        wanted = SPEC.normalise(window)[0][0].tolist()
        if "POPBEAT_CANARY" in os.environ:
            wanted[100] ^= 1
        s1, s2 = window.sum(axis=1), (window * window).sum(axis=1)
        r, shift, flat = (int(value[0]) for value in SPEC.scale(s1, s2))
        layout = scale_layout(SPEC)
        dut.scale.value = _packed(layout, {"s1": int(s1[0]), "r": r, "shift": shift, "flat": flat})
        samples = window[0, :400].tolist()
        for cycle in range(len(samples) + LATENCY):
            dut.sample.value = samples[min(cycle, len(samples) - 1)] & ((1 << SPEC.raw_bits) - 1)
            await FallingEdge(dut.clk)
            if cycle >= LATENCY - 1 and cycle - LATENCY + 1 < len(samples):
                place = cycle - LATENCY + 1
                seen = dut.z.value.to_signed()
                assert seen == wanted[place], f"sample {place} of deviation {deviation}: {seen}, wanted {wanted[place]}"


def _packed(layout: data.StructLayout, values: dict[str, int]) -> int:
    return sum((values[name] & ((1 << field.width) - 1)) << field.offset for name, field in layout)
