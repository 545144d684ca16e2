"""Trained networks on the array that they share, one after the other: every byte, every logit, every cycle."""

import numpy as np

from docs.generate import cycles
from hw.mac.params import LARGE
from sim.benches import runner
from sim.benches.mac import array_cases

# gasf5 takes 321,000 cycles a beat, and cocotb a minute for them: `make sim` compares its layers.
NAMES = ("alq17", "lamscn17")


def test_networks_one_after_the_other():
    assert LARGE.windows
    folder = array_cases.build(LARGE)
    # A window each: 140,000 cycles. Both input buffers are the random programs' matter.
    programs = [made.program for made in cycles.compiled() if made.graph.name in NAMES]
    assert len(programs) == len(NAMES)
    cases = array_cases.write(folder / "cases.npz", LARGE, programs, np.random.default_rng(5), count=1)
    environment = {"POPBEAT_BENCH": str(cases), "COCOTB_TEST_FILTER": r"\.programs$"}
    assert runner.run("mac_array", "sim.benches.mac.array", folder, environment, tests=1) == 1
