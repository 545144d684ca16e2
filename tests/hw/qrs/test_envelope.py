"""The QRS detector's envelope alone, on Verilator under cocotb."""

from sim.benches import alone
from sim.benches.qrs import envelope


def test_every_case():
    alone.run(envelope)


def test_a_wrong_bit_in_each_expectation_is_noticed():
    assert alone.unnoticed(envelope) == 0
