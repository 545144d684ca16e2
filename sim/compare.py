"""The scoreboard: hardware against integer model, layer by layer, with equality and nothing else."""

import numpy as np

from sim.bulk import array, runner
from sw.export import integer, multibit_integer

Observed = runner.Observed | array.Observed
Trace = integer.Trace | multibit_integer.Trace


class Mismatch(AssertionError):
    """Two things that must be equal are not; the message names the first place."""


def equal(name: str, hardware: np.ndarray, model: np.ndarray) -> int:
    """Raise :class:`Mismatch` unless both arrays have the same shape and values; returns how many values were compared."""
    if hardware.shape != model.shape:
        raise Mismatch(f"{name}: hardware has shape {hardware.shape}, the model {model.shape}")
    wrong = np.argwhere(np.asarray(hardware, np.int64) != np.asarray(model, np.int64))
    if len(wrong):
        place = tuple(int(i) for i in wrong[0])
        raise Mismatch(
            f"{name}: {len(wrong)} of {hardware.size} values differ, first at {place}: "
            f"hardware {hardware[place]}, model {model[place]}"
        )
    return hardware.size


def layers(trace: Trace) -> list[tuple[str, np.ndarray]]:
    """Name and values of everything that is compared, in the order of the data's way."""
    if isinstance(trace, multibit_integer.Trace):
        hidden = [(f"layer {i + 1}", values) for i, values in enumerate(trace.layers)]
        return [("normalised", trace.normalised), *hidden, ("logits", trace.logits), ("label", trace.label)]
    blocks = [(f"block {i + 1}", columns) for i, columns in enumerate(trace.columns)]
    pooled = (f"block {len(trace.columns) + 1} (counts)", trace.pooled)
    bits = [("rhythm", trace.rhythm)] if trace.rhythm is not None else []
    return [("normalised", trace.normalised), *blocks, pooled, ("logits", trace.logits), ("label", trace.label), *bits]


def observed_layers(seen: Observed) -> list[np.ndarray]:
    """The same of the hardware, in the same order."""
    if isinstance(seen, array.Observed):
        return [seen.normalised, *seen.layers, seen.logits, seen.label]
    bits = [seen.rhythm] if seen.rhythm is not None else []
    return [seen.normalised, *seen.columns, seen.pooled, seen.logits, seen.label, *bits]


def check(seen: Observed, trace: Trace, first_number: int = 0) -> int:
    """Compare every layer, the flat windows' no-call flag and the running numbers; returns how many layers were compared."""
    names = layers(trace)
    for (name, model), hardware in zip(names, observed_layers(seen), strict=True):
        equal(name, hardware, model)
    equal("no call", seen.no_call, trace.flat.astype(np.int64))
    equal("window number", seen.number, (first_number + np.arange(len(trace.flat))) % (1 << 16))
    return len(names)
