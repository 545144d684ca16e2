"""Upsets of a small network: cells are found, single bits flip, and what is known of some of them comes true."""

import numpy as np
import pytest

from hw import configurations
from hw.binary.folding import Config, Folding
from hw.generate import generate
from hw.guard.top import GuardedConfig
from hw.tiny.params import TinyConfig
from sim import engines, verilator
from sim.upset import bed as upsets
from sim.upset import cells
from sim.upset.bed import AGAIN, WINDOWS, Bed, Upset
from sim.upset.outcome import NONE, Outcome
from sim.upset.run import counted
from sw.errors import PopbeatError
from tests.conftest import random_bundle, random_windows

WINDOW = 240
PARTS = {"packed": random_bundle(3, channels=(3, 2), window=WINDOW), "samples": random_windows(1, WINDOWS + AGAIN, WINDOW)}


FOLDED = Config("test", (Folding(1), Folding(1)))


def make(folder, config=FOLDED, channels=(3, 2), **changed) -> Bed:
    packed, samples = PARTS["packed"], PARTS["samples"]
    if channels != (3, 2):
        packed = random_bundle(3, channels=channels, window=480)
        samples = random_windows(1, WINDOWS + AGAIN, 480)
    verilator.prepare()
    design = generate(packed, config, folder)
    given = {"logits": engines.trace(packed, samples).logits, "samples": samples} | changed
    given["marks"] = isinstance(config, GuardedConfig)
    interval = configurations.cycles(design.params).interval
    return Bed(design.name, design.verilog.read_text(), interval=interval, home=folder / "bed", **given)


@pytest.fixture(scope="module")
def bed(tmp_path_factory) -> Bed:
    return make(tmp_path_factory.mktemp("upset"))


def cell(bed: Bed, module: str, name: str) -> cells.Cell:
    return next(one for one in bed.cells if one.module.endswith(module) and one.name == name)


def test_every_kind_of_cell_is_drawn_and_judged(bed):
    kinds = sorted({one.kind for one in bed.cells})
    assert cells.FLIP_FLOPS in kinds and cells.SAMPLES in kinds
    for kind in kinds:
        drawn = bed.drawn(kind, 12, 1)
        assert drawn == bed.drawn(kind, 12, 1) != bed.drawn(kind, 12, 2)
        assert all(one.cell.kind == kind and one.bit < one.cell.bits and one.word < one.cell.depth for one in drawn)
        told = [vars(one) | {"cell": "a cell"} for one in bed.run(drawn)]
        assert sum(counted(kind, told)["effects"].values()) == len(drawn)


@pytest.mark.parametrize("changed", range(len(upsets.CODE)))
def test_outcomes_of_another_judge_are_others(bed, tmp_path, monkeypatch, changed):
    before = upsets.depends(bed.text, bed.samples, bed.image)
    assert before == bed.inputs
    listed = list(upsets.CODE)
    (tmp_path / "changed").write_bytes(listed[changed].read_bytes() + b"\n")
    listed[changed] = tmp_path / "changed"
    monkeypatch.setattr(upsets, "CODE", tuple(listed))
    after = upsets.depends(bed.text, bed.samples, bed.image)
    assert {key for key in before if before[key] != after[key]} == {"bed"}


def test_known_upsets(bed):
    """A bit of a sample that is in the ring changes a window's logits at most; the one that says where in a window the next sample
    belongs breaks windows until TLAST puts it right."""
    index = cell(bed, "normaliser", "index")
    scope = bed.scopes[index.module, index.name]
    (found,) = bed.run([Upset(2 * bed.interval + 50, scope, index, 0, 5)])
    assert (found.effect, found.recovery) == ("windows", "by itself"), found
    ring = next(one for one in bed.cells if one.kind == cells.SAMPLES)
    upsets = [
        Upset(2 * bed.interval + 50, bed.scopes[ring.module, ring.name], ring, word, ring.bits - 1) for word in range(0, WINDOW, 8)
    ]
    effects = {one.effect for one in bed.run(upsets)}
    assert "windows" not in effects and effects & {"logits", "class"}, effects


def test_a_run_that_has_become_the_same_is_not_simulated_to_its_end(bed):
    """And says, word by word and cycle by cycle, what it would have said there. The canary: what says otherwise is there, too."""
    drawn = [one for kind in cells.KINDS if any(c.kind == kind for c in bed.cells) for one in bed.drawn(kind, 60, 2)]
    lines = [f"{one.cycle} {one.scope} {one.cell.name} {one.word} {one.bit}" for one in sorted(drawn, key=lambda one: one.cycle)]
    whole = bed.lines(lines, every=0)
    assert bed.lines(lines) == bed.lines(lines, every=1) == whole
    (plain,) = bed.lines(["0 - - 0 0"])
    assert 0.2 < np.mean([line == plain for line in whole]) < 0.95


def test_a_guard_ends_what_only_a_reset_ends(bed, tmp_path):
    """Every bit of counters that nothing sets anew between two windows."""
    places = ("pool", "position"), ("sequencer", "credits"), ("head", "fsm_state"), ("sliding_window", "position")
    guarded = make(tmp_path, GuardedConfig(FOLDED))

    def outcomes(subject: Bed) -> list[Outcome]:
        found = [cell(subject, module, name) for module, name in places]
        cycle = 2 * subject.interval + WINDOW + 90  # the classifier is at work
        flips = [Upset(cycle, subject.scopes[c.module, c.name], c, 0, bit) for c in found for bit in range(c.bits)]
        return subject.run(flips)

    # At the beginning of a window, what holds the samples: without a limit some of these would stop them for good.
    front = [one for one in guarded.cells if one.module.endswith("normaliser") and one.kind == cells.FLIP_FLOPS]
    flips = [Upset(2 * guarded.interval + 50, guarded.scopes[c.module, c.name], c, 0, bit) for c in front for bit in range(c.bits)]
    begun = guarded.run(flips)
    assert len(begun) > 100 and {one.recovery for one in begun} <= {"", "by itself"} and max(one.wrong for one in begun) == 1

    assert "reset" in {one.recovery for one in outcomes(bed)}
    behind = outcomes(guarded)
    assert {one.recovery for one in behind} <= {"", "by itself"} and max(one.wrong for one in behind) == 1, behind
    held = [one for one in guarded.cells if one.name.startswith(("state_", "number_", "index_")) and one.module.endswith("guard")]
    assert len(held) == 9
    flips = [Upset(2 * guarded.interval + 50, guarded.scopes[c.module, c.name], c, 0, bit) for c in held for bit in range(c.bits)]
    assert set(guarded.run(flips)) == {NONE}
    assert not any(one.told for one in guarded.run(guarded.drawn(cells.SAMPLES, 60, 1)))  # no constant has changed


@pytest.mark.parametrize("config", [Config("memory", (Folding(1, memory=True),) * 3), TinyConfig()], ids=lambda c: c.name)
def test_behind_a_guard_flips_of_a_constant_in_memory_are_told(config, tmp_path):
    """From the window in which it flips on, where the constant had a part in it. And nothing is told where none has flipped."""
    guarded = make(tmp_path, GuardedConfig(config), channels=(3, 20, 2))
    assert set(guarded.starts([1, 2, 3])) == {NONE}
    memories = [one for one in guarded.cells if one.kind == cells.CONSTANTS]
    assert len(memories) >= 3
    for one in memories:
        scope = guarded.scopes[one.module, one.name]
        places = [(word, bit) for word in range(one.depth) for bit in range(one.bits)]
        places = places[:: max(1, len(places) // 20)]
        cycles = [int((2 + 2 * k / len(places)) * guarded.interval) for k in range(len(places))]
        found = guarded.run([Upset(cycle, scope, one, *place) for cycle, place in zip(cycles, places, strict=True)])
        assert any(outcome.told for outcome in found), one
        changed = [outcome for outcome in found if outcome.effect != "none"]
        assert changed and all(outcome.told and not outcome.silent for outcome in changed), (one, found)


def test_a_start_from_a_random_state_is_right_after_a_cycle_of_reset(bed):
    assert set(bed.starts([1, 2, 3])) == {NONE}
    assert {one.effect for one in bed.starts([1, 2, 3], reset=False)} != {"none"}


def test_other_logits_than_the_models_are_noticed(bed, tmp_path):
    wrong = np.array(bed.logits)
    wrong[3, 0] += 1
    with pytest.raises(PopbeatError, match="integer model"):
        make(tmp_path, logits=wrong)


def test_a_design_without_registers_has_no_upsets():
    with pytest.raises(PopbeatError, match="neither flip-flops nor memories"):
        cells.found("module empty(clk);\n  input clk;\nendmodule\n")
