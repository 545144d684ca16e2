"""The integer model of a network for the array: raw ADC samples to logits and answer, in exact integers."""

from dataclasses import dataclass

import numpy as np

from sw.export.array.bundle import IMAGE, SET, GraphBundle
from sw.export.binary.integer import NO_CALL
from sw.export.front import image
from sw.export.rounding import saturate, shift_round

INPUT_BITS = 8
CHUNK = 32  # windows that are worked on together


@dataclass(frozen=True)
class Trace:
    """Every node's output for n windows.

    ``front`` what the front makes: ``int16[n, window]`` in Q3.8, or an image's points ``int16[n, 64]``; ``flat`` ``bool[n]``;
    ``input`` ``int8[n, height, width]``; ``nodes`` by name what each wrote, ``int16[n, channels, height, width]``; ``logits``
    ``int64[n, classes]`` (they fit into int16); ``label`` ``int64[n]``: the class of the largest logit, ``NO_CALL`` where flat;
    ``labels`` ``bool[n, classes]``: the set of labels (an empty one where flat), in networks that answer with one the label alone.
    """

    front: np.ndarray
    flat: np.ndarray
    input: np.ndarray
    nodes: dict[str, np.ndarray]
    logits: np.ndarray
    label: np.ndarray
    labels: np.ndarray


def inputs(bundle: GraphBundle, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the front makes of raw windows ``int[n, window]``: (``front``, ``flat``, ``input``) as in :class:`Trace`."""
    if bundle.front == IMAGE:
        made = image.images(samples)
        return made.points, made.flat, made.image
    normalised, flat = bundle.normaliser.normalise(samples)
    quantised = saturate(shift_round(normalised, bundle.input_shift), INPUT_BITS).astype(np.int8)
    return normalised, flat, quantised[:, None]


def run(bundle: GraphBundle, samples: np.ndarray, keep: bool = True) -> Trace:
    """The network on raw windows ``int[n, window]``; without ``keep`` the nodes' outputs are left out."""
    parts = [_run(bundle, samples[i : i + CHUNK], keep) for i in range(0, len(samples), CHUNK)]
    nodes = {name: np.concatenate([p.nodes[name] for p in parts]) for name in parts[0].nodes}
    names = ("front", "flat", "input", "logits", "label", "labels")
    return Trace(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in names}, nodes=nodes)


def _run(bundle: GraphBundle, samples: np.ndarray, keep: bool) -> Trace:
    front, flat, made = inputs(bundle, samples)
    outputs, logits = bundle.graph.outputs(made.reshape(len(samples), -1), keep)
    label = np.where(flat, NO_CALL, logits.argmax(axis=1))
    chosen = logits >= 0 if bundle.answer == SET else np.arange(logits.shape[1]) == label[:, None]
    return Trace(front, flat, made, outputs, logits, label, chosen & ~flat[:, None])
