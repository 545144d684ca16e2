"""A trained network on the array that it shares with two others: every byte, every logit, every cycle."""

import numpy as np

from hw.mac import design
from hw.mac.params import LARGE
from sim.benches import runner
from sim.benches.mac import array_cases
from sw.export import bundle, bundles

# Random programs of every kind are the small arrays' matter. The other two take four and twelve times as many cycles, and cocotb
# most of a minute for them: `make sim` compares their layers.
NAME = "alq17"


def test_a_network_on_the_large_array():
    assert LARGE.windows
    folder = array_cases.build(LARGE)
    program = design.compile_bundle(bundles.read(bundle.SHIPPED / NAME), LARGE).program
    cases = array_cases.write(folder / "cases.npz", LARGE, [program], np.random.default_rng(5))
    environment = {"POPBEAT_BENCH": str(cases), "COCOTB_TEST_FILTER": r"\.programs$"}
    assert runner.run("mac_array", "sim.benches.mac.array", folder, environment, tests=1) == 1
