"""The scaler alone, on Verilator under cocotb."""

from sim.benches import alone
from sim.benches.front import scaler


def test_every_case():
    alone.run(scaler)


def test_a_wrong_bit_in_each_expectation_is_noticed():
    assert alone.unnoticed(scaler) == 0
