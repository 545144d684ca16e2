"""What a set of predictions is worth, and what it would be worth without a network."""

import numpy as np
from sklearn import metrics

Z95 = 1.959963984540054
RESAMPLES = 1000


def wilson(correct: int, total: int) -> list[float]:
    """95 % Wilson interval of a proportion."""
    p, z2 = correct / total, Z95**2
    centre = (p + z2 / (2 * total)) / (1 + z2 / total)
    half = Z95 * np.sqrt(p * (1 - p) / total + z2 / (4 * total**2)) / (1 + z2 / total)
    return [round(float(centre - half), 4), round(float(centre + half), 4)]


def over_records(right: np.ndarray, record: np.ndarray, seed: int = 1) -> list[float]:
    """95 % interval of the share that is ``right`` (``bool[n]``), by bootstrap over records: windows of one patient are no
    independent witnesses of how well others fare."""
    counts = np.array([[right[record == name].sum(), (record == name).sum()] for name in np.unique(record)])
    drawn = counts[np.random.default_rng(seed).integers(0, len(counts), (RESAMPLES, len(counts)))].sum(axis=1)
    return np.percentile(drawn[:, 0] / drawn[:, 1], [2.5, 97.5]).round(4).tolist()


def score(truth: np.ndarray, predicted: np.ndarray, classes: tuple[str, ...]) -> dict:
    """Accuracy with its interval, macro-F1 over the classes that occur, per class sensitivity, positive predictivity and
    F1, and the confusion matrix (rows: truth). Predictions outside the classes ("no call") count as wrong."""
    numbers = np.arange(len(classes))
    precision, recall, f1, support = metrics.precision_recall_fscore_support(truth, predicted, labels=numbers, zero_division=0)
    correct = int((truth == predicted).sum())
    return {
        "windows": len(truth),
        "accuracy": round(correct / len(truth), 4),
        "ci95": wilson(correct, len(truth)),
        "macro_f1": round(float(f1[support > 0].mean()), 4),
        "per_class": {
            name: {
                "windows": int(support[i]),
                "sensitivity": round(float(recall[i]), 4),
                "positive_predictivity": round(float(precision[i]), 4),
                "f1": round(float(f1[i]), 4),
            }
            for i, name in enumerate(classes)
        },
        "confusion": metrics.confusion_matrix(truth, predicted, labels=numbers).tolist(),
    }


def multilabel(truth: np.ndarray, told: np.ndarray, scores: np.ndarray, labels: tuple[str, ...]) -> dict:
    """Of sets of labels ``bool[n, labels]`` and their ``scores``: micro-F1, macro-F1 over the labels that occur, mean average
    precision (``map``), share of windows whose whole set is right (``subset_accuracy``, with its interval), and per label F1,
    sensitivity, positive predictivity, average precision and support."""
    precision, recall, f1, support = metrics.precision_recall_fscore_support(truth, told, average=None, zero_division=0)
    occurs = support > 0
    average = np.array(
        [metrics.average_precision_score(t, s) if t.any() else np.nan for t, s in zip(truth.T, scores.T, strict=True)]
    )
    whole = int((truth == told).all(axis=1).sum())
    return {
        "windows": len(truth),
        "micro_f1": round(float(metrics.f1_score(truth, told, average="micro", zero_division=0)), 4),
        "macro_f1": round(float(f1[occurs].mean()), 4),
        "map": round(float(average[occurs].mean()), 4),
        "subset_accuracy": round(whole / len(truth), 4),
        "subset_ci95": wilson(whole, len(truth)),
        "per_label": {
            name: {
                "windows": int(support[i]),
                "f1": round(float(f1[i]), 4),
                "sensitivity": round(float(recall[i]), 4),
                "positive_predictivity": round(float(precision[i]), 4),
                "average_precision": round(float(average[i]), 4) if occurs[i] else None,
            }
            for i, name in enumerate(labels)
        },
    }


def majority(labels: np.ndarray) -> int:
    """The most frequent label; the lowest of several."""
    return int(np.bincount(labels).argmax())


def baselines(train_record: np.ndarray, train_label: np.ndarray, test_record: np.ndarray, test_label: np.ndarray) -> dict[str, int]:
    """Test windows that two rules without a network get right: the training windows' most common class of the same record
    (of all records where there is none), and their most common class at all."""
    overall = majority(train_label)
    of_record = {r: majority(train_label[train_record == r]) for r in np.unique(train_record)}
    guessed = np.array([of_record.get(r, overall) for r in test_record])
    return {"record_majority": int((guessed == test_label).sum()), "class_majority": int((test_label == overall).sum())}


def percent(share: float) -> str:
    """A share in percent."""
    return f"{100 * share:.1f} %"


def with_interval(figures: dict) -> str:
    """Accuracy with its 95 % interval, from ``accuracy`` and ``ci95``."""
    low, high = figures["ci95"]
    return f"{percent(figures['accuracy'])} ({100 * low:.1f} to {100 * high:.1f})"
