"""The task beat-5-image: every annotated beat, 256 samples round its R peak, as the GASF network's front end takes them."""

from dataclasses import dataclass, replace

import numpy as np

from sw.beats import images
from sw.data import beats
from sw.data.source import Source
from sw.data.windows import Task, Windows
from sw.export.front import image


@dataclass(frozen=True)
class BeatImageTask(Task):
    """A task whose windows may reach beyond a record's ends."""

    def samples(self, source: Source, windows: Windows) -> np.ndarray:
        """Raw samples ``int16[n, 256]``; beyond a record's ends its first or last sample stands."""
        out = np.empty((len(windows), self.length), np.int16)
        for record in np.unique(windows.record):
            own = windows.record == record
            signal = source.signal(str(record), str(windows.lead[own][0]))
            out[own] = images.windows(signal, windows.start[own] + images.BEFORE)
        return out


def from_beats(windows: Windows) -> Windows:
    """The windows of beat-5 (:mod:`sw.data.beats`) as those of this task: the same beats in the same order."""
    return replace(windows, start=windows.start + beats.BEFORE - images.BEFORE)


def rule(source: Source) -> list[tuple[str, int, str, int]]:
    """Every annotated beat of the 48 records, in their order."""
    return [(record, start + beats.BEFORE - images.BEFORE, lead, label) for record, start, lead, label in beats.rule(source)]


BEAT5_IMAGE = BeatImageTask("beat-5-image", beats.CLASSES, image.SAMPLES, rule)
