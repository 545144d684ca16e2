"""The rhythm bits beside columns alone, on Verilator under cocotb."""

from sim.benches import alone
from sim.benches.binary import beside


def test_every_case_and_its_canary():
    assert alone.run(beside) == len(beside.CASES)
