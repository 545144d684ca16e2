"""Beat-by-beat comparison with reference annotations, as ANSI/AAMI EC57 asks and the WFDB tool ``bxb`` does it.

A detected beat and a reference beat are a pair when they lie at most 150 ms apart and neither has a nearer neighbour. What is left
over is a missed or an extra beat. The first five minutes are a learning period and do not count; detections in ventricular flutter
or fibrillation, which the reference marks with ``[`` and ``]``, are not counted as extra.
"""

from dataclasses import dataclass

import numpy as np

from sw.data.mitbih import RATE
from sw.data.windows import AAMI
from sw.errors import PopbeatError

CLASSES = "NSVFQ"
NONE = len(CLASSES)  # row of extra beats, column of missed ones
TOLERANCE = 15 * RATE // 100
LEARNING = 5 * 60 * RATE
FLUTTER_WAVE = "!"


@dataclass(frozen=True)
class Reference:
    """Reference beats: ``position`` in samples and ``label``, an index into :data:`CLASSES`, both ``int64[n]``; ``flutter``: first
    and last sample of each stretch of flutter or fibrillation."""

    position: np.ndarray
    label: np.ndarray
    flutter: tuple[tuple[int, int], ...] = ()


def labels(symbols) -> np.ndarray:
    """Indices into :data:`CLASSES` of annotation symbols; one that is no beat's is a :class:`PopbeatError`."""
    unknown = sorted(set(map(str, symbols)) - AAMI.keys())
    if unknown:
        raise PopbeatError(f"annotation symbols {' '.join(unknown)} belong to no AAMI class; known are {''.join(sorted(AAMI))}")
    return np.array([CLASSES.index(AAMI[str(s)]) for s in symbols], np.int64)


def reference(sample: np.ndarray, symbol: np.ndarray, exempt_flutter: bool = True) -> Reference:
    """The beats of a record's annotations. ``exempt_flutter``: without what lies in flutter or fibrillation, which then is marked;
    else its waves (``!``) are beats of class Q like any other."""
    stretches, begin = [], None
    for place, mark in zip(np.asarray(sample).tolist(), symbol, strict=True):
        if mark == "[":
            begin = place
        elif mark == "]" and begin is not None:
            stretches.append((begin, place))
            begin = None
    if begin is not None:  # to the record's end
        stretches.append((begin, np.iinfo(np.int64).max))
    wanted = np.isin(symbol, [*AAMI, *([] if exempt_flutter else [FLUTTER_WAVE])])
    if exempt_flutter:
        for begin, end in stretches:
            wanted &= (sample < begin) | (sample > end)
    kept = np.where(symbol[wanted] == FLUTTER_WAVE, "Q", symbol[wanted])
    return Reference(np.asarray(sample, np.int64)[wanted], labels(kept), tuple(stretches) if exempt_flutter else ())


@dataclass(frozen=True)
class Comparison:
    """Indices of pairs ``int64[n, 2]`` (reference, test), of ``missed`` reference beats and of ``extra`` test beats."""

    pairs: np.ndarray
    missed: np.ndarray
    extra: np.ndarray


def compare(truth: Reference, test: np.ndarray, start: int = LEARNING, tolerance: int = TOLERANCE) -> Comparison:
    """Pair the detected beats ``test`` (samples, in order) with the reference, from sample ``start`` on.

    The rule is that of ``bxb``, read from its source (WFDB applications): of the two beats that come next the earlier one is paired
    if they are within the tolerance and the beat behind the later one's is not nearer to it; else it stands alone. At ``start`` a
    test beat just before it may still pair with the first reference beat, and one just after it without a partner is passed over.
    """
    far = np.iinfo(np.int64).max // 4
    reference, found = truth.position.tolist(), np.asarray(test, np.int64).tolist()
    if any(later < earlier for beats in (reference, found) for earlier, later in zip(beats, beats[1:], strict=False)):
        raise ValueError("beats to compare are in order of time")
    r, t = int(np.searchsorted(truth.position, start)), int(np.searchsorted(test, start))
    reference += [far, 3 * far]
    found += [far, 3 * far]
    pairs, missed, extra = [], [], []
    before = found[t - 1] if t else -far
    if reference[r] - before < abs(reference[r] - found[t]) and reference[r] - before <= tolerance:
        pairs.append((r, t - 1))
        r += 1
    elif found[t] - start <= tolerance and abs(reference[r] - found[t + 1]) < abs(reference[r] - found[t]):
        t += 1
    while reference[r] < far or found[t] < far:
        a, b = reference[r], found[t]
        if b < a:
            if a - b <= tolerance and a - b < abs(a - found[t + 1]):
                pairs.append((r, t))
                r += 1
            elif not any(begin <= b <= end for begin, end in truth.flutter):
                extra.append(t)
            t += 1
        else:
            if b - a <= tolerance and b - a < abs(b - reference[r + 1]):
                pairs.append((r, t))
                t += 1
            else:
                missed.append(r)
            r += 1
    return Comparison(np.array(pairs, np.int64).reshape(-1, 2), np.array(missed, np.int64), np.array(extra, np.int64))


def confusion(truth: Reference, compared: Comparison, label: np.ndarray | None = None) -> np.ndarray:
    """``int64[6, 6]``: rows are the reference's classes N S V F Q and last the extra beats, columns the classes that were found
    (``label``, indices; all N without) and last the missed beats. Matrices of several records add up."""
    paired, extra = compared.pairs[:, 1], compared.extra
    called, uncalled = (np.zeros_like(paired), np.zeros_like(extra)) if label is None else (label[paired], label[extra])
    matrix = np.zeros((NONE + 1, NONE + 1), np.int64)
    np.add.at(matrix, (truth.label[compared.pairs[:, 0]], called), 1)
    np.add.at(matrix, (truth.label[compared.missed], NONE), 1)
    np.add.at(matrix, (NONE, uncalled), 1)
    return matrix


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 5) if whole else None


def detection(matrix: np.ndarray) -> dict:
    """Beats, detected, missed and extra ones, sensitivity and positive predictivity."""
    found, missed, extra = int(matrix[:NONE, :NONE].sum()), int(matrix[:NONE, NONE].sum()), int(matrix[NONE, :NONE].sum())
    return {
        "beats": found + missed,
        "detected": found,
        "missed": missed,
        "extra": extra,
        "sensitivity": _share(found, found + missed),
        "positive_predictivity": _share(found, found + extra),
    }


def figures(matrix: np.ndarray) -> dict:
    """What a matrix says: detection, S and V, and the share of N, S, V and F beats called right."""
    scored = matrix[:4]
    return {
        "detection": detection(matrix),
        **{name: class_figures(matrix, name) for name in "SV"},
        "accuracy": round(float(np.trace(scored[:, :4]) / scored.sum()), 5),
        "confusion": matrix.tolist(),
    }


HEADER = ("", "beats", "R peaks", "S", "V", "right class")


def percent(share: float | None) -> str:
    """A share in percent, to two places."""
    return "-" if share is None else f"{100 * share:.2f}"


def row(name: str, figures: dict) -> list[str]:
    """A table's row below :data:`HEADER` of what :func:`figures` says; R peaks, S and V as sensitivity / positive predictivity."""
    both = [(figures[k]["sensitivity"], figures[k]["positive_predictivity"]) for k in ("detection", "S", "V")]
    pairs = [f"{percent(sensitivity)} / {percent(predictivity)}" for sensitivity, predictivity in both]
    return [name, f"{figures['detection']['beats']:,}", *pairs, percent(figures["accuracy"])]


# Reference classes that a false V may be without harm, by EC57: fusion beats and what can't be classified; likewise for S.
TOLERATED = {"S": "Q", "V": "FQ"}


def class_figures(matrix: np.ndarray, name: str) -> dict:
    """Sensitivity, positive predictivity and false-positive rate of class S or V, by EC57: missed beats count against the
    sensitivity, extra ones against the predictivity, and those of :data:`TOLERATED` as true negatives."""
    own = CLASSES.index(name)
    right, of_class = int(matrix[own, own]), int(matrix[own].sum())
    others = [row for row in range(NONE + 1) if row != own]
    false = sum(int(matrix[row, own]) for row in others if row == NONE or CLASSES[row] not in TOLERATED[name])
    negatives = int(matrix[others, :NONE].sum())
    return {
        "beats": of_class,
        "sensitivity": _share(right, of_class),
        "positive_predictivity": _share(right, right + false),
        "false_positive_rate": _share(false, negatives),
    }
