"""The pool alone, on Verilator under cocotb."""

from sim.benches import alone
from sim.benches.binary import pool


def test_every_case_and_its_canary():
    assert alone.run(pool) == len(pool.CASES)
