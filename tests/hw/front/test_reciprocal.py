"""The reciprocal alone, on Verilator under cocotb."""

from sim.benches import alone
from sim.benches.front import reciprocal


def test_every_case_and_its_canary():
    assert alone.run(reciprocal) == len(reciprocal.CASES)
