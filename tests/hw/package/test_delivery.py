"""What goes with a top into somebody else's design: a bench, assertions and a core that work, and that notice what is wrong."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hw import generate
from hw.package import delivery
from sim import verilator
from sw import files
from sw.export import bundle, bundles

ICARUS = pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus Verilog is not installed (apt install iverilog)")
MODEL = "bnnbeat5"
TIMING = ("--binary", "--timing", "--assert", "-Wno-fatal", "-CFLAGS", "-std=c++20 -fcoroutines -O0")


@pytest.fixture(scope="module")
def delivered(tmp_path_factory) -> generate.Made:
    """A classifier of beats with all that goes with it."""
    packed = bundles.read(bundle.SHIPPED / MODEL)
    made = generate.make(packed, "full", tmp_path_factory.mktemp("delivered"))
    written = generate.deliver(packed, made)
    names = {path.name.removeprefix(made.top.name) for path in written}
    assert names == {"_tb.v", "_samples.hex", "_expected.hex", "_sva.sv", "_waivers.vlt", ".core"}
    return made


def simulated(made: generate.Made, folder: Path, change: tuple[str, str] = ("", "")) -> subprocess.CompletedProcess:
    """The bench with the assertions on Verilator, ``change`` being made in the top."""
    name = made.top.name
    for path in made.top.verilog.parent.iterdir():
        shutil.copy(path, folder)
    text = made.top.verilog.read_text()
    assert change[0] in text
    (folder / f"{name}.v").write_text(text.replace(*change, 1) if change[0] else text)
    verilator.call([*TIMING, "--top-module", f"{name}_tb", f"{name}.v", f"{name}_tb.v", f"{name}_sva.sv"], folder)
    return subprocess.run([str(folder / "obj_dir" / f"V{name}_tb")], cwd=folder, capture_output=True, text=True)


def test_the_bench_passes_with_all_assertions(delivered, tmp_path):
    done = simulated(delivered, tmp_path)
    assert done.returncode == 0 and "PASS: 12 beats of results" in done.stdout, done.stdout + done.stderr
    # The same program, with one wrong bit in what it expects.
    vectors = tmp_path / f"{delivered.top.name}_expected.hex"
    first, rest = vectors.read_text().split("\n", 1)
    vectors.write_text(f"{int(first, 16) ^ 1:x}\n{rest}")
    program = tmp_path / "obj_dir" / f"V{delivered.top.name}_tb"
    done = subprocess.run([str(program)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode and "FAIL: beat 0 is" in done.stdout


def test_a_result_that_changes_while_it_waits_breaks_an_assertion(delivered, tmp_path):
    lines = delivered.top.verilog.read_text().splitlines()
    driver = next(line for line in lines if line.startswith("  assign m_axis_tdata = "))
    value = driver.split("=")[1].strip().rstrip(";")
    done = simulated(delivered, tmp_path, (driver, f"  assign m_axis_tdata = m_axis_tready ? {value} : ~{value};"))
    assert done.returncode and "result_stable: m_axis changed before it was taken" in done.stdout + done.stderr


# A top of windows of three samples with packets of two beats, and a bench; asked to, each breaks a rule.
STUB = """
module stub(
  input clk, rst, s_axis_tvalid, s_axis_tlast, m_axis_tready, input [15:0] s_axis_tdata,
  output s_axis_tready, m_axis_tvalid, m_axis_tlast, output [31:0] m_axis_tdata
);
  reg [1:0] count = 0, beat = 0;
  reg unasked, shaky, long;
  initial begin
    unasked = $test$plusargs("result_of_something") != 0;
    shaky = $test$plusargs("result_stable") != 0;
    long = $test$plusargs("packet_length") != 0;
  end
  assign s_axis_tready = beat == 0 && m_axis_tready;
  assign m_axis_tvalid = beat != 0 || unasked;
  assign m_axis_tlast = beat == 1 && !long;
  assign m_axis_tdata = shaky && !m_axis_tready ? 32'd1 : 32'd0;
  always @(posedge clk)
    if (rst) {count, beat} <= 0;
    else begin
      if (s_axis_tvalid && s_axis_tready) count <= count == 2 ? 0 : count + 1;
      if (s_axis_tvalid && s_axis_tready && count == 2) beat <= 2;
      else if (m_axis_tvalid && m_axis_tready && beat != 0) beat <= beat - 1;
    end
endmodule

module bench;
  reg clk = 0, rst = 1;
  reg [4:0] cycle = 0;
  always #5 clk = ~clk;
  always @(posedge clk) begin
    rst <= 0;
    cycle <= cycle + 1;
    if (cycle == 31) $finish;
  end
  wire ready;
  reg restless;
  initial restless = $test$plusargs("sample_stable") != 0;
  stub top(
    .clk(clk), .rst(rst), .s_axis_tvalid(1'b1), .s_axis_tlast(1'b0), .s_axis_tdata(restless ? {11'd0, cycle} : 16'd5),
    .s_axis_tready(ready), .m_axis_tready(cycle[1]), .m_axis_tvalid(), .m_axis_tlast(), .m_axis_tdata()
  );
endmodule
"""


def test_each_assertion_has_what_breaks_it(tmp_path):
    top = delivery.Top(tmp_path / "stub.v", "a stub", delivery.Packet(2), patience=9, window=3)
    top.verilog.write_text(STUB)
    (tmp_path / "stub_sva.sv").write_text(delivery.assertions(top))
    verilator.call([*TIMING, "--top-module", "bench", "stub.v", "stub_sva.sv"], tmp_path)
    rules = re.findall(r"^  (\w+): assert property", delivery.assertions(top), re.MULTILINE)
    assert len(rules) == 4
    for rule in ("", *rules):
        done = subprocess.run([str(tmp_path / "obj_dir" / "Vbench"), f"+{rule}"], cwd=tmp_path, capture_output=True, text=True)
        assert bool(done.returncode) == bool(rule) and f"{rule}: " in done.stdout + done.stderr + ": ", done.stdout + done.stderr


@ICARUS
def test_the_bench_runs_in_a_four_state_simulator(delivered, tmp_path):
    name, folder = delivered.top.name, delivered.top.verilog.parent
    program = tmp_path / "bench"
    subprocess.run(["iverilog", "-g2005", "-o", program, f"{name}.v", f"{name}_tb.v"], cwd=folder, check=True)
    done = subprocess.run(["vvp", "-N", program], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0 and "PASS" in done.stdout, done.stdout
    # A port that is unknown is noticed, which two states can't show.
    text = (folder / f"{name}.v").read_text().replace("(s_axis_tready),", "(),")
    (tmp_path / "unset.v").write_text(text)
    subprocess.run(["iverilog", "-g2005", "-o", program, tmp_path / "unset.v", f"{name}_tb.v"], cwd=folder, check=True)
    done = subprocess.run(["vvp", "-N", program], cwd=folder, capture_output=True, text=True)
    assert done.returncode and "FAIL: a port is unknown" in done.stdout, done.stdout


@pytest.mark.parametrize("target", ["lint", "sim_verilator", pytest.param("sim", marks=ICARUS)])
def test_fusesoc_runs_the_core(delivered, target, tmp_path):
    shutil.copytree(delivered.top.verilog.parent, tmp_path / "cores")
    verilator.prepare()
    command = [sys.executable, "-m", "fusesoc.main", "--cores-root", "cores", "run", "--target", target, f"::{delivered.top.name}"]
    fast = " ".join(f"OPT_{part}=-O0" for part in ("FAST", "SLOW", "GLOBAL"))  # the compiler takes longer than the simulation
    environment = dict(os.environ) | {"MAKEFLAGS": f"{os.environ['MAKEFLAGS']} {fast}"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert target == "lint" or "PASS: 12 beats" in done.stdout + done.stderr


def test_a_network_of_an_unknown_task_has_no_bench(tmp_path, capsys):
    packed = replace(bundles.read(bundle.SHIPPED / MODEL), task="fibres")
    assert generate.deliver(packed, generate.make(packed, "full", tmp_path)) == []
    assert "no bench, no core: unknown task 'fibres'" in capsys.readouterr().err
    assert files.read_json(tmp_path / f"popbeat_{MODEL}_full.json")["placed"] == []
