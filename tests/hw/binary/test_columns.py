"""The queue of columns alone, on Verilator under cocotb."""

from sim.benches import alone
from sim.benches.binary import columns


def test_every_case():
    alone.run(columns)


def test_a_wrong_bit_in_each_expectation_is_noticed():
    assert alone.unnoticed(columns) == 0
