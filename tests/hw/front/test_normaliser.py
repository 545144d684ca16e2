"""The normaliser alone, on Verilator under cocotb."""

from sim.benches import alone
from sim.benches.front import normaliser


def test_every_case_and_its_canary():
    assert alone.run(normaliser) == len(normaliser.CASES)
