"""Running recordings become the images of their beats, on Verilator under cocotb."""

import pytest

from hw.images.front import ImageFront
from sim.benches import alone, runner
from sw.qrs.detector import PARAMS


@pytest.fixture(scope="module")
def front():
    return alone.compiled(ImageFront(PARAMS), "image_front", "images.front")


def test_recordings_become_the_images_of_the_reference(front):
    assert runner.run("image_front", "sim.benches.images.front", front, {}, tests=3) == 3


@pytest.mark.parametrize("canary", ["position", "points", "x", "image"])
def test_a_wrong_stage_is_noticed(front, canary):
    environment = {"POPBEAT_CANARY": canary, "COCOTB_TEST_FILTER": "start"}
    seen = runner.outcome("image_front", "sim.benches.images.front", front, environment)
    assert (seen.ran, seen.failed) == (1, 1)
