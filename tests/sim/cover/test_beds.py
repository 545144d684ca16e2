"""A small network is counted on its bed; what is left out there is missed here."""

from dataclasses import replace

import pytest

from hw import configurations, verilog
from hw.binary.folding import Config, Folding
from hw.generate import generate
from sim.cover import beds, crosses, points
from sim.mutate.beds import Bed, of_windows
from sw.errors import PopbeatError
from tests.conftest import random_bundle, random_windows

pytestmark = pytest.mark.usefixtures("compiled_fast")
WINDOW = 240


@pytest.fixture(scope="module")
def bed(tmp_path_factory) -> Bed:
    packed = random_bundle(3, channels=(3, 2), window=WINDOW)
    design = generate(packed, Config("test", (Folding(1), Folding(1))), tmp_path_factory.mktemp("cover"))
    windows = list(random_windows(1, 6, WINDOW))
    made = of_windows(packed, design, configurations.cycles(design.params), windows, windows[3:], windows[:2])
    return replace(made, further=())


@pytest.fixture(scope="module")
def whole(bed, tmp_path_factory):
    return beds.of_bed(bed, tmp_path_factory.mktemp("whole")).points


def test_a_bed_reaches_nearly_all(whole):
    for kind, (hit, total) in points.shares(whole).items():
        assert total and hit > 0.9 * total, (kind, hit, total)


def test_fewer_segments_reach_less(bed, whole, tmp_path):
    reached = beds.of_bed(replace(bed, segments=bed.segments[:1]), tmp_path)
    one = reached.points
    assert reached.verilog_sha256 == verilog.digest(bed.verilog)
    assert whole.keys() == one.keys()
    assert {point for point, count in one.items() if count} < {point for point, count in whole.items() if count}
    told = crosses.STREAMING.figures(reached.crosses)
    assert "a window that is broken off after one that is whole" in told["missed"] and 0 < told["shares"][0] < told["shares"][1]


def test_a_bed_that_fails_is_no_coverage(bed, tmp_path):
    wrong = replace(bed.segments[0], words=bed.segments[0].words[:-1])
    with pytest.raises(PopbeatError, match="fails on its own bed"):
        beds.of_bed(replace(bed, segments=(wrong,)), tmp_path)
