"""The counter of ones alone, on Verilator under cocotb."""

import pytest

from hw.binary.popcount import PopcountParams
from sim.benches import alone
from sim.benches.binary import popcount


def test_every_case():
    alone.run(popcount)


def test_a_wrong_bit_in_each_expectation_is_noticed():
    assert alone.unnoticed(popcount) == 0


def test_parameters_that_make_no_hardware():
    with pytest.raises(ValueError, match="at least 1 bit"):
        PopcountParams(0)
