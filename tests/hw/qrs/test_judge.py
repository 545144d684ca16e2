"""The QRS detector's judge alone, on Verilator under cocotb."""

from sim.benches import alone
from sim.benches.qrs import judge


def test_every_case():
    alone.run(judge)


def test_a_wrong_bit_in_each_expectation_is_noticed():
    assert alone.unnoticed(judge) == 0
