"""Proofs that take seconds, and that the prover can't be fooled."""

from dataclasses import replace

import pytest

from hw.stream import rounding, skid
from sim.prove import families, solver, streams
from sim.prove.faults import Fault
from sim.prove.scene import Property
from sw.errors import PopbeatError

QUICK = [one for one in families.ALL if one.quick]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(solver, "FOLDER", tmp_path)
    return tmp_path


def named(name: str) -> Property:
    (found,) = (one for one in families.ALL if one.name == name)
    return found


@pytest.mark.parametrize("one", QUICK, ids=lambda one: one.name)
def test_what_is_quick_is_proved(one):
    """With its faults: each must have a counterexample."""
    assert solver.prove(one).faults == len(one.faults)


def test_what_does_not_hold_has_a_waveform(folder):
    wrong = Property("always idle", "", lambda scene: scene.claim(~scene.free(1, "busy")), streams.PROPERTIES[0].faults)
    with pytest.raises(PopbeatError, match="does not hold; .*counterexample.vcd"):
        solver.prove(wrong)
    assert "busy" in (folder / "always_idle" / "counterexample.vcd").read_text()


def test_what_no_induction_proves_is_no_proof(folder):
    def build(scene):
        count = scene.before(scene.free(4, "any"), "count")
        once = scene.before(count == 9, "once")
        twice = scene.before(once, "twice")
        scene.suppose(~once | ~twice)
        scene.suppose(count != 9)
        scene.claim(~twice)  # true, but a cycle of induction does not know it

    one = Property("never twice", "", build, streams.PROPERTIES[0].faults, depth=1)
    with pytest.raises(PopbeatError, match="induction don't prove it"):
        solver.prove(one)
    assert (folder / "never_twice" / "induction.vcd").is_file()


def test_a_fault_that_nobody_notices_ends_the_proof():
    harmless = Fault(skid, "self.i.ready.eq(~waiting)", "self.i.ready.eq(~waiting & 1)")
    with pytest.raises(PopbeatError, match="is not noticed"):
        solver.prove(replace(named("skid buffer: stays"), faults=(harmless,)))


def test_assumptions_that_contradict_each_other_prove_nothing():
    def build(scene):
        value = scene.free(4, "value")
        scene.suppose(value > 9)
        scene.suppose(value < 3)
        scene.claim(value == 7)

    with pytest.raises(PopbeatError, match="did not decide"):
        solver.prove(Property("nothing", "", build, (Fault(rounding, "", ""),)))


def test_a_solver_that_does_not_answer_is_an_error():
    with pytest.raises(PopbeatError, match="no answer"):
        solver.prove(replace(named("skid buffer: stays"), seconds=0))
