"""The chain of elastic registers alone, on Verilator under cocotb."""

import pytest

from hw.stream.elastic import ElasticParams
from sim.benches import alone
from sim.benches.stream import elastic


def test_every_case_and_its_canary():
    assert alone.run(elastic) == len(elastic.CASES)


def test_parameters_that_make_no_hardware():
    with pytest.raises(ValueError, match="at least 1 register"):
        ElasticParams(8, 0)
