"""The image front on Verilator under cocotb, against its reference."""

import pytest

from hw import verilog
from hw.beats import cutter
from hw.fpga import devices, flow
from hw.images import gasf
from hw.images.gasf import Gasf
from sim.benches import alone, runner
from sim.gate import cells
from sw import files
from sw.qrs.detector import PARAMS

DOCUMENT = (files.ROOT / "docs" / "images.md").read_text().replace("\n", " ")
MODULE = "sim.benches.images.gasf"
TESTS = 7


@pytest.fixture(scope="module")
def bench():
    """The compiled front."""
    return alone.compiled(Gasf(), "gasf", "images.gasf")


def test_every_integer_is_that_of_the_reference(bench):
    assert runner.run("gasf", MODULE, bench, {}, tests=TESTS) == TESTS


@pytest.mark.parametrize("canary", ["ROOT", "RECIPROCAL_SHIFT", "points", "x", "image"])
def test_a_changed_reference_is_noticed(bench, canary):
    seen = runner.outcome("gasf", MODULE, bench, {"POPBEAT_CANARY": canary, "COCOTB_TEST_FILTER": "burst"})
    assert (seen.ran, seen.failed) == (1, 1)


def test_a_changed_least_range_is_noticed(bench):
    seen = runner.outcome("gasf", MODULE, bench, {"POPBEAT_CANARY": "LEAST_RANGE", "COCOTB_TEST_FILTER": "extremes"})
    assert (seen.ran, seen.failed) == (1, 1)


def test_the_document_has_these_cycles():
    for row in (
        f"| last sample in to first value out, alone | {gasf.LATENCY:,} |",
        f"| image to image, beats waiting | {gasf.INTERVAL:,} |",
        f"| `i` pauses after a beat | {gasf.PAUSE:,} |",
        f"which is {cutter.room(PARAMS.raw_bits, PARAMS.max_delay)} samples (0.6 s) away",
    ):
        assert row in DOCUMENT, row


def test_the_netlist_is_the_front():
    """Block RAMs with their own output registers, multiplier blocks with all of theirs: one value a cycle, as predicted."""
    folder, device = files.BUILD / "gasf-test" / "netlist", devices.get("ecp5-25k")
    netlist = flow.synthesise(verilog.convert(Gasf(), "gasf", "ecp5"), "gasf", device, folder / "synthesis")
    assert (netlist.cells["DP16KD"], netlist.cells["MULT18X18D"]) == (2, 2)
    logic = [netlist.cells[kind] for kind in ("LUT4", "CCU2C", "TRELLIS_FF")]
    assert "takes {} LUT4, {} CCU2C (two more LUT4 each), {} flip-flops, 2 block RAMs".format(*logic) in DOCUMENT
    visible = ("clk", "rst", "i__*", "o__*", "meta__*")
    runner.build(cells.source_of(netlist, folder), "gasf", folder / "verilator", visible=visible)
    environment = {"POPBEAT_NETLIST": "1", "COCOTB_TEST_FILTER": "burst"}
    assert runner.run("gasf", MODULE, folder / "verilator", environment, tests=1) == 1
    seen = runner.outcome("gasf", MODULE, folder / "verilator", environment | {"POPBEAT_CANARY": "image"})
    assert (seen.ran, seen.failed) == (1, 1)
