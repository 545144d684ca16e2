"""The receiver of frames alone, on Verilator under cocotb."""

from sim.benches import alone
from sim.benches.link import frames


def test_every_case_and_its_canary():
    assert alone.run(frames) == len(frames.CASES)
