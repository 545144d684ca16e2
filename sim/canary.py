"""Canaries: one wrong bit, and the comparison must fail. Each first makes sure that the bit matters."""

from dataclasses import dataclass, replace

import numpy as np

from sim import compare, engines
from sim.compare import Observed, Trace
from sw.export.array.bundle import GraphBundle
from sw.export.array.graph import Multibit
from sw.export.bundles import Bundle
from sw.networks import BIAS_BITS, MULTIPLE_BITS


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


def blocks(bundle: Bundle) -> int:
    """How many blocks, or convolutions of a graph, have weights that can be changed."""
    return len(bundle.convolutions if isinstance(bundle, GraphBundle) else bundle.network.blocks)


def _output(bundle: Bundle, trace: Trace, block: int) -> str:
    """What a block, or convolution of a graph, puts out, as :func:`sim.compare.layers` calls it."""
    if not isinstance(bundle, GraphBundle):
        return compare.layers(trace)[1 + block][0]
    node = bundle.convolutions[block]
    return "logits" if node.target is None else node.name


def _search(bundle: Bundle, samples: np.ndarray, trace: Trace, block: int, change) -> Flip:
    """Try one number after the other (in a seeded order) until the output of ``block`` really changes."""
    rng, name = np.random.default_rng(block), _output(bundle, trace, block)
    for _ in range(200):
        what, changed = change(rng)
        flipped = engines.trace(changed, samples)
        if name in _differs(trace, flipped):
            return Flip(what, changed, flipped)
    raise CanaryMissed(f"no single change in {name} of {bundle.model} changes its output on {len(samples)} windows")


def _with(bundle: GraphBundle, node: Multibit, **changes) -> GraphBundle:
    """A graph's bundle with other integers in one node."""
    nodes = tuple(replace(n, **changes) if n is node else n for n in bundle.graph.nodes)
    return replace(bundle, graph=replace(bundle.graph, nodes=nodes))


def flip_weight(bundle: Bundle, samples: np.ndarray, trace: Trace, block: int) -> Flip:
    """Change the sign of one weight of a block, or of one base of a convolution."""

    def change(rng):
        if isinstance(bundle, GraphBundle):
            node = bundle.convolutions[block]
            basis = node.basis.copy()
            place = tuple(int(rng.integers(n)) for n in basis.shape)
            basis[place] *= -1
            return f"base {place} of {node.name}", _with(bundle, node, basis=basis)
        weights = list(bundle.weights)
        weights[block] = weights[block].copy()
        place = tuple(int(rng.integers(n)) for n in weights[block].shape)
        weights[block][place] *= -1
        return f"weight {place} of block {block + 1}", replace(bundle, weights=tuple(weights))

    return _search(bundle, samples, trace, block, change)


def flip_threshold(bundle: Bundle, samples: np.ndarray, trace: Trace, block: int) -> Flip:
    """Move one threshold of a block: by one, in block 1 (whose sums have a fraction) by 1.0; or one bias of a convolution, by a
    quarter of its range."""

    def change(rng):
        if isinstance(bundle, GraphBundle):
            node, limit = bundle.convolutions[block], 1 << (BIAS_BITS - 1)
            bias = node.bias.copy()
            place = int(rng.integers(len(bias)))
            bias[place] += limit // 2 if bias[place] < 0 else -limit // 2
            return f"bias {place} of {node.name}", _with(bundle, node, bias=bias)
        step = bundle.pad_value if block == 0 else 1
        thresholds = list(bundle.thresholds)
        thresholds[block] = thresholds[block].copy()
        place, high = int(rng.integers(len(thresholds[block]))), bundle.threshold_range(block)[1]
        thresholds[block][place] += step if thresholds[block][place] + step <= high else -step
        return f"threshold {place} of block {block + 1}", replace(bundle, thresholds=tuple(thresholds))

    return _search(bundle, samples, trace, block, change)


def flip_comparison(bundle: Bundle, samples: np.ndarray, trace: Trace) -> Flip:
    """Change the multiple of one rhythm comparison; the trace differs in the rhythm bits alone."""
    network = bundle.network
    rng = np.random.default_rng(1)
    for _ in range(200):
        comparisons = list(network.rhythm.comparisons)
        place = int(rng.integers(len(comparisons)))
        over, under, multiple = comparisons[place]
        comparisons[place] = over, under, multiple ^ 1 << int(rng.integers(MULTIPLE_BITS)) or 1
        changed = replace(bundle, network=replace(network, rhythm=replace(network.rhythm, comparisons=tuple(comparisons))))
        flipped = engines.trace(changed, samples)
        if "rhythm" in _differs(trace, flipped):
            return Flip(f"multiple of comparison {place}", changed, replace(trace, rhythm=flipped.rhythm))
    raise CanaryMissed(f"no comparison of {bundle.model} changes its bit on {len(samples)} windows")


def flip_hidden(bundle: Bundle, samples: np.ndarray, trace: Trace) -> Flip:
    """Flip one weight of a hidden bit; the trace differs in the rhythm bits alone."""
    rng = np.random.default_rng(1)
    for _ in range(200):
        hidden = bundle.head.hidden.copy()
        place = tuple(int(rng.integers(n)) for n in hidden.shape)
        hidden[place] *= -1
        changed = replace(bundle, head=replace(bundle.head, hidden=hidden))
        flipped = engines.trace(changed, samples)
        if "rhythm" in _differs(trace, flipped):
            return Flip(f"weight {place} of the hidden bits", changed, replace(trace, rhythm=flipped.rhythm))
    raise CanaryMissed(f"no weight of a hidden bit of {bundle.model} changes it on {len(samples)} windows")


def flip_logit(trace: Trace) -> Trace:
    """Add one to one golden logit."""
    logits = trace.logits.copy()
    logits[-1, -1] += 1
    return replace(trace, logits=logits)


def golden_must_differ(bundle: Bundle, parameters: dict[str, np.ndarray], samples: np.ndarray) -> str:
    """A golden model with one flipped weight that matters must have other logits than the integer model; returns which."""
    logits = engines.trace(bundle, samples).logits
    name = f"convolution{min(2, blocks(bundle))}.bases" if isinstance(bundle, GraphBundle) else "blocks.1.weight"
    rng = np.random.default_rng(1)
    for _ in range(50):
        changed = {key: value.copy() for key, value in parameters.items()}
        place = tuple(int(rng.integers(n)) for n in changed[name].shape)
        if isinstance(bundle, GraphBundle):  # eight signs a byte
            changed[name][place] ^= 1 << int(rng.integers(8))
        else:
            changed[name][place] *= -1
        try:
            net = engines.golden(bundle, changed)
            compare.equal("golden logits", engines.golden_logits(bundle, net, samples), logits)
        except compare.Mismatch:
            return f"golden {name} {place}"
    raise CanaryMissed(f"no flipped weight of 50 in the golden model of {bundle.model} changed a logit")


def must_differ(seen: Observed, trace: Trace, what: str) -> str:
    """The comparison has to fail; returns what it said."""
    try:
        compare.check(seen, trace)
    except compare.Mismatch as error:
        return str(error)
    raise CanaryMissed(f"the comparison did not notice a changed {what}")
