"""The image front on Verilator under cocotb, against its reference."""

import pytest

from hw import verilog
from hw.front.gasf import Gasf
from sim.benches import runner
from sw import files

MODULE = "sim.benches.gasf"
TESTS = 7


@pytest.fixture(scope="module")
def bench():
    """The compiled front."""
    folder = files.BUILD / "gasf-test"
    source = files.write_bytes(folder / "bench.v", verilog.convert(Gasf(), "gasf").encode())
    runner.build(source, "gasf", folder / "verilator")
    return folder / "verilator"


def test_every_integer_is_that_of_the_reference(bench):
    assert runner.run("gasf", MODULE, bench, {}, tests=TESTS) == TESTS


@pytest.mark.parametrize("canary", ["ROOT", "RECIPROCAL_SHIFT", "points", "x", "image"])
def test_a_changed_reference_is_noticed(bench, canary):
    seen = runner.outcome("gasf", MODULE, bench, {"POPBEAT_CANARY": canary, "COCOTB_TEST_FILTER": "burst"})
    assert (seen.ran, seen.failed) == (1, 1)


def test_a_changed_least_range_is_noticed(bench):
    seen = runner.outcome("gasf", MODULE, bench, {"POPBEAT_CANARY": "LEAST_RANGE", "COCOTB_TEST_FILTER": "extremes"})
    assert (seen.ran, seen.failed) == (1, 1)
