"""The fastest folding that is placed: what fails is told and passed over."""

import pytest
from amaranth.hdl import Fragment
from typer.testing import CliRunner

from hw import verilog
from hw.binary.folding import Config
from hw.explore import __main__ as command
from hw.explore import area, calibrate, place, solver
from hw.fpga import devices, measure
from sw import cli, files
from sw.errors import PopbeatError
from sw.export import bundle
from tests.conftest import random_bundle

DEVICE = devices.get("ecp5-25k")


@pytest.fixture(scope="module")
def small():
    packed = random_bundle(3, (4, 6, 4), 97)
    return packed, solver.front(packed, area.AreaModel.load("ecp5"))


def placing(monkeypatch, fails: int):
    """nextpnr finds no place for the first so many."""
    asked = []

    def measured(made, device, config, seeds, bar) -> dict:
        asked.append(config)
        Fragment.get(made.top, None)  # Amaranth wants what is made to be used
        if len(asked) <= fails:
            raise PopbeatError(f"seed 1 of {config}: no legal placement")
        return {"config": config, "seeds": seeds, "interval_cycles": made.cycles.interval}

    monkeypatch.setattr(place, "measure", measured)
    return asked


def test_the_first_that_is_placed(small, monkeypatch):
    packed, points = small
    asked = placing(monkeypatch, 2)
    with cli.progress() as bar:
        point, figures, tried = place.fastest(packed, points, DEVICE, bar)
    assert point is points[2] and len(asked) == 3
    assert figures["interval_cycles"] == point.cycles.interval and figures["seeds"] == 1
    assert [(one["interval"], one["error"]) for one in tried] == [(p.cycles.interval, "no legal placement") for p in points[:2]]


def test_nothing_is_placed(small, monkeypatch):
    packed, points = small
    placing(monkeypatch, len(points))
    with cli.progress() as bar, pytest.raises(PopbeatError, match=f"none of {len(points)} foldings .* no legal placement"):
        place.fastest(packed, points, DEVICE, bar)


def test_another_bundle_than_the_shipped_one_is_not_stored(small, monkeypatch, tmp_path):
    monkeypatch.setattr(place, "STORED", tmp_path / "placed.json")
    place.keep(small[0], DEVICE, {}, [])
    assert not place.STORED.exists()
    shipped = bundle.read(bundle.SHIPPED / "bnn17")
    place.keep(shipped, DEVICE, {"config": "some"}, [])
    assert files.read_json(place.STORED)["bnn17 ecp5-25k"] == {
        "config": "some",
        "tried": [],
        "command": "make explore MODEL=bnn17 DEVICE=ecp5-25k PLACE=1",
    }


def test_only_what_no_limit_was_set_for_is_stored(monkeypatch, tmp_path):
    """docs/placed.json has the fastest folding of all, under a command without limits."""
    monkeypatch.setattr(place, "STORED", tmp_path / "placed.json")
    known, solve = [], command.solve

    def once(*given):  # it takes seconds
        known.append(known[0] if known else solve(*given))
        return known[0]

    monkeypatch.setattr(command, "solve", once)

    def routed(packed, points, device, bar):
        return points[0], {"fmax_mhz": 100.0, "config": "some"}, []

    monkeypatch.setattr(place, "fastest", routed)
    for limit in (["--cycles", "9000"], ["--luts", "20000"], ["--brams", "40"], ["--fill", "0.5"]):
        done = CliRunner().invoke(command.app, ["--model", "bnn17", "--device", "ecp5-25k", "--place", *limit])
        assert done.exit_code == 0, (limit, done.exception)
        assert not place.STORED.exists(), limit
    done = CliRunner().invoke(command.app, ["--model", "bnn17", "--device", "ecp5-25k", "--place"])
    assert done.exit_code == 0, done.exception
    assert list(files.read_json(place.STORED)) == ["bnn17 ecp5-25k"]


def test_what_is_stored_is_of_the_verilog_that_is_generated_now():
    for top, figures in files.read_json(place.STORED).items():
        model, name = top.split()
        packed, device = bundle.read(bundle.SHIPPED / model), devices.get(name)
        config = Config(figures["config"], tuple(map(calibrate.parse, figures["blocks"].split())))
        made = measure.classifier(packed, config)
        text = verilog.convert(measure.placed_top(made, device), made.name, device.family)
        assert figures["verilog_sha256"] == verilog.digest(text), f"place anew: {figures['command']}; make report"
        assert figures["interval_cycles"] == made.cycles.interval
