"""The lanes' adder, written for the clock's sake, proved equal to a plain sum and difference by yosys' SAT solver."""

import pytest

from hw.mac import adder
from sim.prove.arithmetic import AddSub
from sw.errors import PopbeatError
from tests.hw.mac.proofs import prove


def test_a_lanes_carry_cells_add_and_subtract(tmp_path, monkeypatch):
    prove(tmp_path, AddSub(), AddSub(), "ecp5")
    monkeypatch.setattr(adder, "HALF", adder.HALF ^ 1 << 12)
    with pytest.raises(PopbeatError, match="proof did fail"):
        prove(tmp_path, AddSub(), AddSub(), "ecp5")
