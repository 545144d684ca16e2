"""The runner of benches: how many tests ran counts."""

import pytest

from sim.benches import alone
from sim.benches.stream import skid
from sw.errors import PopbeatError


def test_no_test_at_all_is_an_error():
    with pytest.raises(PopbeatError, match="0 of 2 tests ran"):
        alone.run(skid, COCOTB_TEST_FILTER="none_of_them")
