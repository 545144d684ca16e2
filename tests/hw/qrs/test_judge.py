"""The QRS detector's judge alone, on Verilator under cocotb."""

from sim.benches import alone
from sim.benches.qrs import judge


def test_every_case_and_its_canary():
    assert alone.run(judge) == len(judge.CASES)
