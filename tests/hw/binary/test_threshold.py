"""The thresholds alone, on Verilator under cocotb."""

from sim.benches import alone
from sim.benches.binary import threshold


def test_every_case_and_its_canary():
    assert alone.run(threshold) == len(threshold.CASES)
