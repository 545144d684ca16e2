"""The folding solver: what it finds is the best there is, what it can't find it says by how much, its cycles are simulated, and the
estimate of areas still says what it said of every top that was synthesised."""

import dataclasses
import itertools

import pytest

from hw.binary import folding
from hw.binary.block import Block
from hw.binary.datapath import DatapathParams
from hw.binary.folding import Config, Folding
from hw.binary.top import cycles
from hw.explore import __main__ as command
from hw.explore import area, build, calibrate, solver
from hw.fpga import devices
from sim import compare, explore
from sw import campaign, cli, files
from sw.errors import PopbeatError
from sw.export import bundle
from tests.conftest import random_bundle, random_windows

DEVICE = devices.get("ecp5-25k")
MODEL = area.AreaModel.load("ecp5")


@pytest.fixture(scope="module")
def stored() -> dict:
    """What ``make explore FULL=1`` has measured."""
    return files.read_json(explore.JSON)


@pytest.fixture(scope="module")
def small():
    """A small network and every configuration that it can have."""
    packed = random_bundle(3, (4, 6, 4), 97)
    base = DatapathParams(packed, Config("base", (Folding(1),) * 3))
    every = [Config("each", blocks) for blocks in itertools.product(*map(solver.foldings, base.blocks))]
    return packed, [(MODEL.top(params), cycles(params).interval, params) for params in (DatapathParams(packed, c) for c in every)]


@pytest.mark.parametrize("bram", [1 << 20, 8, 7])
def test_nothing_beats_the_front(small, bram):
    packed, every = small
    limits = solver.Limits(1 << 20, 1 << 20, bram, 1 << 20)
    points = solver.front(packed, MODEL, limits)
    allowed = [(taken, interval) for taken, interval, _ in every if limits.allow(taken)]
    assert (len(allowed) < len(every)) == (bram < 10)
    assert len(points) > 2
    unbeaten(points, allowed)
    # The canary: a front that misses a point is beaten there.
    with pytest.raises(AssertionError):
        unbeaten([points[0], *points[2:]], allowed)


def unbeaten(points: list[solver.Point], allowed: list[tuple[area.Area, int]]) -> None:
    """No allowed configuration is smaller than a point and as fast, nor is there one below the fastest or between two points that
    is smaller than the faster of them. (Between a point's bound and its cycles the solver promises nothing.)"""
    assert min(interval for _, interval in allowed) >= points[0].bound
    for point in points:
        assert (point.area, point.cycles.interval) in allowed
        assert point.area.lut4 == min(taken.lut4 for taken, interval in allowed if interval <= point.cycles.interval)
    for before, after in itertools.pairwise(points):
        between = [taken.lut4 for taken, interval in allowed if before.cycles.interval <= interval < after.bound]
        assert min(between) == before.area.lut4


def test_all_foldings_of_a_block_are_tried(small):
    packed, every = small
    base = DatapathParams(packed, Config("base", (Folding(1),) * 3))
    for number, block in enumerate(base.blocks):
        found = {(f.pe, f.parts, f.memory) for f in solver.foldings(block)}
        for pe, parts, memory in itertools.product(range(1, 8), (1, 2, 4, 7, 8, 16), (False, True)):
            blocks = [Folding(1)] * 3
            blocks[number] = Folding(pe, parts, memory)
            try:
                made = DatapathParams(packed, Config("try", tuple(blocks))).blocks[number]
            except PopbeatError:
                assert (pe, parts, memory) not in found
                continue
            # It is there, or one with fewer PEs and as many steps.
            same = [f for f in found if f[1:] == (parts, memory) and f[0] <= pe]
            assert made.steps in {-(-block.geometry.out_channels // f[0]) * parts for f in same}


def test_impossible_requests_say_by_how_much(small, tmp_path):
    packed, _ = small
    points = solver.front(packed, MODEL)
    least, most = points[0], points[-1]
    with pytest.raises(command.Impossible, match="of 10 cycles: .* more at least") as error:
        command.choose(points, 10, 0)
    assert error.value.nearest is least and f"{least.cycles.interval - 10:,} more" in str(error.value)
    with pytest.raises(command.Impossible, match="100 LUT4 or less: .* more at least") as error:
        command.choose(points, 0, 100)
    assert error.value.nearest is most and f"{most.area.lut4 - 100:,} more" in str(error.value)
    with pytest.raises(command.Impossible, match="LUT4 are too few") as error:
        command.choose(points, least.cycles.interval, least.area.lut4 - 1)
    assert error.value.nearest is least and ": 1 more" in str(error.value)
    # Limits that are too narrow: everything that is lacking.
    with cli.progress() as bar:
        with pytest.raises(command.Impossible, match=r"fits in no folding: .* LUT4 more than 242, .* flip-flops") as error:
            command.solve(packed, MODEL, command.limits(MODEL, DEVICE, 0.01), 0, bar)
        assert error.value.nearest.area.lut4 >= most.area.lut4
        # Nothing takes fewer block RAMs than what is there beside the blocks.
        with pytest.raises(command.Impossible, match="takes 6 block RAMs more than 1, as"):
            command.solve(packed, MODEL, command.limits(MODEL, DEVICE, 1.0, 1), 0, bar)
    # And what is possible.
    assert command.choose(points, 0, 0) is least
    assert command.choose(points, most.cycles.interval + 5, 0) is most
    assert command.choose(points, 0, most.area.lut4) is most
    assert command.choose(points, least.cycles.interval, least.area.lut4) is least


def test_the_result_is_a_configuration(small, tmp_path, monkeypatch):
    packed, _ = small
    monkeypatch.setattr(files, "BUILD", tmp_path)
    point = solver.front(packed, MODEL)[1]
    config = folding.get(str(command.write(point, "random")))
    assert config.blocks == point.foldings and config.name == f"cycles{point.cycles.interval}"
    assert cycles(DatapathParams(packed, config)) == point.cycles


def test_explored_points_take_the_predicted_cycles(small, tmp_path, monkeypatch):
    packed, _ = small
    points = solver.front(packed, MODEL)
    point = points[len(points) // 2]
    config = Config("explored", point.foldings)
    samples = random_windows(3, 4, 97)
    seen = explore.cycles(packed, config, samples, tmp_path)
    assert (seen["interval"], seen["latency"]) == (point.cycles.interval, point.cycles.latency)
    # The canary: a model of another folding must be noticed.
    model, other = DatapathParams.predict, DatapathParams(packed, Config("explored", points[0].foldings))
    monkeypatch.setattr(DatapathParams, "predict", lambda params, windows=3: model(other, windows))
    with pytest.raises(compare.Mismatch, match="cycles of the results"):
        explore.cycles(packed, config, samples, tmp_path)


def test_the_estimate_of_tops_that_were_built(stored):
    packed = bundle.read(bundle.SHIPPED / stored["model"])
    assert stored["bundle_sha256"] == packed.sha256, "docs/explore.json is of another bundle: make explore FULL=1"
    fresh = [b for b in stored["built"] if not b["in_fit"]]
    assert len(fresh) >= 6
    named = {b["name"]: b["blocks"] for b in stored["built"] if not b["name"].startswith("cycles")}
    shapes = {c.name: " ".join(map(calibrate.short, c.blocks)) for c in folding.CONFIGS.values() if c.samples == 1}
    assert named == shapes, "make explore FULL=1"
    for built in stored["built"]:
        blocks = tuple(map(calibrate.parse, built["blocks"].split()))
        estimate = MODEL.top(DatapathParams(packed, Config("built", blocks)))
        assert vars(estimate) == built["estimate"], "make explore FULL=1"
        assert (estimate.bram, estimate.dsp) == (built["bram"], built["dsp"])
        assert abs(estimate.lut4 / built["lut4"] - 1) <= explore.WITHIN, built["name"]
    simulated = [b for b in stored["built"] if "simulated" in b]
    assert len(simulated) >= 3
    for built in simulated:
        assert (built["simulated"]["interval"], built["simulated"]["latency"]) == (built["interval"], built["latency"])


def test_the_page_is_generated(stored):
    assert explore.render(explore.PAGE.read_text(), stored) == explore.PAGE.read_text(), "make explore FULL=1"


def test_the_stored_fit_is_the_fit_of_its_blocks():
    packed = {model: bundle.read(bundle.SHIPPED / model) for model in calibrate.TOPS}
    blocks = [calibrate.block(packed[model], number, fold) for model, number, fold in calibrate.samples()]
    measured = MODEL.fitted["blocks"]
    assert len(blocks) == len(measured)
    assert calibrate.fit([area.counts(b) for b in blocks], [m["lut4"] for m in measured]) == MODEL.fitted["lut4"]
    assert calibrate.fit([area.registers(b) for b in blocks], [m["ff"] for m in measured]) == MODEL.fitted["ff"]
    assert [area.block_rams(b) for b in blocks] == [m["bram"] for m in measured]
    # The canary: other figures give another fit.
    wrong = [m["lut4"] + 100 * (row == 5) for row, m in enumerate(measured)]
    assert calibrate.fit([area.counts(b) for b in blocks], wrong) != MODEL.fitted["lut4"]


def test_a_block_is_built_and_estimated(tmp_path):
    """One small block through synthesis and packing, as a job: what calibration is made of."""
    number, fold = 1, Folding(1, 2, True)
    packed = bundle.read(bundle.SHIPPED / "bnn17")
    params = calibrate.block(packed, number, fold)
    with cli.progress() as bar:
        (taken,) = campaign.run([build.job(Block(params), DEVICE, "block")], bar, "synthesis", home=tmp_path)
    stored = next(b for b in MODEL.fitted["blocks"] if b["block"] == "bnn17 block 2 as 1/2m")
    assert {name: taken[name] for name in ("lut4", "ff", "bram")} == {name: stored[name] for name in ("lut4", "ff", "bram")}
    assert MODEL.block(params).lut4 == stored["lut4_estimate"]


def test_unknown_requests():
    for device in devices.DEVICES.values():
        if device.family == "ecp5":
            assert command.limits(MODEL, device, 1.0).lut4 > 20_000
    unknown = dataclasses.replace(DEVICE, name="ecp5-12k")
    with pytest.raises(PopbeatError, match="what ecp5-12k holds is not stored"):
        command.limits(MODEL, unknown, 1.0)
    with pytest.raises(PopbeatError, match="no estimate of areas is stored for ice40"):
        area.AreaModel.load("ice40")
    with pytest.raises(PopbeatError, match="runs on the array"):
        command.read("alq17", "")
    assert calibrate.parse(calibrate.short(Folding(3, 4, True))) == Folding(3, 4, True)
    assert [p["luts"] for p in explore.published_points()] == [82045, 36778]
