"""Raw samples of a lead to labelled beats, in exact integers: detector, words or images, network; the reference of
``hw/beats/top.py`` and ``hw/images/top.py``."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sw.beats import annotations, images, score
from sw.data import beats
from sw.errors import PopbeatError
from sw.export import bundles
from sw.export.array import integer as array_integer
from sw.export.binary import integer
from sw.export.binary.integer import NO_CALL
from sw.export.bundles import Bundle
from sw.qrs.detector import PARAMS, detect
from sw.qrs.params import QrsParams

CHUNK = 256


@dataclass(frozen=True)
class Labelled:
    """Beats in their order: ``position`` of the R peak in samples, ``label`` (index into the bundle's classes, 255 no call), both
    ``int64[n]``, and ``logits`` ``int64[n, classes]``."""

    position: np.ndarray
    label: np.ndarray
    logits: np.ndarray

    def symbols(self, classes: tuple[str, ...]) -> np.ndarray:
        """Annotation symbols of the beats, whose labels are indices into ``classes``; one without a call is Q."""
        named = np.array([annotations.SYMBOLS[score.CLASSES.index(name)] for name in classes])
        return np.where(self.label == NO_CALL, "Q", named[np.where(self.label == NO_CALL, 0, self.label)])


def of_images(bundle: Bundle) -> bool:
    """Whether a network gets images of beats, else words and samples; one that gets no beats is a :class:`PopbeatError`."""
    if bundles.of_images(bundle):
        return True
    if bundle.network.words != len(beats.WORDS):
        raise PopbeatError(f"{bundle.model} does not classify beats; take a network that does: MODEL=bnnbeat5 or gasf5")
    return False


def flushed(signal: np.ndarray, params: QrsParams = PARAMS) -> np.ndarray:
    """A recording ``int[n]`` and so many more samples like its last one that every beat of it has left the hardware."""
    wait = beats.PATIENCE + params.max_delay + beats.WINDOW
    return np.concatenate([signal, np.full(wait, signal[-1], signal.dtype)])


def whole(bundle: Bundle, signal: np.ndarray, params: QrsParams = PARAMS) -> np.ndarray:
    """:func:`flushed` for the top of a network."""
    return (images.flushed if of_images(bundle) else flushed)(signal, params)


def packets(signal: np.ndarray, position: np.ndarray) -> np.ndarray:
    """What the network gets of the beats at ``position``: words, then samples, ``int16[n, words + window]``. Beyond the ends of the
    signal its first or last sample stands."""
    places = position[:, None] - beats.BEFORE + np.arange(beats.WINDOW)
    samples = signal[np.clip(places, 0, len(signal) - 1)].astype(np.int16)
    return np.concatenate([beats.rr_words(position), beats.shape_words(signal, position), samples], axis=1)


def untold(done: int, count: int) -> None:
    """Nobody wants to know how many of so many beats are done."""


def run(bundle: Bundle, signal: np.ndarray, params: QrsParams = PARAMS, told: Callable[[int, int], None] = untold) -> Labelled:
    """Detect and classify the beats of a lead's raw samples ``int[n]``, from the state after reset on, to the last one
    (:func:`whole`). ``told`` hears now and then how many beats are done, and of how many."""
    signal = whole(bundle, np.asarray(signal), params)
    position = detect(signal, params).position
    return Labelled(position, *label(bundle, signal, position, told))


def label(
    bundle: Bundle, signal: np.ndarray, position: np.ndarray, told: Callable[[int, int], None] = untold
) -> tuple[np.ndarray, np.ndarray]:
    """Labels ``int64[n]`` and logits ``int64[n, classes]`` of a signal's beats at ``position``."""
    made = images.windows(signal, position) if of_images(bundle) else packets(signal, position)
    labels, logits = [np.zeros(0, np.int64)], [np.zeros((0, bundle.network.classes), np.int64)]
    for first in range(0, len(made), CHUNK):
        part = made[first : first + CHUNK]
        trace = array_integer.run(bundle, part, keep=False) if of_images(bundle) else integer.run(bundle, part)
        labels.append(trace.label)
        logits.append(trace.logits)
        told(first + len(part), len(made))
    return np.concatenate(labels), np.concatenate(logits)
