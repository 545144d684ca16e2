"""What a network may train on: three protocols over the same stored folds, and two with splits of their own.

- *comparable*: the task's own windows of the four training folds.
- *comparable+records*: further windows of the same records as well, none of them in or next to a test window.
- *no-neighbours*: as that, and the task's own windows in or next to a test window are left out of training and validation.
- *by-time*: no folds; the task's own windows of the first 80 % of each record, and the rest is tested. Windows across the line or
  next to a test window are left out.
- *between-patients*: three folds of whole patients (201 and 202 are one), stratified by class; classes that one patient alone has
  are left out. Without validation windows: the last epoch is taken.

Further windows lie at every half window of the records and are labelled by rule (``pseudo_labels``). None of them is in or next
to a validation window either: validation windows are as far from what is trained on as test windows are.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from sw.data import folds, mitbih, pseudo_labels, tasks
from sw.data.source import Source
from sw.errors import PopbeatError

COMPARABLE, RECORDS, NO_NEIGHBOURS, BY_TIME, BETWEEN_PATIENTS = NAMES = (
    "comparable",
    "comparable+records",
    "no-neighbours",
    "by-time",
    "between-patients",
)
FOLDS = {BY_TIME: 1, BETWEEN_PATIENTS: 3}  # the others have the stored ones
OWN = (COMPARABLE, BY_TIME, BETWEEN_PATIENTS)  # these know no further windows
KNOWN_SHARE = 0.8  # of a record, by time


@dataclass(frozen=True)
class Split:
    """Row numbers: of the task's windows ``train``, ``validation`` and ``test``, disjoint; of the further windows those that are
    trained on, ``further``."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    further: np.ndarray


def check(protocol: str) -> str:
    """The protocol's name, if there is one of that name."""
    if protocol not in NAMES:
        raise PopbeatError(f"unknown protocol {protocol!r}; there are {', '.join(NAMES)}")
    return protocol


def count(protocol: str) -> int:
    """Folds of a protocol."""
    return FOLDS.get(protocol, folds.FOLDS)


def near(windows: tasks.Windows, others: tasks.Windows, length: int) -> np.ndarray:
    """Which ``windows`` lie in or next to one of the ``others``, ``bool[n]``: same record, whatever the lead, and starts at most
    ``length`` samples apart. So what is left shares no sample with them and does not adjoin them."""
    out = np.zeros(len(windows), dtype=bool)
    for record in np.unique(windows.record):
        rows = np.flatnonzero(windows.record == record)
        starts = np.sort(others.start[others.record == record])
        if len(starts) == 0:
            continue
        after = np.searchsorted(starts, windows.start[rows])
        gap = np.minimum(
            np.abs(starts[np.minimum(after, len(starts) - 1)] - windows.start[rows]),
            np.abs(starts[np.maximum(after - 1, 0)] - windows.start[rows]),
        )
        out[rows] = gap <= length
    return out


def further(task: tasks.Task, source: Source, windows: tasks.Windows) -> tasks.Windows:
    """Windows of the task's records, on lead MLII, from every half window on, that are none of the task's ``windows`` and of which
    the rule of labels is sure."""
    own = {(str(r), int(s)) for r, s in zip(windows.record, windows.start, strict=True)}
    rows = []
    for record in np.unique(windows.record).tolist():
        if "MLII" not in source.leads(record):
            continue
        starts = [s for s in range(0, mitbih.LENGTH - task.length + 1, task.length // 2) if (record, s) not in own]
        labels = pseudo_labels.of_record(task, source, record, starts)
        rows += [(record, start, "MLII", k) for start, k in zip(starts, labels, strict=True) if k is not None]
    record, start, lead, number = zip(*rows, strict=True)
    return tasks.Windows(np.array(record), np.array(start, dtype=np.int64), np.array(lead), np.array(number, dtype=np.int64))


def split(task: tasks.Task, windows: tasks.Windows, extra: tasks.Windows | None, fold: int, protocol: str) -> Split:
    """The stored split whose test set is ``fold``, as the protocol has it; ``extra`` are the further windows."""
    if not 0 <= fold < count(check(protocol)):
        raise PopbeatError(f"the protocol {protocol} has folds 0 to {count(protocol) - 1}, not {fold}")
    if protocol == BY_TIME:
        return by_time(task, windows)
    if protocol == BETWEEN_PATIENTS:
        return between_patients(windows, fold)
    stored = folds.load(task.name, windows, fold)
    if protocol == COMPARABLE or extra is None:
        return Split(stored.train, stored.validation, stored.test, np.empty(0, dtype=np.int64))
    test, validation = windows.take(stored.test), windows.take(stored.validation)
    allowed = ~near(extra, test, task.length) & ~near(extra, validation, task.length)
    train, kept = stored.train, stored.validation
    if protocol == NO_NEIGHBOURS:
        train, kept = (rows[~near(windows.take(rows), test, task.length)] for rows in (train, kept))
    return Split(train, kept, stored.test, np.flatnonzero(allowed))


def by_time(task: tasks.Task, windows: tasks.Windows) -> Split:
    """The windows that begin in the last fifth of their records are tested; of the others a stored eighth is for validation."""
    test = np.flatnonzero(windows.start >= KNOWN_SHARE * mitbih.LENGTH)
    kept = (windows.start < KNOWN_SHARE * mitbih.LENGTH - task.length) & ~near(windows, windows.take(test), task.length)
    eighth = np.zeros(len(windows), dtype=bool)
    for number in range(folds.FOLDS):
        eighth[folds.load(task.name, windows, number).validation] = True
    return Split(np.flatnonzero(kept & ~eighth), np.flatnonzero(kept & eighth), test, np.empty(0, dtype=np.int64))


def between_patients(windows: tasks.Windows, fold: int) -> Split:
    """The patients of a fold are tested; nobody is in two folds."""
    patient = np.where(windows.record == "202", "201", windows.record)
    shared = np.array([len(np.unique(patient[windows.label == k])) > 1 for k in range(windows.label.max() + 1)])
    rows = np.flatnonzero(shared[windows.label])
    drawn = StratifiedGroupKFold(FOLDS[BETWEEN_PATIENTS], shuffle=True, random_state=folds.SEED)
    known, test = list(drawn.split(rows, windows.label[rows], patient[rows]))[fold]
    none = np.empty(0, dtype=np.int64)
    return Split(rows[known], none, rows[test], none)


def pretraining(task: tasks.Task, windows: tasks.Windows, extra: tasks.Windows) -> Split:
    """Further windows that are in or next to no window of the task: whatever fold is tested, a network may have seen them."""
    none = np.empty(0, dtype=np.int64)
    return Split(none, none, none, np.flatnonzero(~near(extra, windows, task.length)))


def beside_validation(task: tasks.Task, windows: tasks.Windows, extra: tasks.Windows, fold: int) -> np.ndarray:
    """Rows of the further windows that are in or next to a validation window of a fold and in or next to no test window: more to
    choose by, since a fold's own are few. No protocol trains on them."""
    stored = folds.load(task.name, windows, fold)
    beside, test = (near(extra, windows.take(rows), task.length) for rows in (stored.validation, stored.test))
    return np.flatnonzero(beside & ~test)
