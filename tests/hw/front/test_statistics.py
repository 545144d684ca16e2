"""The sums over a window alone, on Verilator under cocotb."""

from sim.benches import alone
from sim.benches.front import statistics


def test_every_case():
    alone.run(statistics)


def test_a_wrong_bit_in_each_expectation_is_noticed():
    assert alone.unnoticed(statistics) == 0
