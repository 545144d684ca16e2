"""Every component on Verilator under cocotb (``sim/benches/cases.py`` lists them)."""

import numpy as np
import pytest

from hw import verilog
from hw.binary.folding import Folding
from hw.binary.matrix import MatrixParams
from hw.binary.popcount import PopcountParams
from hw.binary.sequencer import SequencerParams
from hw.binary.window import WindowParams
from hw.stream.elastic import ElasticParams
from sim.benches import runner
from sim.benches.cases import CASES, Bench, signs
from sw import files
from sw.errors import PopbeatError
from sw.networks import BlockGeometry


@pytest.fixture(scope="module")
def bench():
    """The compiled bench with all components."""
    folder = files.BUILD / "component-benches"
    source = files.write_bytes(folder / "bench.v", verilog.convert(Bench(), "bench").encode())
    runner.build(source, "bench", folder / "verilator")
    return folder / "verilator"


def test_components(bench):
    assert runner.run("bench", "sim.benches.components", bench, {}, tests=len(CASES)) == len(CASES)


def test_one_wrong_bit_in_each_expectation_is_caught(bench):
    seen = runner.outcome("bench", "sim.benches.components", bench, {"POPBEAT_CANARY": "1"})
    assert (seen.ran, seen.failed) == (len(CASES), len(CASES))


def test_no_test_at_all_is_an_error(bench):
    with pytest.raises(PopbeatError):
        runner.run("bench", "sim.benches.components", bench, {"COCOTB_TEST_FILTER": "none_of_them"})


GEOMETRY = BlockGeometry(4, 6, 24)
RNG = np.random.default_rng(1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PopcountParams(0), "at least 1 bit"),
        (lambda: ElasticParams(8, 0), "at least 1 register"),
        (lambda: SequencerParams(3, 0), "at least 1 step and 1 credit"),
        (lambda: SequencerParams(3, 1, "other"), "'pools' or 'last'"),
        (lambda: WindowParams(GEOMETRY, 1, 16), "does not fit into 4 bits"),
        (lambda: MatrixParams(GEOMETRY, signs(RNG, 6, 4, 6), 1), "the block needs"),
        (lambda: MatrixParams(GEOMETRY, signs(RNG, 6, 4, 7), 7), "1 to 6 PEs, not 7"),
        (lambda: MatrixParams(GEOMETRY, signs(RNG, 6, 4, 7), 1, 3), "power of two"),
        (lambda: Folding(0), "pe of a folding"),
        (lambda: BlockGeometry(0, 1, 20), "in_channels of a block"),
        (lambda: BlockGeometry(1, 1, 20, pad=7), "as wide as the kernel"),
        (lambda: BlockGeometry(1, 1, 2), "fewer than the pool's 7"),
    ],
)
def test_parameters_that_make_no_hardware(make, message):
    with pytest.raises(ValueError, match=message):
        make()
