"""The queue of columns alone, on Verilator under cocotb."""

from sim.benches import alone
from sim.benches.binary import columns


def test_every_case_and_its_canary():
    assert alone.run(columns) == len(columns.CASES)
