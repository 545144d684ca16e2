"""The head alone, on Verilator under cocotb."""

from sim.benches import alone
from sim.benches.binary import head


def test_every_case_and_its_canary():
    assert alone.run(head) == len(head.CASES)
