"""Beats cut out of running recordings, and their images, on Verilator under cocotb."""

import numpy as np
import pytest

from hw import verilog
from hw.beats.cutter import Cutter, room
from hw.images.front import ImageFront
from sim.benches import runner
from sw import files
from sw.beats import images
from sw.data import beats
from sw.qrs.detector import PARAMS


def built(component, name: str):
    """The folder of a compiled component."""
    folder = files.BUILD / f"{name.replace('_', '-')}-test"
    source = files.write_bytes(folder / "bench.v", verilog.convert(component, name).encode())
    runner.build(source, name, folder / "verilator")
    return folder / "verilator"


@pytest.fixture(scope="module")
def cutter():
    return built(Cutter(PARAMS.raw_bits, PARAMS.max_delay), "cutter")


@pytest.fixture(scope="module")
def front():
    return built(ImageFront(PARAMS), "image_front")


def test_every_sample_of_every_beat_is_cut(cutter):
    assert runner.run("cutter", "sim.benches.cutter", cutter, {}, tests=3) == 3


def test_a_wrong_sample_is_noticed(cutter):
    seen = runner.outcome("cutter", "sim.benches.cutter", cutter, {"POPBEAT_CANARY": "1"})
    assert (seen.ran, seen.failed) == (3, 3)


def test_recordings_become_the_images_of_the_reference(front):
    assert runner.run("image_front", "sim.benches.image_front", front, {}, tests=3) == 3


@pytest.mark.parametrize("canary", ["position", "points", "x", "image"])
def test_a_wrong_stage_is_noticed(front, canary):
    environment = {"POPBEAT_CANARY": canary, "COCOTB_TEST_FILTER": "start"}
    seen = runner.outcome("image_front", "sim.benches.image_front", front, environment)
    assert (seen.ran, seen.failed) == (1, 1)


def test_windows_of_a_record(recordings):
    """The R peak is sample 128; beyond the ends the first and the last sample stand."""
    signal = recordings.signal("100", beats.lead(recordings, "100"))
    peaks, _ = beats.annotated(recordings, "100")
    seen = images.windows(signal, peaks)
    assert seen.shape == (len(peaks), 256) and seen.dtype == np.int16
    assert np.array_equal(seen[:, images.BEFORE], signal[peaks])
    assert np.array_equal(seen[5], signal[peaks[5] - 128 : peaks[5] + 128])
    ends = images.windows(signal, np.array([100, len(signal) - 100]))
    assert (ends[0, :28] == signal[0]).all() and np.array_equal(ends[0, 28:], signal[:228])
    assert (ends[1, 228:] == signal[-1]).all() and np.array_equal(ends[1, :228], signal[-228:])


def test_what_does_not_fit():
    assert room(12, PARAMS.max_delay) > 200
    with pytest.raises(ValueError, match="does not lie in a ring of 1024"):
        room(12, 900)
    with pytest.raises(ValueError, match="samples of 12 bits, not 11"):
        room(11, PARAMS.max_delay)
