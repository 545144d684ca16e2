"""The rhythm bits beside columns alone, on Verilator under cocotb."""

from sim.benches import alone
from sim.benches.binary import beside


def test_every_case():
    alone.run(beside)


def test_a_wrong_bit_in_each_expectation_is_noticed():
    assert alone.unnoticed(beside) == 0
