"""Parts of the array that are written for the clock's sake, proved equal to what they stand for by yosys' SAT solver."""

import pytest
from amaranth.hdl import Module, Mux, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw import verilog
from hw.mac import adder
from hw.mac.clip import clipped
from hw.stream.rounding import halve_round, saturate
from sim.gate import cells
from sw.errors import PopbeatError
from sw.export.array.program import LOGIT_BITS, LOGITS, SUM_BITS, TOTAL_BITS, UNSIGNED


class AddSub(wiring.Component):
    """The lanes' adder alone."""

    a: In(signed(SUM_BITS))
    b: In(signed(9))
    minus: In(1)
    keep: In(1)
    total: Out(signed(SUM_BITS))

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.total.eq(adder.add_or_subtract(m, self.a, self.b, self.minus, self.keep, platform))
        return m


class Clip(wiring.Component):
    """The post-processing's clip alone, or rounding and saturation after each other."""

    value: In(signed(TOTAL_BITS + 1))
    kind: In(2)
    result: Out(signed(LOGIT_BITS))

    def __init__(self, plain: bool, logits: int = LOGITS):
        self.plain, self.logits = plain, logits
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        rounded = halve_round(self.value)
        low = Mux(rounded < 0, 0, Mux(rounded > 255, 255, rounded[:8]))
        other = Mux(self.kind == UNSIGNED, low, saturate(rounded, 8))
        plain = Mux(self.kind == self.logits, saturate(rounded, LOGIT_BITS), other)
        m.d.comb += self.result.eq(plain if self.plain else clipped(self.value, self.kind))
        return m


def prove(folder, plain, fast, family=None):
    """Prove a component equal to another one; raises where it is not."""
    for name, component in (("plain", plain), ("fast", fast)):
        (folder / f"{name}.v").write_text(verilog.convert(component, name, None if name == "plain" else family))
    (folder / "cells.v").write_text(cells.models("ecp5"))
    verilog.yosys(
        "read_verilog -sv plain.v fast.v cells.v; hierarchy; proc; flatten; "
        "miter -equiv -flatten plain fast miter; sat -verify -prove trigger 0 miter",
        folder,
    )


def test_a_lanes_carry_cells_add_and_subtract(tmp_path, monkeypatch):
    prove(tmp_path, AddSub(), AddSub(), "ecp5")
    monkeypatch.setattr(adder, "HALF", adder.HALF ^ 1 << 12)
    with pytest.raises(PopbeatError, match="proof did fail"):
        prove(tmp_path, AddSub(), AddSub(), "ecp5")


def test_the_clip_is_rounding_and_saturation(tmp_path):
    prove(tmp_path, Clip(plain=True), Clip(plain=False))
    with pytest.raises(PopbeatError, match="proof did fail"):
        prove(tmp_path, Clip(plain=True, logits=UNSIGNED), Clip(plain=False))
