"""The scoreboard: hardware against integer model, layer by layer, with equality and nothing else."""

import numpy as np

from sim.bulk import array, runner
from sw.export.array import integer as array_integer
from sw.export.binary import integer

Observed = runner.Observed | array.Observed
Trace = integer.Trace | array_integer.Trace


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
    if isinstance(trace, array_integer.Trace):
        made = trace.front if trace.input.shape[1] == 1 else trace.input.reshape(len(trace.input), -1)  # an image, row by row
        return [("normalised", made), *trace.nodes.items(), ("logits", trace.logits), ("label", trace.label)]
    blocks = [(f"block {i + 1}", columns) for i, columns in enumerate(trace.columns)]
    pooled = (f"block {len(trace.columns) + 1} (counts)", trace.pooled)
    bits = [("rhythm", trace.rhythm)] if trace.rhythm is not None else []
    return [("normalised", trace.normalised), *blocks, pooled, ("logits", trace.logits), ("label", trace.label), *bits]


def observed_layers(seen: Observed, names: list[str]) -> list[np.ndarray | None]:
    """The same of the hardware, in the order of ``names``; None for a node whose output its program never writes."""
    if isinstance(seen, array.Observed):
        odd = sorted((seen.nodes.keys() | seen.hidden) - set(names)) + sorted(seen.nodes.keys() & seen.hidden)
        if odd:
            raise Mismatch(f"{odd[0]}: the hardware has it, and the model does not, or says of it both")
        found = seen.nodes | dict.fromkeys(seen.hidden)
        found |= {"normalised": seen.normalised, "logits": seen.logits, "label": seen.label}
        missing = [name for name in names if name not in found]
        if missing:
            raise Mismatch(f"{missing[0]}: the model has it, and the hardware says nothing of it")
        return [found[name] for name in names]
    bits = [seen.rhythm] if seen.rhythm is not None else []
    return [seen.normalised, *seen.columns, seen.pooled, seen.logits, seen.label, *bits]


def check(seen: Observed, trace: Trace, first_number: int = 0) -> int:
    """Compare every layer, the flat windows' no-call flag and the running numbers; returns how many layers were compared."""
    expected, compared = layers(trace), 0
    for (name, model), hardware in zip(expected, observed_layers(seen, [name for name, _ in expected]), strict=True):
        if hardware is not None:
            equal(name, hardware, model)
            compared += 1
    equal("no call", seen.no_call, trace.flat.astype(np.int64))
    equal("window number", seen.number, (first_number + np.arange(len(trace.flat))) % (1 << 16))
    return compared
