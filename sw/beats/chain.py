"""Raw samples of a lead to labelled beats, in exact integers: detector, words or images, network; the reference of
``hw/beat_top.py`` and ``hw/image_top.py``."""

from dataclasses import dataclass

import numpy as np

from sw.beats import annotations, images, score
from sw.data import beats
from sw.errors import PopbeatError
from sw.export import integer
from sw.export.array import integer as array_integer
from sw.export.array.bundle import IMAGE, GraphBundle
from sw.export.bundles import Bundle
from sw.export.integer import NO_CALL
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
    if isinstance(bundle, GraphBundle) and bundle.front == IMAGE:
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


def run(bundle: Bundle, signal: np.ndarray, params: QrsParams = PARAMS) -> Labelled:
    """Detect and classify the beats of a lead's raw samples ``int[n]``, from the state after reset on, to the last one
    (:func:`whole`)."""
    signal = whole(bundle, np.asarray(signal), params)
    position = detect(signal, params).position
    return Labelled(position, *label(bundle, signal, position))


def label(bundle: Bundle, signal: np.ndarray, position: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels ``int64[n]`` and logits ``int64[n, classes]`` of a signal's beats at ``position``."""
    if of_images(bundle):
        made = images.windows(signal, position)
        traces = [array_integer.run(bundle, made[i : i + CHUNK], keep=False) for i in range(0, len(made), CHUNK)]
    else:
        made = packets(signal, position)
        traces = [integer.run(bundle, made[i : i + CHUNK]) for i in range(0, len(made), CHUNK)]
    return (
        np.concatenate([np.zeros(0, np.int64), *[t.label for t in traces]]),
        np.concatenate([np.zeros((0, bundle.network.classes), np.int64), *[t.logits for t in traces]]),
    )
