"""Bits of a loaded network that flip in the array's memories: no window is told by a network that has changed."""

import numpy as np
import pytest

from hw import verilog
from hw.mac import design
from hw.mac.top import MacTop, cycles
from sim import verilator
from sim.upset import cells
from sim.upset.bed import AGAIN, FIRST, LAST, WINDOWS, Bed, Upset
from sw import files
from sw.export.array import integer
from sw.export.array.program import image, sections
from sw.export.front.normaliser import NormaliserSpec
from tests.arrays import PARAMS, WINDOW, network

SPEC = NormaliserSpec(window=WINDOW)
PACKED = network(1, False)
PROGRAM = design.compile_bundle(PACKED, PARAMS).program
USED = {name: len(words) for name, words in sections(PROGRAM).items() if len(words)}


@pytest.fixture(scope="module")
def bed() -> Bed:
    """A small network's top, whose bits can flip."""
    verilator.prepare()
    samples = np.random.default_rng(1).integers(-2000, 2000, (WINDOWS + AGAIN, WINDOW)).astype(np.int16)
    interval = cycles(PARAMS, SPEC, PROGRAM).interval
    name, home = "popbeat_mac32", files.BUILD / "test-damage"
    text = verilog.convert(MacTop(PARAMS, SPEC), name)
    return Bed(name, text, samples, integer.run(PACKED, samples).logits, interval, home, image=image(PROGRAM))


@pytest.mark.parametrize("section", USED)
def test_a_word_that_has_changed_is_told(bed, section):
    """Each flip of a word that the program reads makes the windows that follow a fault, until the network is loaded again."""
    cell = next(one for one in bed.cells if one.kind == cells.NETWORK and section in one.module + one.name)
    rng, scope = np.random.default_rng(3), bed.scopes[cell.module, cell.name]
    times = sorted(rng.integers(FIRST * bed.interval, LAST * bed.interval, 40).tolist())
    flips = [Upset(time, scope, cell, int(rng.integers(USED[section])), int(rng.integers(cell.bits))) for time in times]
    seen = bed.run(flips)
    assert {one.silent for one in seen} == {0}
    assert {(one.effect, one.recovery) for one in seen} == {("windows", "reset")}
