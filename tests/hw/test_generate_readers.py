"""Every generated top, and what is written beside it, as the readers of Verilog see it: with their defaults."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import jsonschema
import pytest
from pyslang import driver

from hw import generate, verilog
from hw.axilite import top as axilite_top
from hw.package import delivery, description, templates
from hw.qrs import top as qrs_top
from sim import verilator
from sw import files
from sw.errors import PopbeatError
from sw.export import bundle, bundles
from sw.qrs.detector import PARAMS

TOPS = [
    *(("bnn17", config) for config in ("full", "half", "double", "sample", "tiny", "full_guarded")),
    ("bnn5", "full"),
    *(("bnnbeat5", config) for config in ("full", "half", "record")),
    *(("alq17", config) for config in ("mac128", "mac64", "mac32")),
    ("lamscn17", "mac128l"),
    ("gasf5", "record"),
]


@pytest.fixture(scope="module", params=TOPS, ids="_".join)
def made(request, tmp_path_factory) -> generate.Made:
    """A top with what goes beside it but its bench."""
    model, config = request.param
    folder = tmp_path_factory.mktemp("top")
    made = generate.make(bundles.read(bundle.SHIPPED / model), config, folder)
    (folder / f"{made.top.name}_sva.sv").write_text(delivery.assertions(made.top))
    shutil.copy(templates.FOLDER / "waivers.vlt", folder)
    return made


def slang(path: Path) -> int:
    """How many errors slang finds, in the analysis of drivers as well."""
    reader = driver.Driver()
    reader.addStandardArgs()
    assert reader.parseCommandLine(f"slang -Wnone {path}") and reader.processOptions()
    reader.parseAllSources()
    reader.runFullCompilation(True)
    return reader.diagEngine.numErrors


def yosys(text: str, name: str) -> None:
    """yosys reads Verilog with its defaults, and finds nothing wrong."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "top.v").write_text(text)
        verilog.yosys(f"read_verilog top.v; hierarchy -check -top {name}; proc; check -assert", Path(folder))


def icarus(*paths: Path) -> subprocess.CompletedProcess:
    return subprocess.run(["iverilog", "-g2005", "-Wall", "-t", "null", *map(str, paths)], capture_output=True, text=True)


def test_no_name_is_escaped_and_all_are_the_top_s(made):
    text = made.top.verilog.read_text()
    assert "\\" not in text
    modules = [line.split("(")[0].split()[1] for line in text.splitlines() if line.startswith("module ")]
    assert modules[0] == made.top.name and all(name.startswith(f"{made.top.name}__") for name in modules[1:])
    assert len(modules) == len(set(modules)) > 10
    for name in ("SPDX-License-Identifier: Apache-2.0", "popbeat 0.1.0: ", "written by: make verilog MODEL="):
        assert f"// {name}" in text.partition("\nmodule ")[0]
    assert len(text.splitlines()) < 40_000


def test_slang_finds_no_error(made):
    assert not slang(made.top.verilog)


def test_yosys_reads_it(made):
    yosys(made.top.verilog.read_text(), made.top.name)


def test_verilator_warns_of_nothing_but_what_is_waived(made):
    folder, name = made.top.verilog.parent, made.top.name
    verilator.prepare()
    command = [str(verilator.ROOT / "bin" / "verilator"), "--lint-only", "-Wall", "--assert", "--top-module", name, "waivers.vlt"]
    done = subprocess.run([*command, f"{name}.v", f"{name}_sva.sv"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0 and "%" not in done.stderr, done.stderr[:2000]


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus Verilog is not installed (apt install iverilog)")
def test_icarus_reads_it(made):
    done = icarus(made.top.verilog)
    assert done.returncode == 0, done.stderr[:2000]


def test_the_description_keeps_to_its_schema(made):
    described = files.read_json(made.json)
    jsonschema.validate(described, description.SCHEMA)
    assert described["top"] == made.top.name and described["verilog_sha256"] == verilog.digest(made.top.verilog.read_text())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(described | {"bundle_sha256": "unknown"}, description.SCHEMA)


def test_the_detector_alone(tmp_path):
    path = qrs_top.generate(PARAMS, tmp_path)
    assert not slang(path)
    yosys(path.read_text(), qrs_top.NAME)


def test_results_in_registers(tmp_path):
    path, name = axilite_top.generate(bundles.read(bundle.SHIPPED / "bnn5"), "full", tmp_path)
    assert not slang(path)
    yosys(path.read_text(), name)
    jsonschema.validate(files.read_json(path.with_suffix(".json")), description.SCHEMA)


def test_two_configurations_live_in_one_design(tmp_path):
    packed = bundles.read(bundle.SHIPPED / "bnn17")
    tops = [generate.make(packed, config, tmp_path, name) for config, name in (("full", ""), ("double", "other"))]
    ports = ".clk(clk), .rst(rst), .m_axis_tready(1'b1), .s_axis_tvalid(1'b0), .s_axis_tlast(1'b0), .s_axis_tdata(0)"
    lines = [f"  {made.top.name} part{k} ({ports});" for k, made in enumerate(tops)]
    both = "module both(input clk, input rst);\n" + "\n".join(lines) + "\nendmodule\n"
    text = both + "".join(made.top.verilog.read_text() for made in tops)
    yosys(text, "both")
    (tmp_path / "both.v").write_text(text)
    assert not slang(tmp_path / "both.v")


def test_what_is_no_verilog_is_noticed(tmp_path):
    path = tmp_path / "wrong.v"
    path.write_text("module wrong(input clk, output reg q);\n  initial q = 0;\n  always_ff @(posedge clk) q <= 1;\nendmodule\n")
    assert slang(path) == 1
    with pytest.raises(PopbeatError, match="yosys failed"):
        yosys(path.read_text(), "wrong")


@pytest.mark.parametrize("name", ["module", "2fast", "a-b", "x" * 65, "a b"])
def test_names_that_are_none(name):
    with pytest.raises(PopbeatError, match="can't be a module's name"):
        verilog.check_name(name)
