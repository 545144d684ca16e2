"""Canaries: one wrong bit, and the comparison must fail. Each first makes sure that the bit matters."""

from dataclasses import dataclass, replace

import numpy as np

from sim import compare
from sim.bulk.runner import Observed
from sw.export import integer
from sw.export.bundle import Bundle
from sw.export.integer import Trace


class CanaryMissed(AssertionError):
    """A comparison let a wrong bit pass."""


@dataclass(frozen=True)
class Flip:
    """One changed number: what it is, the changed bundle and the trace it leads to."""

    what: str
    bundle: Bundle
    trace: Trace


def _differs(a: Trace, b: Trace) -> list[str]:
    """Layers whose output differs."""
    pairs = zip(compare.layers(a), compare.layers(b), strict=True)
    return [name for (name, x), (_, y) in pairs if not np.array_equal(x, y)]


def _search(bundle: Bundle, samples: np.ndarray, trace: Trace, block: int, change) -> Flip:
    """Try one number after the other (in a seeded order) until the output of ``block`` really changes."""
    rng = np.random.default_rng(block)
    for _ in range(200):
        what, changed = change(rng)
        flipped = integer.run(changed, samples)
        if compare.layers(trace)[1 + block][0] in _differs(trace, flipped):
            return Flip(what, changed, flipped)
    raise CanaryMissed(f"no single change in block {block + 1} of {bundle.model} changes its output on {len(samples)} windows")


def flip_weight(bundle: Bundle, samples: np.ndarray, trace: Trace, block: int) -> Flip:
    """Change the sign of one weight of a block."""

    def change(rng):
        weights = list(bundle.weights)
        weights[block] = weights[block].copy()
        place = tuple(int(rng.integers(n)) for n in weights[block].shape)
        weights[block][place] *= -1
        return f"weight {place} of block {block + 1}", replace(bundle, weights=tuple(weights))

    return _search(bundle, samples, trace, block, change)


def flip_threshold(bundle: Bundle, samples: np.ndarray, trace: Trace, block: int) -> Flip:
    """Move one threshold of a block: by one, in block 1 (whose sums have a fraction) by 1.0."""
    step = bundle.pad_value if block == 0 else 1

    def change(rng):
        thresholds = list(bundle.thresholds)
        thresholds[block] = thresholds[block].copy()
        place, high = int(rng.integers(len(thresholds[block]))), bundle.threshold_range(block)[1]
        thresholds[block][place] += step if thresholds[block][place] + step <= high else -step
        return f"threshold {place} of block {block + 1}", replace(bundle, thresholds=tuple(thresholds))

    return _search(bundle, samples, trace, block, change)


def flip_logit(trace: Trace) -> Trace:
    """Add one to one golden logit."""
    logits = trace.logits.copy()
    logits[-1, -1] += 1
    return replace(trace, logits=logits)


def golden_must_differ(bundle: Bundle, parameters: dict[str, np.ndarray], samples: np.ndarray) -> str:
    """A golden model with one flipped weight that matters must have other logits than the integer model; returns which."""
    from sw.export import fold

    trace = integer.run(bundle, samples)
    rng = np.random.default_rng(1)
    for _ in range(50):
        changed = {name: value.copy() for name, value in parameters.items()}
        weight = changed["blocks.1.weight"]
        place = tuple(int(rng.integers(n)) for n in weight.shape)
        weight[place] *= -1
        try:
            compare.equal("golden logits", fold.golden_logits(fold.golden(bundle.network, changed), bundle, samples), trace.logits)
        except compare.Mismatch:
            return f"golden weight {place} of block 2"
    raise CanaryMissed(f"no flipped weight of 50 in the golden model of {bundle.model} changed a logit")


def must_differ(seen: Observed, trace: Trace, what: str) -> str:
    """The comparison has to fail; returns what it said."""
    try:
        compare.check(seen, trace)
    except compare.Mismatch as error:
        return str(error)
    raise CanaryMissed(f"the comparison did not notice a changed {what}")
