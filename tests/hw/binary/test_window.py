"""The sliding window alone, on Verilator under cocotb."""

import pytest

from hw.binary.window import WindowParams
from sim.benches import alone
from sim.benches.binary import window
from sw.networks import BlockGeometry


def test_every_case():
    alone.run(window)


def test_a_wrong_bit_in_each_expectation_is_noticed():
    assert alone.unnoticed(window) == 0


def test_parameters_that_make_no_hardware():
    with pytest.raises(ValueError, match="does not fit into 4 bits"):
        WindowParams(BlockGeometry(4, 6, 24), 1, 16)
