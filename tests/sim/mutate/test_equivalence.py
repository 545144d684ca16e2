"""Proofs from reset on: what only states that are never reached would show is proved, what a reached one shows is not."""

import re

import pytest

from hw import verilog
from sim.mutate import equivalence
from sim.mutate.netlist import Mutant

# Counts from 0 to 5 while it may; ``never`` would be 1 at 7, ``sometimes`` is at 5.
COUNTER = """
module top(input clk, input rst, input go, output never, output sometimes, output signed [2:0] number);
  reg [2:0] count = 0;
  always @(posedge clk) if (rst || go) count <= rst || count == 3'd5 ? 3'd0 : count + 3'd1;
  assign never = count == 3'd7;
  assign sometimes = count == 3'd5;
  assign number = count ^ {3{rst}};
endmodule
"""


@pytest.fixture(scope="module")
def design(tmp_path_factory):
    folder = tmp_path_factory.mktemp("proofs")
    (folder / "top.v").write_text(COUNTER)
    verilog.yosys("read_verilog top.v; hierarchy -top top; proc; opt_clean; write_rtlil top.il", folder)
    return (folder / "top.il").read_text()


def compared(design: str, output: str) -> str:
    """The cell whose output this is."""
    (name,) = re.findall(rf"cell \$eq (\S+)\n(?:(?!\n  end).)*?connect \\Y \\{output}\n", design, re.DOTALL)
    return name


def test_what_no_reached_state_shows_is_proved_from_reset(design):
    mutant = Mutant(1, "const0", "top", compared(design, "never"), "Y", 0)
    assert equivalence.proved(design, mutant) == ("top", "from reset")


def test_what_a_reached_state_shows_is_not_proved(design):
    for mode, output in (("const0", "sometimes"), ("inv", "never"), ("const1", "never")):
        assert equivalence.proved(design, Mutant(1, mode, "top", compared(design, output), "Y", 0)) == ("", ""), (mode, output)


def test_what_a_signed_output_shows_is_not_proved(design):
    (cell,) = re.findall(r"cell \$xor (\S+)\n", design)
    assert equivalence.proved(design, Mutant(1, "inv", "top", cell, "Y", 1)) == ("", "")


def test_large_memories_are_counted():
    cell = "cell $mem_v2 \\m\n    parameter \\WIDTH 8\n    parameter \\OFFSET 0\n    parameter \\SIZE 512\n  end\n"
    text = f"module \\a\n  {cell}end\nmodule \\a__b\n  {cell}end\nmodule \\ab\n  {cell}end\n"
    assert [equivalence._memory(text, name) for name in ("a", "a__b", "ab")] == [8192, 4096, 4096]
