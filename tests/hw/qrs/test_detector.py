"""The QRS detector alone, on Verilator under cocotb."""

from sim.benches import alone
from sim.benches.qrs import detector


def test_every_case():
    alone.run(detector)


def test_a_wrong_bit_in_each_expectation_is_noticed():
    assert alone.unnoticed(detector) == 0
