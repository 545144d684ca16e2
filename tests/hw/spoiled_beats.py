"""Wrong beats that a comparison of labelled beats must notice."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from sim.compare import Mismatch
from sw.beats.chain import Labelled


def must_be_noticed(check: Callable[[Labelled, Labelled], int], seen: Labelled, expected: Labelled) -> None:
    """One wrong bit in the middle of each field."""
    for field, name in (("position", "R peaks"), ("logits", "logits"), ("label", "labels")):
        changed = getattr(expected, field).copy()
        changed.reshape(-1)[len(changed) // 2] ^= 1
        with pytest.raises(Mismatch, match=name):
            check(seen, replace(expected, **{field: changed}))
