"""All three networks on the array that they share, one after the other: every byte, every logit, every cycle."""

import numpy as np

from docs.generate import cycles as forecast
from hw.mac.params import LARGE
from sim.benches import runner
from sim.benches.mac import array_cases


def test_three_networks_one_after_the_other():
    assert (LARGE.groups, LARGE.half, LARGE.memory, LARGE.windows) == (forecast.GROUPS, forecast.HALF, forecast.MEMORY, True)
    folder = array_cases.build(LARGE)
    programs = [made.program for made in forecast.compiled()]
    cases = array_cases.write(folder / "cases.npz", LARGE, programs, np.random.default_rng(5))
    environment = {"POPBEAT_BENCH": str(cases), "COCOTB_TEST_FILTER": r"\.programs$"}
    assert runner.run("mac_array", "sim.benches.mac.array", folder, environment, tests=1) == 1
