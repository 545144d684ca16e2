"""A small network with twenty fixed mutants, compiled once."""

import pytest

from hw import configurations
from hw.binary.folding import Config, Folding
from hw.generate import generate
from sim import verilator
from sim.mutate import beds, netlist
from sim.mutate.judge import Judge
from tests.conftest import random_bundle, random_windows

COUNT, SEED = 20, 1
WINDOW = 240


@pytest.fixture(scope="package")
def judge(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mutants")
    verilator.prepare()
    packed = random_bundle(3, channels=(3, 2), window=WINDOW)
    design = generate(packed, Config("test", (Folding(1), Folding(1))), folder)
    windows = list(random_windows(1, 6, WINDOW))
    bed = beds.of_windows(packed, design, configurations.cycles(design.params), windows, windows[3:], windows[:2])
    made = netlist.stored(bed.verilog, bed.name, COUNT, SEED, folder)
    return Judge(bed, made, folder / "judge", "-O0")
