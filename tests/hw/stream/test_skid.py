"""The skid buffer alone, on Verilator under cocotb."""

from sim.benches import alone
from sim.benches.stream import skid


def test_every_case():
    alone.run(skid)


def test_a_wrong_bit_in_each_expectation_is_noticed():
    assert alone.unnoticed(skid) == 0
