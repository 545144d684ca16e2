"""Raw samples of a lead to the images of its beats, in exact integers: detector, windows, images; the reference of
``hw/images/front.py``."""

from dataclasses import dataclass

import numpy as np

from sw.export.front import image
from sw.qrs.detector import PARAMS, detect
from sw.qrs.params import QrsParams

BEFORE = 128  # samples of a beat's window before its R peak


@dataclass(frozen=True)
class Beats:
    """Beats in their order: ``position`` of the R peak in samples, ``int64[n]``, and their images' ``trace``."""

    position: np.ndarray
    trace: image.Trace


def windows(signal: np.ndarray, position: np.ndarray) -> np.ndarray:
    """The 256 raw samples round each R peak at ``position`` (``int[n]``, sample numbers) of a signal ``int[m]``, the first one 128
    before it: ``int16[n, 256]``. Beyond the ends of the signal its first or last sample stands."""
    places = np.asarray(position, dtype=np.int64)[:, None] - BEFORE + np.arange(image.SAMPLES)
    return np.asarray(signal)[np.clip(places, 0, len(signal) - 1)].astype(np.int16)


def flushed(signal: np.ndarray, params: QrsParams = PARAMS) -> np.ndarray:
    """A recording ``int[n]`` and so many more samples like its last one that every beat of it has left the hardware."""
    return np.concatenate([signal, np.full(params.max_delay + image.SAMPLES, signal[-1], signal.dtype)])


def run(signal: np.ndarray, params: QrsParams = PARAMS) -> Beats:
    """Detect the beats of a lead's raw samples ``int[n]``, from the state after reset on, and make their images. ``signal`` is
    taken as it is: a beat whose window goes beyond its end is there, with the last sample in its place (:func:`flushed`)."""
    position = detect(np.asarray(signal), params).position
    return Beats(position, image.images(windows(signal, position)))
