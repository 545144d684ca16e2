"""The chain of elastic registers alone, on Verilator under cocotb."""

import pytest

from hw.stream.elastic import ElasticParams
from sim.benches import alone
from sim.benches.stream import elastic


def test_every_case():
    alone.run(elastic)


def test_a_wrong_bit_in_each_expectation_is_noticed():
    assert alone.unnoticed(elastic) == 0


def test_parameters_that_make_no_hardware():
    with pytest.raises(ValueError, match="at least 1 register"):
        ElasticParams(8, 0)
