"""Bundles of either kind."""

from pathlib import Path

import numpy as np

from sw import files
from sw.data import tasks
from sw.export import bundle
from sw.export.array import bundle as array
from sw.export.array import packing
from sw.export.array.bundle import GraphBundle

Bundle = bundle.Bundle | GraphBundle
LOGIT_UNIT = 64  # logits of sets are integers in units of 1/64


def read(folder: Path | str) -> Bundle:
    """Read and check a bundle of either kind; every fault is a :class:`PopbeatError` naming the file and the value."""
    path = Path(folder) / "bundle.json"
    stored = files.read_json(path, "bundle") if path.is_file() else {}
    network = stored.get("network") if isinstance(stored, dict) else None
    kind = network.get("kind") if isinstance(network, dict) else None
    return array.read(folder) if kind == array.KIND else bundle.read(folder)


def write(packed: Bundle, folder: Path, golden: bytes | None = None) -> Path:
    """Write a bundle of either kind."""
    return (array if isinstance(packed, GraphBundle) else bundle).write(packed, folder, golden)


def stored_bytes(packed: Bundle) -> int:
    """Every stored bit of the network, in bytes."""
    return len((packing if isinstance(packed, GraphBundle) else bundle).pack(packed))


def with_sets(packed: Bundle) -> bool:
    """Whether a network answers with a set of labels."""
    return isinstance(packed, GraphBundle) and packed.answer == array.SET


def of_images(packed: Bundle) -> bool:
    """Whether a network takes images of beats."""
    return isinstance(packed, GraphBundle) and packed.front == array.IMAGE


def task(packed: Bundle) -> tasks.Task:
    """The task of a network, which must fit it."""
    spec = packed.normaliser
    return tasks.for_network(packed.task, spec.window, spec.raw_bits, packed.classes, packed.network.words, sets=with_sets(packed))


def told(packed: Bundle, label: int, logits: np.ndarray) -> str:
    """A result in words, from its ``label`` and its ``logits`` ``int[classes]``: a class, a set of labels, or that there is no
    call."""
    if label >= len(packed.classes):
        return "no call"
    if not with_sets(packed):
        return packed.classes[label]
    return ", ".join(name for name, logit in zip(packed.classes, logits, strict=True) if logit >= 0) or "no label"


def scores(packed: Bundle, logits: np.ndarray) -> list[dict]:
    """The labels in the set that ``logits`` ``int[classes]`` say, the surest first: ``score``, the network's probability, and
    ``margin``, how far the logit is above 0. Thresholds became part of the biases; the score takes them away again. None where the
    network answers with one class."""
    if not with_sets(packed):
        return []
    thresholds = packed.training.get("thresholds", [0.0] * len(packed.classes))
    found = [
        {"label": name, "score": round(float(1 / (1 + np.exp(-(logit / LOGIT_UNIT + moved)))), 3), "margin": int(logit)}
        for name, logit, moved in zip(packed.classes, logits.tolist(), thresholds, strict=True)
        if logit >= 0
    ]
    return sorted(found, key=lambda of: -of["margin"])
