"""All three networks on the array that they share, one after the other: every byte, every logit, every cycle."""

import numpy as np

from docs.generate import cycles
from hw.mac.params import LARGE
from sim.benches import runner
from sim.benches.mac import array_cases
from sw import networks


def test_three_networks_one_after_the_other():
    assert LARGE.windows
    folder = array_cases.build(LARGE)
    # The trained networks, a window each: half a million cycles. Both input buffers are the random programs' matter.
    programs = [made.program for made in cycles.compiled() if made.graph.name in networks.MODELS]
    assert len(programs) == 3
    cases = array_cases.write(folder / "cases.npz", LARGE, programs, np.random.default_rng(5), count=1)
    environment = {"POPBEAT_BENCH": str(cases), "COCOTB_TEST_FILTER": r"\.programs$"}
    assert runner.run("mac_array", "sim.benches.mac.array", folder, environment, tests=1) == 1
