"""Windows and tasks: a table of windows, what a task is, the parts of a split. What every task is made of stands here, so that
nothing here knows a particular one (:mod:`sw.data.tasks` has them by name)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sw.data.source import Source
from sw.errors import PopbeatError

# AAMI EC57 classes of the annotation symbols.
AAMI = {s: c for c, group in {"N": "NLRej", "S": "AaJS", "V": "VE", "F": "F", "Q": "/fQ"}.items() for s in group}


@dataclass(frozen=True)
class Windows:
    """A table of windows, one row each: ``record`` and ``lead`` ``str[n]``, ``start`` ``int64[n]``, ``label`` ``int64[n]``."""

    record: np.ndarray
    start: np.ndarray
    lead: np.ndarray
    label: np.ndarray

    def __len__(self) -> int:
        return len(self.start)

    def take(self, index: np.ndarray) -> "Windows":
        """The rows ``index``."""
        return Windows(self.record[index], self.start[index], self.lead[index], self.label[index])

    def positions(self) -> str:
        """Where the windows lie, as text: what stored folds are held against."""
        return "\n".join(f"{r},{s},{c}" for r, s, c in zip(self.record, self.start, self.lead, strict=True))


@dataclass(frozen=True)
class Task:
    """A name, its classes in the order of their numbers, a window's length in samples (RR words in front of them counted), the rule
    that finds the windows, and how many ``words`` stand in front. ``sets``: a window's label is the number whose bit k says whether
    class k is in its set of labels."""

    name: str
    classes: tuple[str, ...]
    length: int
    rule: Callable[[Source], list[tuple[str, int, str, int]]]
    words: int = 0
    sets: bool = False

    def named(self, label: int) -> str:
        """A label in words."""
        if not self.sets:
            return self.classes[label]
        return ", ".join(name for k, name in enumerate(self.classes) if label >> k & 1) or "no label"

    def windows(self, source: Source) -> Windows:
        """The task's windows in their fixed order."""
        record, start, lead, label = zip(*self.rule(source), strict=True)
        return Windows(np.array(record), np.array(start, dtype=np.int64), np.array(lead), np.array(label, dtype=np.int64))

    def samples(self, source: Source, windows: Windows) -> np.ndarray:
        """Raw ADC units, ``int16[n, length]``."""
        out = np.empty((len(windows), self.length), dtype=np.int16)
        for row, (record, start, lead) in enumerate(zip(windows.record, windows.start, windows.lead, strict=True)):
            cut = source.signal(str(record), str(lead))[start : start + self.length]
            if len(cut) != self.length:
                raise PopbeatError(f"record {source.path / str(record)} ends before sample {start + self.length}")
            out[row] = cut
        return out


@dataclass(frozen=True)
class Split:
    """Row numbers of a task's windows: ``train``, ``validation`` and ``test``, disjoint, together all of them."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
