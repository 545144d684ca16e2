"""The QRS detector alone, on Verilator under cocotb."""

from sim.benches import alone
from sim.benches.qrs import detector


def test_every_case_and_its_canary():
    assert alone.run(detector) == len(detector.CASES)
