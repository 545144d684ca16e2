"""The scaler alone, on Verilator under cocotb."""

from sim.benches import alone
from sim.benches.front import scaler


def test_every_case_and_its_canary():
    assert alone.run(scaler) == len(scaler.CASES)
