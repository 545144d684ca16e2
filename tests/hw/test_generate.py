"""Generated Verilog: the same bytes every time, its ports, configurations, the command."""

import json

import pytest
from typer.testing import CliRunner

from hw import generate as generator
from hw import verilog
from hw.binary import folding
from hw.binary.datapath import DatapathParams
from hw.binary.folding import Config, Folding
from hw.generate import generate
from sim import verilator
from sw import files
from sw.errors import PopbeatError
from sw.export import bundle
from tests.conftest import random_bundle

CONFIG = Config("test", (Folding(2), Folding(2), Folding(1)))


def test_same_bytes_every_time_and_no_paths(tmp_path):
    packed = random_bundle(1)
    first = generate(packed, CONFIG, tmp_path / "a")
    second = generate(packed, CONFIG, tmp_path / "b")
    text = first.verilog.read_bytes()
    assert text == second.verilog.read_bytes()
    assert str(tmp_path).encode() not in text
    assert str(files.ROOT).encode() not in text
    assert b".py" not in text
    assert first.description["verilog_sha256"] == verilog.digest(text.decode())


def test_ports_as_json(tmp_path):
    design = generate(random_bundle(1), CONFIG, tmp_path)
    description = json.loads(design.verilog.with_suffix(".json").read_text())
    ports = {p["name"]: (p["direction"], p["width"]) for p in description["ports"]}
    assert ports == {
        "clk": ("input", 1),
        "rst": ("input", 1),
        "s_axis_tdata": ("input", 16),
        "s_axis_tvalid": ("input", 1),
        "s_axis_tready": ("output", 1),
        "s_axis_tlast": ("input", 1),
        "m_axis_tdata": ("output", 32),
        "m_axis_tvalid": ("output", 1),
        "m_axis_tready": ("input", 1),
        "m_axis_tlast": ("output", 1),
    }
    declared = design.verilog.read_text().split(f"module {description['top']}(")[1].split(")")[0]
    assert {name.strip() for name in declared.split(",")} == set(ports)
    assert description["cycles"]["interval"] > 0


def test_lint_by_verilator_finds_no_error(tmp_path):
    design = generate(random_bundle(1), CONFIG, tmp_path)
    verilator.call(["--lint-only", str(design.verilog)], tmp_path)
    broken = tmp_path / "broken.v"
    broken.write_text(design.verilog.read_text().replace("endmodule", "endmodul", 1))
    with pytest.raises(PopbeatError, match="Verilator failed"):
        verilator.call(["--lint-only", str(broken)], tmp_path)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (Config("c", (Folding(2), Folding(1))), "folds 2 blocks, and random has 3"),
        (Config("c", (Folding(9), Folding(1), Folding(1))), "1 to 3 PEs, not 9"),
        (Config("c", (Folding(1, parts=2), Folding(1), Folding(1))), "works on whole windows"),
        (Config("c", (Folding(1), Folding(1), Folding(2))), "one class at a time"),
        (Config("c", (Folding(1), Folding(1, parts=3), Folding(1))), "power of two"),
    ],
)
def test_configurations_that_do_not_fit(config, message):
    with pytest.raises(PopbeatError, match=message):
        DatapathParams(random_bundle(1), config)


def test_configurations_from_files(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text('[{"pe": 2}, {"pe": 1, "memory": true}, {"pe": 1}]')
    assert folding.get(str(path)) == Config("mine", (Folding(2), Folding(1, memory=True), Folding(1)))
    path.write_text('{"samples": 2, "blocks": [{"pe": 2}, {"pe": 1}]}')
    assert folding.get(str(path)) == Config("mine", (Folding(2), Folding(1)), samples=2)
    wrong = {
        '{"samples": 3, "blocks": []}': "is no list of foldings",
        '{"samples": 2}': "is no list of foldings",
        '{"blocks": [], "rate": 2}': "is no list of foldings",
        "3": "is no list of foldings",
        '[{"simd": 4}]': "is no list of foldings",
        '[{"pe": 0}]': "pe of a folding is an integer of 1 or more",
        '[{"pe": 1, "memory": "false"}]': "memory of a folding is true or false, not 'false'",
        '{"blocks": [{"pe": 1}], "others": 5}': "it has 'others' beside blocks and samples",
    }
    for text, says in wrong.items():
        path.write_text(text)
        with pytest.raises(PopbeatError, match=says):
            folding.get(str(path))
    for name in ("record", "tiny", "mac128l", "full_guarded", "half"):
        other = tmp_path / f"{name}.json"
        other.write_text('[{"pe": 1}]')
        with pytest.raises(PopbeatError, match="call the file by a lower-case word"):
            folding.get(str(other))
    with pytest.raises(PopbeatError, match="unknown configuration 'fast'; there are full, half"):
        folding.get("fast")


def test_the_command_in_a_header_writes_the_same_again():
    shipped, own = bundle.read(bundle.SHIPPED / "bnn17"), random_bundle(1)
    named, mine = folding.get("full"), Config("mine", (Folding(1),))
    assert generator.again(shipped, named) == "make verilog MODEL=bnn17 CONFIG=full"
    assert generator.again(shipped, mine) == "make verilog MODEL=bnn17 CONFIG=mine.json"
    assert "BUNDLE=<folder of the bundle below>" in generator.again(own, named)


def test_full_rate_meets_its_cycles():
    """The issue's numbers: at most 3,690 cycles a window; latency at most 4,100 (5 classes) and 4,250 (17)."""
    from hw.binary.top import cycles

    for name, latency in (("bnn5", 4100), ("bnn17", 4250)):
        exact = cycles(DatapathParams(bundle.read(bundle.SHIPPED / name), folding.get("full")))
        assert exact.interval <= 3690
        assert exact.latency <= latency


def test_command_line(tmp_path):
    bundle.write(random_bundle(1), tmp_path / "bundle")
    config = tmp_path / "c.json"
    config.write_text('[{"pe": 2}, {"pe": 1}, {"pe": 1}]')
    out = tmp_path / "out"
    done = CliRunner().invoke(generator.app, ["--bundle", str(tmp_path / "bundle"), "--config", str(config), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert (out / "popbeat_random_c.v").is_file()
