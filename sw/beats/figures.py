"""What beat-by-beat predictions are worth, as AAMI EC57 and de Chazal et al. (2004) count it: N S V F scored, Q left out."""

import numpy as np

from sw import metrics
from sw.data.beats import CLASSES

SCORED = ("S", "V")  # classes whose figures are told one by one
RESAMPLES = 1000


def rates(confusion: np.ndarray) -> dict[str, float]:
    """Accuracy, and of S and V sensitivity, positive predictivity and false-positive rate, from a confusion matrix (rows: truth)
    ``int[classes, classes + 1]`` or wider; columns behind the classes are wrong answers of other kinds. A ratio of nothing is 0."""
    confusion = np.asarray(confusion)
    total = confusion.sum()
    out = {"accuracy": np.trace(confusion) / max(total, 1)}
    for name in SCORED:
        k = CLASSES.index(name)
        hit, truth, told = confusion[k, k], confusion[k].sum(), confusion[:, k].sum()
        out[f"{name}_sensitivity"] = hit / max(truth, 1)
        out[f"{name}_positive_predictivity"] = hit / max(told, 1)
        out[f"{name}_false_positive_rate"] = (told - hit) / max(total - truth, 1)
    return {name: round(float(value), 4) for name, value in out.items()}


def confusion(truth: np.ndarray, told: np.ndarray) -> np.ndarray:
    """Beats by true and told class, ``int64[5, 6]``; the last column is "no call"."""
    counts = np.zeros((len(CLASSES), len(CLASSES) + 1), np.int64)
    np.add.at(counts, (truth, np.minimum(told, len(CLASSES))), 1)
    return counts


def by_record(truth: np.ndarray, told: np.ndarray, record: np.ndarray) -> dict[str, np.ndarray]:
    """The confusion matrix of each record."""
    return {str(name): confusion(truth[record == name], told[record == name]) for name in np.unique(record)}


def bootstrap(each: list[np.ndarray], seed: int = 1) -> dict[str, list[float]]:
    """95 % intervals of the rates over records drawn with replacement: beats of one patient are no independent witnesses."""
    rng = np.random.default_rng(seed)
    each = np.stack(each)
    drawn = [rates(each[rng.integers(0, len(each), len(each))].sum(axis=0)) for _ in range(RESAMPLES)]
    return {name: np.percentile([d[name] for d in drawn], [2.5, 97.5]).round(4).tolist() for name in drawn[0]}


def summary(truth: np.ndarray, told: np.ndarray, record: np.ndarray, apart: tuple[str, ...] = ()) -> dict:
    """Everything about scored beats: the usual score, rates with their intervals over records, the same without each of the records
    ``apart``, and counts by record."""
    each = by_record(truth, told, record)

    def part(names: list[str]) -> dict:
        return {**rates(sum(each[n] for n in names)), "intervals": bootstrap([each[n] for n in names])}

    return {
        **metrics.score(truth, told, CLASSES),
        "rates": part(list(each)),
        "without": {name: part([n for n in each if n != name]) for name in apart if name in each},
        "by_record": {name: {"beats": int(counts.sum()), **rates(counts), **_counts(counts)} for name, counts in each.items()},
    }


def _counts(counts: np.ndarray) -> dict[str, int]:
    """How many beats of each class a record has."""
    return {name: int(counts[k].sum()) for k, name in enumerate(CLASSES[:4])}
