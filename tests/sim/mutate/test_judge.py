"""A small network with twenty fixed mutants: what a bench must notice is killed, and the canaries hold."""

from dataclasses import replace

import pytest

from sim.mutate import equivalence, netlist
from sim.mutate import judge as judging
from sim.mutate.judge import CanaryMissed
from sim.mutate.netlist import Mutant
from sim.mutate.run import component
from tests.sim.mutate.conftest import COUNT


@pytest.fixture(scope="module")
def verdicts(judge):
    return judge.run(list(range(1, COUNT + 1)))


def test_mutants_are_killed_or_change_nothing(judge, verdicts):
    killed = [one for one in verdicts if one.killed]
    assert len(verdicts) == COUNT and len(killed) >= COUNT * 3 // 4
    assert {one.segment for one in killed} <= {segment.name for segment in judge.bed.segments}
    assert not [one for one in verdicts if not one.killed and one.seen]
    assert judge.run([], further=True) == []  # its canaries


def test_what_matters_is_not_proved_equivalent(judge, monkeypatch):
    """The canary of the proofs: a fault of a part's input, and one of its output."""
    monkeypatch.setattr(equivalence, "MAPPED", 0)  # a whole top is too much to search
    sink = Mutant(1, "inv", judge.bed.name, "sink", "i__payload", 0)
    for mutant in (sink, replace(sink, mode="const0", port="o__valid")):
        assert equivalence.proved(judge.made.original, mutant, levels=1) == ("", ""), mutant


def test_a_spare_wire_is_proved_equivalent(judge):
    mutant = Mutant(1, "inv", judge.bed.name, netlist.SPARE, "Y", 0)
    start = judge.made.original.index(f"\nmodule \\{judge.bed.name}\n")
    end = judge.made.original.index("\nend\n", start)
    text = judge.made.original[:end] + netlist.SPARE_CELL + judge.made.original[end + 1 :]
    assert equivalence.proved(text, mutant, levels=1) == (judge.bed.name, "by induction")


def test_a_batch_without_its_canaries_is_refused(judge, monkeypatch):
    made = judge.made
    for field, value, said in (("fatal", made.spare, "was not killed"), ("spare", made.fatal, "changed something")):
        monkeypatch.setattr(judge, "made", replace(made, **{field: value}))
        with pytest.raises(CanaryMissed, match=said):
            judge.run([])
    monkeypatch.setattr(judge, "made", made)
    spoiled = [replace(segment) for segment in judge.bed.segments]
    spoiled[0].words = spoiled[0].words.copy()
    spoiled[0].words["word"][-1] ^= 1
    monkeypatch.setattr(judge, "bed", replace(judge.bed, segments=tuple(spoiled)))
    with pytest.raises(CanaryMissed, match="without a mutant fails in back to back"):
        judge.run([])


def test_verdicts_of_another_judge_are_others(judge, tmp_path, monkeypatch):
    before = judging.inputs(judge.bed, judge.made)
    for name in ("SOURCE", "COMMON"):
        changed = tmp_path / name
        changed.write_bytes(getattr(judging, name).read_bytes() + b"\n")
        with monkeypatch.context() as patch:
            patch.setattr(judging, name, changed)
            after = judging.inputs(judge.bed, judge.made)
        assert {key for key in before if before[key] != after[key]} == {"judge"}


def test_components_have_names_without_numbers():
    assert component("popbeat_x", "popbeat_x__datapath__block3__matrix__popcount0") == "block.matrix.popcount"
    assert component("popbeat_x", "popbeat_x") == "top"
