"""Cases of the sequencer: several steps a position and one, credits given back now and then."""

import functools

import numpy as np

from hw.binary.sequencer import Sequencer, SequencerParams, step_layout
from hw.binary.window import Position
from sim.benches.base import beat
from sim.benches.streams import Case, Hooks


class _Credits(Hooks):
    """Gives credits back now and then, and counts that none is overdrawn. Steps of a taking position come only on credit."""

    def __init__(self, params: SequencerParams, takes: list[bool]):
        self.params, self.takes, self.out, self.giving = params, takes, 0, False

    def drive(self, bench):
        self.giving = self.out > 0 and bench.rng.random() < 0.1
        bench.port("give").value = int(self.giving)

    def sample(self, bench):
        if "i" in bench.fires and self.takes[bench.moved["i"] - 1]:
            self.out += 1
            assert self.out <= self.params.credits, f"cycle {bench.cycle}: {self.out} results under way, and so many fit not"
        self.out -= self.giving


def _sequencer(steps: int, credits: int, take: str) -> Case:
    rng = np.random.default_rng(steps)
    params = SequencerParams(steps, credits, take)
    flags = rng.integers(0, 2, (50, 2))
    takes = flags[:, ("pools", "last").index(take)].astype(bool).tolist()
    return Case(
        lambda: Sequencer(params),
        {"i": [beat(Position, pools=p, last=q) for p, q in flags]},
        {"o": [beat(step_layout(steps), step=s) for _ in flags for s in range(steps)]},
        latencies=[("i", 0, "o", 0, 1), ("i", 0, "o", steps - 1, steps)],
        hooks=lambda: _Credits(params, takes),
    )


CASES = {
    "several_steps": functools.partial(_sequencer, 5, 2, "pools"),
    "one_step": functools.partial(_sequencer, 1, 3, "last"),
}
