"""The sliding window alone, on Verilator under cocotb."""

import pytest

from hw.binary.window import WindowParams
from sim.benches import alone
from sim.benches.binary import window
from sw.networks import BlockGeometry


def test_every_case_and_its_canary():
    assert alone.run(window) == len(window.CASES)


def test_parameters_that_make_no_hardware():
    with pytest.raises(ValueError, match="does not fit into 4 bits"):
        WindowParams(BlockGeometry(4, 6, 24), 1, 16)
