"""The lanes' adder, written for the clock's sake, proved equal to a plain sum and difference by yosys' SAT solver."""

import pytest
from amaranth.hdl import Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.mac import adder
from sw.errors import PopbeatError
from sw.export.array.program import SUM_BITS
from tests.hw.mac.proofs import prove


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


def test_a_lanes_carry_cells_add_and_subtract(tmp_path, monkeypatch):
    prove(tmp_path, AddSub(), AddSub(), "ecp5")
    monkeypatch.setattr(adder, "HALF", adder.HALF ^ 1 << 12)
    with pytest.raises(PopbeatError, match="proof did fail"):
        prove(tmp_path, AddSub(), AddSub(), "ecp5")
