"""The array's results alone, on Verilator under cocotb."""

from sim.benches import alone
from sim.benches.mac import results


def test_every_case_and_its_canary():
    assert alone.run(results) == len(results.CASES)
