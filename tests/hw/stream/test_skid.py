"""The skid buffer alone, on Verilator under cocotb."""

from sim.benches import alone
from sim.benches.stream import skid


def test_every_case_and_its_canary():
    assert alone.run(skid) == len(skid.CASES)
