"""The multiplier alone, on Verilator under cocotb."""

from sim.benches import alone
from sim.benches.stream import multiplier


def test_every_case_and_its_canary():
    assert alone.run(multiplier) == len(multiplier.CASES)
