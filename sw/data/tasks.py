"""The tasks: which windows of which records, and what each of them is called.

A task is a rule from a source to a table of windows; the samples are cut from the records themselves.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sw.data import fragments
from sw.data.mitbih import RATE, RAW_BITS, RECORDS, WINDOW, WINDOWS_A_RECORD
from sw.data.source import Source
from sw.errors import PopbeatError

# AAMI EC57 classes of the annotation symbols.
AAMI = {s: c for c, group in {"N": "NLRej", "S": "AaJS", "V": "VE", "F": "F", "Q": "/fQ"}.items() for s in group}
NO_BEAT = frozenset('[]!x|~+"')


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


def rhythm17(source: Source) -> list[tuple[str, int, str, int]]:
    """Plawiak's fragments; of those that occur twice (11 positions), one, on MLII where there is a choice."""
    chosen: dict[tuple[str, int], fragments.Fragment] = {}
    for row in fragments.rows():
        place = row.record, row.start
        if place not in chosen or (row.lead == "MLII" and chosen[place].lead != "MLII"):
            chosen[place] = row
    return [(r.record, r.start, r.lead, r.number) for r in chosen.values()]


def window5(source: Source) -> list[tuple[str, int, str, int]]:
    """180 consecutive windows of each record whose first lead is MLII, without the paced ones, by the published rule."""
    rows = []
    for record in RECORDS:
        if record in ("107", "217") or source.leads(record)[0] != "MLII":
            continue
        sample, symbol, _ = source.annotations(record)
        for start in range(0, WINDOWS_A_RECORD * WINDOW, WINDOW):
            inside = symbol[(sample >= start) & (sample <= start + WINDOW)].tolist()
            rows.append((record, start, "MLII", "NSVFQ".index(window5_class(inside))))
    return rows


def window5_class(symbols: list[str]) -> str:
    """The published rule: a window's class from the annotation symbols in it, in their order."""
    if not symbols:
        return "Q"
    others = [s for s in symbols if s != "N" and s not in NO_BEAT]
    if not others:
        return "N" if "N" in symbols else "Q"
    count = Counter(others)
    most = max(count.values())
    # Ties go to the symbol that was first seen last; Counter keeps the order of first sight.
    symbol = [s for s, n in count.items() if n == most][-1]
    if symbol not in AAMI:
        raise PopbeatError(f"annotation symbol {symbol!r} belongs to no AAMI class; known are {''.join(sorted(AAMI))}")
    return AAMI[symbol]


RHYTHM17_CLASSES = tuple(dict.fromkeys(r.label for r in sorted(fragments.rows(), key=lambda r: r.number)))
TASKS = {
    task.name: task
    for task in (
        Task("rhythm-17", RHYTHM17_CLASSES, WINDOW, rhythm17),
        Task("window-5", ("N", "S", "V", "F", "Q"), WINDOW, window5),
    )
}


def names() -> list[str]:
    """Names of all tasks, those of the beats and of sets of labels among them."""
    return [*TASKS, *_others()]


def _others() -> dict[str, Task]:
    from sw.data import beat_images, beats, multilabel  # which are made of what stands here

    return {task.name: task for task in (beats.BEAT5, beat_images.BEAT5_IMAGE, multilabel.MULTILABEL17)}


def get(name: str) -> Task:
    """The task called ``name``."""
    known = TASKS | _others()
    if name not in known:
        raise PopbeatError(f"unknown task {name!r}; there are {', '.join(names())}")
    return known[name]


def for_network(name: str, window: int, raw_bits: int, classes: tuple[str, ...], words: int = 0, sets: bool = False) -> Task:
    """The task ``name``, for a network that must fit it: same window, same RR words, same classes, samples wide enough, and
    ``sets`` of labels where the task has them."""
    task = get(name)
    if sets != task.sets:
        kinds = ("one class", "a set of labels")
        raise PopbeatError(f"the network answers with {kinds[sets]}, and {name} asks for {kinds[task.sets]}")
    if window != task.length - task.words:
        raise PopbeatError(f"the network has windows of {window} samples, and {name} has {task.length - task.words}")
    if words != task.words:
        raise PopbeatError(f"the network takes {words} RR words, and {name} has {task.words}")
    if classes != task.classes:
        raise PopbeatError(f"the network names the classes {', '.join(classes)}, and {name} {', '.join(task.classes)}")
    if raw_bits < RAW_BITS:
        raise PopbeatError(f"the network takes samples of {raw_bits} bits, and those of {name} have {RAW_BITS}")
    return task


__all__ = ["RATE", "TASKS", "Task", "Windows", "for_network", "get", "names"]
