"""Synthesis only: what is counted of each family, memories that stay memories, and figures that are not measured twice."""

import pytest
from typer.testing import CliRunner

from hw import verilog
from hw.fpga import elsewhere
from sw import files, report
from sw.errors import PopbeatError
from sw.export import bundle
from tests.conftest import random_bundle

# Eight registers, a product of 16 bits, and a memory that is written and read by the clock.
TEXT = """module some(input clk, input we, input [9:0] a, input [15:0] x, input [15:0] y, output reg [7:0] o, output reg [31:0] p);
  reg [7:0] words [0:1023];
  reg [7:0] seen = 5;
  reg [15:0] f, g;
  always @(posedge clk) begin
    if (we) words[a] <= x[7:0];
    seen <= words[a];
    o <= seen ^ y[7:0];
    f <= x;
    g <= y;
    p <= f * g;
  end
endmodule
"""


@pytest.mark.parametrize("name", elsewhere.TARGETS)
def test_cells_are_counted(name, tmp_path):
    target = elsewhere.TARGETS[name]
    mapped = elsewhere.synthesise(TEXT, "some", target, tmp_path)
    seen = elsewhere.count(mapped["cells"], target)
    assert sum(seen["block_rams"].values()) == 1
    if name == "gates":
        assert mapped["memory_bits"] == 8 * 1024 and seen["block_rams"] == {"$mem_v2": 1}
        assert not seen["luts"] and not seen["dsp"]
        # All but the memory's own output, which may or may not be merged into it.
        assert 8 + 32 + 32 <= seen["ff"] <= 8 + 32 + 32 + 8
        assert set(seen["other"]) <= {f"$_{gate}_" for gate in ("AND", "NAND", "OR", "NOR", "XOR", "XNOR", "MUX", "NOT")}
    else:
        assert mapped["memory_bits"] == 0 and sum(seen["dsp"].values()) == 1
        assert 8 <= seen["ff"] <= 8 + 32 + 32 + 8  # a multiplier block may take the factors' and the product's registers
        assert seen["lut_total"] == sum(seen["luts"].values()) >= 8
        assert seen["luts"].keys() <= set("123456")
    stamp = (tmp_path / "yosys.log").stat().st_mtime_ns
    assert elsewhere.synthesise(TEXT, "some", target, tmp_path) == mapped
    assert (tmp_path / "yosys.log").stat().st_mtime_ns == stamp, "it was synthesised again"
    assert not (tmp_path / "netlist.json").exists()


def test_what_is_no_known_cell_is_shown():
    seen = elsewhere.count(
        {"LUT6": 3, "INV": 1, "FDRE": 2, "FDSE": 1, "RAMB18E1": 2, "CARRY4": 5, "$scopeinfo": 9}, elsewhere.TARGETS["xc7"]
    )
    assert seen == {
        "luts": {"1": 1, "6": 3},
        "lut_total": 4,
        "ff": 3,
        "block_rams": {"RAMB18E1": 2},
        "dsp": {},
        "other": {"CARRY4": 5},
    }
    assert elsewhere.described({"RAMB36E1": 3, "RAMB18E1": 1021}) == "1,021 RAMB18E1, 3 RAMB36E1"
    assert elsewhere.described({}) == "none"


def test_the_figures_of_the_generic_verilog_are_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "BUILD", tmp_path / "build")
    monkeypatch.setattr(report, "REPORT", tmp_path / "build" / "report.json")
    texts = []

    def mapped(text, top, target, folder):
        texts.append(text)
        return {"cells": {"LUT4": 7, "FDRE": 9}, "memory_bits": 0, "seconds": 1}

    monkeypatch.setattr(elsewhere, "synthesise", mapped)
    bundle.write(random_bundle(1), tmp_path / "bundle")
    config = tmp_path / "c.json"
    config.write_text('[{"pe": 2}, {"pe": 1}, {"pe": 1, "memory": true}]')
    done = CliRunner().invoke(elsewhere.app, ["--family", "xc7", "--bundle", str(tmp_path / "bundle"), "--config", str(config)])
    assert done.exit_code == 0, done.output
    assert "synthesis only" in done.output and "7 LUT4" in done.output
    assert len(texts) == 1 and "ram_style" not in texts[0]
    (figures,) = report.load(report.REPORT)["models"]["random"]["synthesis_only"].values()
    assert (figures["family"], figures["luts"], figures["ff"]) == ("xc7", {"4": 7}, 9)
    assert figures["verilog_sha256"] == verilog.digest(texts[0])


def test_an_unknown_family_is_told():
    with pytest.raises(PopbeatError, match="unknown family 'stratix'; there are xc7, nexus, cyclonev, gates"):
        elsewhere.main(family="stratix")
