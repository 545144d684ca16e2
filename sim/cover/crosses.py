"""Crosses of conditions (functional coverage) of a streaming top that takes windows of 3,600 samples, as ``judge.cpp`` counts them:
what both streams do times how many windows are at work; how many are at work, and whether a packet is half out, when a reset
comes; each kind of window after each.

A window is at work from its last sample's arrival until its packet has left.
"""

import re
from collections import Counter
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from sw.errors import PopbeatError

STATES = ("none offered", "waits", "taken")
KINDS = ("whole", "flat", "broken off")
MOST = 3  # windows at work
# Crosses that can't occur, by what they look like, with the reason. One that occurs all the same is an error.
EXCLUDED = {
    r"[45] windows": "the sample ring holds two whole windows, the datapath and its results a third; no sample is taken beyond",
    r"result (waits|taken), 0 windows": "a window is at work until its packet has left",
    r"sample waits.* [01] windows": "a sample waits where the ring is full, and then two windows are in it or leave it",
    r"sample waits, result (waits|taken), 2 windows": "the window whose result is offered has left the ring: there is room in it",
    r"reset with 0 windows at work, in packets": "a window is at work until its packet has left",
}


@dataclass(frozen=True)
class Crosses:
    """The names of all crosses, and of those that can't occur what they look like (a regular expression), with the reason."""

    wanted: frozenset[str]
    excluded: dict[str, str]

    def figures(self, counts: Counter[str]) -> dict:
        """Crosses that occurred and those that can (``shares``), how many are excluded by each reason, and which are missing. An
        excluded one that occurs, or one that nobody knows, is a :class:`PopbeatError`."""
        if unknown := [name for name in counts if name not in self.wanted]:
            raise PopbeatError(f"a cross that is not known: {unknown[0]}")
        reasons = {name: why for name in self.wanted for look, why in self.excluded.items() if re.search(look, name)}
        if wrong := sorted(name for name in reasons if counts[name]):
            raise PopbeatError(f"a cross that can't occur did, {counts[wrong[0]]} times: {wrong[0]}")
        possible = self.wanted - reasons.keys()
        hit = {name for name in possible if counts[name]}
        return {
            "shares": [len(hit), len(possible)],
            "excluded": dict(sorted(Counter(reasons.values()).items())),
            "missed": sorted(possible - hit),
        }


def _streams() -> frozenset[str]:
    """The names of a streaming top's crosses, as ``judge.cpp`` writes them."""
    numbers = range(6)
    flows = {f"sample {i}, result {o}, {n} windows at work" for i, o, n in product(STATES, STATES, numbers)}
    resets = {f"reset with {n} windows at work, {place} packets" for n, place in product(numbers, ("in", "between"))}
    return frozenset(flows | resets | {f"a window that is {a} after one that is {b}" for a, b in product(KINDS, KINDS)})


def read(paths: list[Path]) -> Counter[str]:
    """Counts by cross, of some runs together."""
    counts: Counter[str] = Counter()
    for path in paths:
        for line in path.read_text().splitlines():
            count, _, name = line.partition(" ")
            counts[name] += int(count)
    return counts


STREAMING = Crosses(_streams(), EXCLUDED)
