"""Crosses of the array's operations: the bench has all, shipped networks none that can't occur."""

from dataclasses import replace

import pytest

from hw.mac import design
from hw.mac.params import CONFIGS
from sim.benches.mac import small
from sim.cover import descriptors
from sim.cover.crosses import Crosses
from sw.errors import PopbeatError
from sw.export import bundle, bundles
from sw.export.array.program import Descriptor


def test_the_benchs_programs_have_every_cross():
    told = descriptors.ARRAY.figures(descriptors.occurred(small.drawn(small.SMALL)))
    assert told["missed"] == [] and told["shares"][0] == told["shares"][1]
    assert sum(told["excluded"].values()) + told["shares"][1] == len(descriptors.ARRAY.wanted)


def test_fewer_programs_have_fewer():
    assert descriptors.ARRAY.figures(descriptors.occurred(small.drawn(small.SMALL)[:8]))["missed"]


@pytest.mark.parametrize("name", ["alq17", "lamscn17", "gasf5"])
def test_networks_have_none_that_cannot_occur(name):
    program = design.compile_bundle(bundles.read(bundle.SHIPPED / name), CONFIGS["mac128l"]).program
    occurred = descriptors.occurred([program])
    assert descriptors.ARRAY.figures(occurred)["shares"][0] == len(occurred)
    some = next(iter(occurred))
    with pytest.raises(PopbeatError, match="can't occur did"):
        Crosses(descriptors.ARRAY.wanted, {some: "said to be impossible"}).figures(occurred)


def test_edges_and_parts():
    d = Descriptor(width=8, taps_x=3, pad_x=1, out_w=8, channels=3, slots=2)
    seen = descriptors.situation(d, 2)
    assert (seen["input along x"], seen["input along y"], seen["tiles"], seen["blocks"]) == (
        "before and beyond",
        "inside",
        "one, whole",
        "one, in part",
    )
    seen = descriptors.situation(replace(d, pad_x=0, out_w=6, channels=8), 2)
    assert (seen["input along x"], seen["tiles"], seen["blocks"]) == ("inside", "one, in part", "several, all whole")
