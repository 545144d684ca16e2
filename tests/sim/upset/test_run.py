"""The canary of starts from random states: without a reset one of them at least is not right."""

import pytest

from sim.upset import run
from sim.upset.outcome import NONE, Outcome
from sw.errors import PopbeatError

WRONG = Outcome("windows", 1, False, "reset")


class Started:
    """A bed whose starts end so, or stop the simulation."""

    def __init__(self, *ends: Outcome):
        self.ends = ends

    def starts(self, seeds: list[int], reset: bool) -> list[Outcome]:
        assert not reset
        if not self.ends:
            raise PopbeatError("the simulation stopped")
        return list(self.ends)


@pytest.mark.parametrize(("ends", "right"), [((NONE, NONE), True), ((NONE, WRONG), False), ((), False)])
def test_starts_without_a_reset(ends, right):
    assert run._right_without_reset(Started(*ends), [1, 2]) is right
