"""The sums over a window alone, on Verilator under cocotb."""

from sim.benches import alone
from sim.benches.front import statistics


def test_every_case_and_its_canary():
    assert alone.run(statistics) == len(statistics.CASES)
