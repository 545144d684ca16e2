"""The counter of ones alone, on Verilator under cocotb."""

import pytest

from hw.binary.popcount import PopcountParams
from sim.benches import alone
from sim.benches.binary import popcount


def test_every_case_and_its_canary():
    assert alone.run(popcount) == len(popcount.CASES)


def test_parameters_that_make_no_hardware():
    with pytest.raises(ValueError, match="at least 1 bit"):
        PopcountParams(0)
