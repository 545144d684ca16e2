"""Random networks behind synthesis: they differ, and one of them as gates gives every logit in its cycle."""

import numpy as np
import pytest

from sim.gate import families
from sw.errors import PopbeatError


def test_seeds_give_networks_that_differ_and_can_be_had_again():
    made = [families.drawn(seed) for seed in range(1, 9)]
    assert len({params.bundle.network for params, _ in made}) == 8
    assert {params.bundle.network.rhythm is None for params, _ in made} == {True, False}
    assert any(block.folding.memory for params, _ in made for block in params.blocks)
    again, samples = families.drawn(3)
    assert again.bundle.network == made[2][0].bundle.network and np.array_equal(samples, made[2][1])


def test_a_network_as_gates_and_with_other_inputs_not():
    seed, family = 34, "gates"  # a small one
    assert families.job(seed, family, families.digest(seed, family)) == {"windows": families.WINDOWS}
    with pytest.raises(PopbeatError, match="other inputs"):
        families.job(seed, family, families.digest(seed + 1, family))
