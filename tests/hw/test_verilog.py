"""Amaranth to Verilog: what happens round it in Python."""

import gc

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw import verilog
from sw.errors import PopbeatError


class Inverter(wiring.Component):
    """One that notes whether Python collects garbage meanwhile; ``broken``: it can't be elaborated."""

    i: In(1)
    o: Out(1)

    def __init__(self, broken: bool = False):
        self.broken, self.collected = broken, None
        super().__init__()

    def elaborate(self, platform):
        self.collected = gc.isenabled()
        if self.broken:
            raise ValueError("broken")
        m = Module()
        m.d.comb += self.o.eq(~self.i)
        return m


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("broken", [True, False])
def test_garbage_is_collected_afterwards_if_it_was_before(before, broken):
    inverter = Inverter(broken)
    (gc.enable if before else gc.disable)()
    try:
        if broken:
            with pytest.raises(ValueError, match="broken"):
                verilog.convert(inverter, "inverter")
        else:
            assert "assign o = ~ i;" in verilog.convert(inverter, "inverter")
        assert gc.isenabled() == before and inverter.collected is False
    finally:
        gc.enable()


def test_a_yosys_that_is_ended_from_outside_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(verilog, "RUN_YOSYS", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(PopbeatError, match=r"said nothing and ended with -9 .*yosys\.log there"):
        verilog.yosys("design -reset", tmp_path)
