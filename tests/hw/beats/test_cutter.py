"""Beats cut out of running samples, on Verilator under cocotb."""

import pytest

from hw.beats.cutter import Cutter, room
from sim.benches import alone, runner
from sw.qrs.detector import PARAMS


@pytest.fixture(scope="module")
def cutter():
    return alone.compiled(Cutter(PARAMS.raw_bits, PARAMS.max_delay), "cutter", "beats.cutter")


def test_every_sample_of_every_beat_is_cut(cutter):
    assert runner.run("cutter", "sim.benches.beats.cutter", cutter, {}, tests=3) == 3


def test_a_wrong_sample_is_noticed(cutter):
    seen = runner.outcome("cutter", "sim.benches.beats.cutter", cutter, {"POPBEAT_CANARY": "1"})
    assert (seen.ran, seen.failed) == (3, 3)


def test_what_does_not_fit():
    assert room(12, PARAMS.max_delay) > 200
    with pytest.raises(ValueError, match="does not lie in a ring of 1024"):
        room(12, 900)
    with pytest.raises(ValueError, match="samples of 12 bits, not 11"):
        room(11, PARAMS.max_delay)
