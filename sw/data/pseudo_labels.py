"""Classes of rhythm-17 for any window of a record, by a rule on its reference annotations: labels for further training windows.

The published fragments were chosen by hand; the rule follows what they have in common. A window has the class of the rarest rhythm
that is annotated for a part of it, else that of its beats. Where beats or rhythms of several classes meet, or of none of the 17,
the rule is unsure and gives no class. ``tests/sw/data/test_pseudo_labels.py`` holds its agreement with the published labels.
"""

from dataclasses import dataclass

import numpy as np

from sw.data import rhythms, tasks
from sw.data.mitbih import LENGTH
from sw.data.source import Source
from sw.data.windows import Task
from sw.errors import PopbeatError

# Rhythms that name a class wherever they touch a window, the first of them before the others.
RARE = {"(VFL": "VFL", "(VT": "VT", "(IVR": "IVR", "(SVTA": "SVTA", "(PREX": "WPW", "(BII": "SDHB", "(P": "PR", "(AFL": "AFL"}
PREMATURE = {"V": "PVC", "A": "APB", "F": "Fusion"}  # among normal beats
NO_BEAT = frozenset('[]x|~+"')
SHARE = 0.5  # of a window, from which a rhythm of alternating beats, or atrial fibrillation, names it


@dataclass(frozen=True)
class Annotations:
    """A record's beats, ``sample`` and ``symbol``, and its rhythms: ``begin[i]`` to ``end[i]`` is ``rhythm[i]``."""

    sample: np.ndarray
    symbol: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    rhythm: list[str]


def annotations(source: Source, record: str) -> Annotations:
    """A record's annotations, beats apart from rhythms."""
    sample, symbol, note = source.annotations(record)
    notes = [str(n).rstrip("\x00") for n in note]
    changes = np.array([i for i, n in enumerate(notes) if n.startswith("(")], dtype=np.int64)
    beats = np.array([s not in NO_BEAT for s in symbol])
    begin = sample[changes]
    return Annotations(sample[beats], symbol[beats], begin, np.append(begin[1:], LENGTH), [notes[i] for i in changes])


def label(marks: Annotations, start: int, length: int) -> str | None:
    """Class of the window of ``length`` samples from ``start``, or None where the rule is unsure."""
    covered = np.minimum(marks.end, start + length) - np.maximum(marks.begin, start)
    share: dict[str, float] = {}
    for name, samples in zip(marks.rhythm, covered, strict=True):
        if samples > 0:
            share[name] = share.get(name, 0) + samples / length
    beats = set(marks.symbol[(marks.sample >= start) & (marks.sample < start + length)].tolist())
    for name, kind in RARE.items():
        if name in share:
            return kind
    for name, kind in (("(B", "Bigeminy"), ("(T", "Trigeminy")):
        if name in share:
            return kind if share[name] >= SHARE and beats <= {"N", "V"} else None
    if "(AFIB" in share:
        return "AFIB" if share["(AFIB"] >= SHARE and beats == {"N"} else None
    if set(share) != {"(N"}:
        return None
    if beats == {"L"}:
        return "LBBBB"
    if beats == {"R"}:
        return "RBBBB"
    if not beats <= {"N", "V", "A", "F"} or "N" not in beats:
        return None
    kinds = beats - {"N"}
    return "NSR" if not kinds else PREMATURE[kinds.pop()] if len(kinds) == 1 else None


def of_record(task: Task, source: Source, record: str, starts: list[int]) -> list[int | None]:
    """Number of the class of each window of a record, None where the rule is unsure. The rule of window-5 is the published one,
    which labels every window."""
    if task.name == "rhythm-17":
        marks = annotations(source, record)
        names = [label(marks, start, task.length) for start in starts]
        return [None if name is None else task.classes.index(name) for name in names]
    if task.name == "window-5":
        sample, symbol, _ = source.annotations(record)
        inside = [symbol[(sample >= start) & (sample <= start + task.length)].tolist() for start in starts]
        return [task.classes.index(rhythms.window5_class(symbols)) for symbols in inside]
    raise PopbeatError(f"there is no rule that labels further windows of the task {task.name}")


def of_windows(task: Task, source: Source, windows: tasks.Windows) -> np.ndarray:
    """Number of the class that the rule gives each of the task's own windows, ``int64[n]``, -1 where it is unsure."""
    out = np.empty(len(windows), dtype=np.int64)
    for record in np.unique(windows.record):
        rows = np.flatnonzero(windows.record == record)
        given = of_record(task, source, str(record), windows.start[rows].tolist())
        out[rows] = [-1 if number is None else number for number in given]
    return out
