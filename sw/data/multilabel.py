"""The task multilabel-17: windows of ten seconds, each with the set of what an annotation or a rhythm says of it.

A label is there where one of its beats or marks lies in the window, or where one stretch of one of its rhythms covers at least
:data:`LEAST` samples of it. The rules need no grid: a window may begin anywhere, and training makes use of that.
"""

import numpy as np

from sw.data.beats import DS1, DS2
from sw.data.mitbih import LENGTH, RECORDS, WINDOW, WINDOWS_A_RECORD
from sw.data.source import Source
from sw.data.windows import Split, Task, Windows

LEAST = 360  # samples of a window that a rhythm covers at least
# Each label with its symbols of beats and marks and its rhythms.
RULES: dict[str, tuple[str, tuple[str, ...]]] = {
    "NSR": ("", ("N",)),
    "SBR": ("", ("SBR",)),
    "AFIB": ("", ("AFIB",)),
    "AFL": ("", ("AFL",)),
    "SVTA": ("", ("AB", "SVTA")),
    "NOD": ("Jj", ("NOD",)),
    "PREX": ("", ("PREX",)),
    "BII": ("", ("BII",)),
    "PACED": ("/f", ("P",)),
    "LBBB": ("L", ()),
    "RBBB": ("R", ()),
    "PAC": ("ASa", ()),
    "PVC": ("V", ()),
    "FUSION": ("F", ()),
    "BIGEMINY": ("", ("B",)),
    "TRIGEMINY": ("", ("T",)),
    "VT/VFL/IVR": ("!E[]", ("IVR", "VFL", "VT")),
}
LABELS = tuple(RULES)
# By time: windows 0 to 121 of a record are trained on, 123 to 142 choose, 144 to 179 are tested. Those between are neighbours of
# two sets and in none.
TRAIN, VALIDATION, TEST = range(122), range(123, 143), range(144, WINDOWS_A_RECORD)


def lead(source: Source, record: str) -> str:
    """MLII, in the two records without it the first lead."""
    leads = source.leads(record)
    return "MLII" if "MLII" in leads else leads[0]


def labels_at(source: Source, record: str, starts: np.ndarray, length: int = WINDOW) -> np.ndarray:
    """Which labels the windows of ``length`` samples from ``starts`` on have: ``bool[n, 17]``."""
    sample, symbol, note = source.annotations(record)
    starts = np.asarray(starts, dtype=np.int64)
    changes = np.flatnonzero((symbol == "+") & (np.char.str_len(note.astype(str)) > 1))
    begins = sample[changes]
    ends = np.append(begins[1:], LENGTH)
    names = np.array([note[i].lstrip("(") for i in changes])
    out = np.zeros((len(starts), len(LABELS)), dtype=bool)
    for k, (symbols, rhythms) in enumerate(RULES.values()):
        marks = np.sort(sample[np.isin(symbol, list(symbols))])
        if symbols:
            out[:, k] |= np.searchsorted(marks, starts) < np.searchsorted(marks, starts + length)
        for name in rhythms:
            for begin, end in zip(begins[names == name], ends[names == name], strict=True):
                out[:, k] |= np.minimum(end, starts + length) - np.maximum(begin, starts) >= LEAST
    return out


def as_sets(label: np.ndarray) -> np.ndarray:
    """Sets of labels from their numbers ``int64[n]``, whose bit k is label k: ``bool[n, 17]``."""
    return (label[:, None] >> np.arange(len(LABELS))) & 1 == 1


def as_numbers(sets: np.ndarray) -> np.ndarray:
    """The inverse of :func:`as_sets`."""
    return sets.astype(np.int64) @ (1 << np.arange(len(LABELS), dtype=np.int64))


def rule(source: Source) -> list[tuple[str, int, str, int]]:
    """180 windows one after the other of each of the 48 records; the label's bits are the set."""
    rows, starts = [], np.arange(WINDOWS_A_RECORD) * WINDOW
    for record in RECORDS:
        name, numbers = lead(source, record), as_numbers(labels_at(source, record, starts))
        rows += [(record, int(s), name, int(k)) for s, k in zip(starts, numbers, strict=True)]
    return rows


def by_time(windows: Windows) -> Split:
    """Early windows of every record for training, later ones to choose by, the last fifth for the test; none is a neighbour of
    another set's."""
    number = windows.start // WINDOW
    return Split(*(np.flatnonzero(np.isin(number, part)) for part in (TRAIN, VALIDATION, TEST)))


def inter_patient(windows: Windows) -> Split:
    """DS1 for training, DS2 for the test; which patients of DS1 are held out to choose by is the training's matter."""
    train, test = (np.flatnonzero(np.isin(windows.record, records)) for records in (DS1, DS2))
    return Split(train, train[:0], test)


def scored(windows: Windows, split: Split) -> np.ndarray:
    """Numbers of the labels that both sides of a split have, which alone can be learnt and found: ``int64[n]``."""
    sets = as_sets(windows.label)
    return np.flatnonzero(sets[split.train].any(axis=0) & sets[split.test].any(axis=0))


MULTILABEL17 = Task("multilabel-17", LABELS, WINDOW, rule, sets=True)
