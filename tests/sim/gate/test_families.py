"""Random networks behind synthesis: they differ, and the netlist of one of them gives every logit in its cycle."""

import numpy as np
import pytest

from sim import verilator
from sim.gate import families
from sw.errors import PopbeatError


def test_seeds_give_networks_that_differ_and_can_be_had_again():
    made = [families.drawn(seed) for seed in range(1, 9)]
    assert len({params.bundle.network for params, _ in made}) == 8
    assert {params.bundle.network.rhythm is None for params, _ in made} == {True, False}
    assert any(block.folding.memory for params, _ in made for block in params.blocks)
    again, samples = families.drawn(3)
    assert again.bundle.network == made[2][0].bundle.network and np.array_equal(samples, made[2][1])


def test_a_networks_netlist_and_with_other_inputs_none():
    seed, family = 34, "ecp5"  # a small one; all gates of its multipliers take three times as long
    assert families.job(seed, family, families.digest(seed, family)) == {"windows": families.WINDOWS}
    with pytest.raises(PopbeatError, match="other inputs"):
        families.job(seed, family, families.digest(seed + 1, family))


@pytest.mark.parametrize("family", families.LOGIC)
def test_a_counter_in_the_cells_of_families_that_are_not_placed(family, tmp_path):
    """What is simulated is the netlist, with a model of each of its cells."""
    text = "always @(posedge clk) count <= rst ? 0 : count + 1;"
    text = f"module {families.TOP}(input clk, input rst, output reg [7:0] count);\n  {text}\nendmodule\n"
    made = families._source(text, family, tmp_path)
    lines, folder = made.read_text(), tmp_path / "lint"
    assert "count + 1" not in lines and "always @(posedge clk) count" not in lines
    folder.mkdir()
    verilator.call(["--lint-only", "--top-module", families.TOP, str(made)], folder)
