"""The QRS detector's envelope alone, on Verilator under cocotb."""

from sim.benches import alone
from sim.benches.qrs import envelope


def test_every_case_and_its_canary():
    assert alone.run(envelope) == len(envelope.CASES)
