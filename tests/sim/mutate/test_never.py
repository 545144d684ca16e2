"""States that reasons rest on are looked for, and a state that is reached is found."""

import pytest

from sim.mutate import never
from sim.mutate.never import Reached
from sw.errors import PopbeatError

pytestmark = pytest.mark.usefixtures("compiled_fast")


def test_a_state_that_is_never_reached_passes_and_another_does_not(judge, tmp_path):
    normaliser = f"{judge.bed.name}__normaliser"
    assert never.check(judge.bed, [(normaliser, "meta__valid && meta__ready && i__payload[0] !== i__payload[0]")], tmp_path) == 1
    with pytest.raises(Reached, match="meta__valid in"):
        never.check(judge.bed, [(normaliser, "1'b0"), (normaliser, "meta__valid")], tmp_path)


def test_a_check_that_notices_nothing_is_an_error(judge, tmp_path, monkeypatch):
    monkeypatch.setattr(never, "ALWAYS", "1'b0")
    with pytest.raises(Reached, match="was not noticed"):
        never.check(judge.bed, [], tmp_path)


def test_a_module_that_does_not_exist_is_named(judge):
    with pytest.raises(PopbeatError, match="module nowhere"):
        never.watched(judge.bed.verilog, [("nowhere", "1'b1")])
