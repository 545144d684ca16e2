"""The thresholds alone, on Verilator under cocotb."""

from sim.benches import alone
from sim.benches.binary import threshold


def test_every_case():
    alone.run(threshold)


def test_a_wrong_bit_in_each_expectation_is_noticed():
    assert alone.unnoticed(threshold) == 0
