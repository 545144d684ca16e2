"""The guard alone, its bench being a classifier that works or fails."""

from sim.benches import alone
from sim.benches.guard import guard


def test_every_case_and_its_canary():
    assert alone.run(guard) == len(guard.CASES)
