"""The QRS detector's RTL in C++ benches, against the reference."""

from dataclasses import replace

import numpy as np
import pytest

from hw.qrs import top
from sim import detect as command
from sim.bulk.qrs import STAGES, QrsHarness
from sim.compare import Mismatch
from sw import files
from sw.qrs import evaluate
from sw.qrs.detector import PARAMS, detect
from tests.sw.qrs.signals import RNG, noise


@pytest.fixture(scope="module")
def harness():
    return QrsHarness()


@pytest.mark.parametrize("mode", ["burst", "spaced", "random"])
def test_rtl_equals_the_reference_on_a_recording(recordings, harness, mode):
    signal = recordings.signal("203", evaluate.lead(recordings, "203"))[60_000:110_000]
    expected = detect(signal)
    assert harness.check(signal, expected, mode, seed=3) > 4 * len(signal)


def test_rtl_equals_the_reference_on_noise(harness):
    signal = noise(20_000)
    harness.check(signal, detect(signal))
    harness.check(signal[:5], detect(signal[:5]))


def test_one_wrong_bit_in_each_stage_is_caught(recordings, harness):
    said = command.spoil(harness, recordings.signal("100", "MLII")[:8000])
    assert [text.split(":")[0] for text in said] == list(STAGES)


def test_other_parameters_are_noticed(harness):
    signal = np.clip(np.cumsum(RNG.integers(-60, 61, 30_000)), -2048, 2047)
    with pytest.raises(Mismatch):
        harness.check(signal, detect(signal, replace(PARAMS, hold=PARAMS.hold + 1)))


def test_verilog_has_the_same_bytes_every_time(tmp_path):
    first, second = (top.generate(PARAMS, tmp_path / name).read_bytes() for name in "ab")
    assert first == second and str(files.ROOT).encode() not in first
    declared = first.decode().split(f"module {top.NAME}(")[1].split(")")[0]
    names = {"s_axis_tdata", "s_axis_tvalid", "s_axis_tready", "m_axis_tdata", "m_axis_tvalid", "m_axis_tready", "clk", "rst"}
    assert {name.strip() for name in declared.split(",")} == names
