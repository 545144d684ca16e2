"""The rhythm front alone, on Verilator under cocotb."""

import numpy as np
import pytest

from hw.beats.hidden import HiddenParams
from hw.beats.rhythm import RhythmFrontParams
from sim.benches import alone
from sim.benches.beats import rhythm
from sw.export.front.normaliser import NormaliserSpec
from tests.conftest import random_rhythm


def test_every_case_and_its_canary():
    assert alone.run(rhythm) == len(rhythm.CASES)


def test_a_rhythm_front_has_weights_where_the_head_takes_bits():
    for head, weights in ((True, None), (False, np.ones((2, 4), np.int64))):
        with pytest.raises(ValueError, match="weights of rhythm bits"):
            RhythmFrontParams(NormaliserSpec(window=300), random_rhythm(1, 2, 3, 4, head=head), 1, weights)
    spec, rhythm, weights = NormaliserSpec(window=300), random_rhythm(1, 2, 3, 4, head=True, hidden=2), np.ones((2, 6), np.int64)
    for layer in (None, HiddenParams(np.ones((2, 5)), np.ones(2)), HiddenParams(np.ones((3, 4)), np.ones(3))):
        with pytest.raises(ValueError, match="2 hidden bits over 4 others need a layer of that shape"):
            RhythmFrontParams(spec, rhythm, 1, weights, layer)
    with pytest.raises(ValueError, match="takes 6 rhythm bits, and has weights of 4"):
        RhythmFrontParams(spec, rhythm, 1, weights[:, :4], HiddenParams(np.ones((2, 4)), np.ones(2)))
