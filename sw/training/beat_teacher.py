"""A teacher of the beat network: boosted trees, which say of each beat how sure they would be of its class if they had never seen
its patient.

Every beat of a patient has the same quirks, so a label alone teaches the network quirks, too. The patients in training are divided
into ``SETS``; what trees of all others say of a set's beats is what the samples and the words tell whoever the patient is. The
network learns it beside the labels (distillation: Hinton et al. 2015, arXiv 1503.02531). Of the trees nothing is shipped.

Trees of words and samples part V, F and the rest; trees of the words alone part S from N, since samples would tell them how the few
patients with S beats look.
"""

from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from sw import files
from sw.data.beats import CLASSES

N, S = CLASSES.index("N"), CLASSES.index("S")
SETS = 5  # of patients
EVERY = 4  # samples: the trees see each fourth
LEAST = 1e-5  # of what they say of a class
TREES = {
    "max_iter": 150,
    "learning_rate": 0.06,
    "max_leaf_nodes": 8,
    "l2_regularization": 1.0,
    "min_samples_leaf": 200,
    "max_features": 0.3,
    "random_state": 0,
}


def ratios(words: np.ndarray) -> np.ndarray:
    """A beat's words ``[n, words]`` and the logarithms of the ratio of each two, ``float64[n, features]``."""
    words = words.astype(np.float64) + 1
    count = words.shape[1]
    return np.column_stack([words, *(np.log(words[:, a] / words[:, b]) for a in range(count) for b in range(a))])


def _said(features: np.ndarray, label: np.ndarray, weight: np.ndarray, asked: np.ndarray, classes: int) -> np.ndarray:
    """What trees of ``features`` and ``label`` say of ``asked``: ``float64[n, classes]``, the sum of each row 1."""
    out = np.full((len(asked), classes), LEAST)
    with threadpool_limits(1):  # several threads wait for each other where a core has other work, and take ten times as long
        trees = HistGradientBoostingClassifier(**TREES).fit(features, label, sample_weight=weight * len(label))
        out[:, trees.classes_] = np.maximum(trees.predict_proba(asked), LEAST)
    return out / out.sum(axis=1, keepdims=True)


def teach(samples: np.ndarray, words: np.ndarray, label: np.ndarray, record: np.ndarray, weigh) -> np.ndarray:
    """What trees that never saw the patient say of each beat: ``float32[n, classes]``. ``samples`` ``[n, window]`` normalised,
    ``words`` ``[n, words]``; ``weigh(label, record)`` is the chance of each beat to be drawn."""
    of_words = ratios(words)
    of_all = np.column_stack([of_words, samples[:, ::EVERY]])
    out, patients = np.zeros((len(label), len(CLASSES)), np.float32), np.unique(record)
    for number in range(SETS):
        asked = np.isin(record, patients[number::SETS])
        known = np.flatnonzero(~asked)
        shape = _said(of_all[known], label[known], weigh(label[known], record[known]), of_all[asked], len(CLASSES))
        known = known[np.isin(label[known], (N, S))]
        rhythm = _said(of_words[known], label[known], weigh(label[known], record[known]), of_words[asked], S + 1)
        shape[:, [N, S]] = shape[:, [N, S]].sum(axis=1, keepdims=True) * rhythm
        out[asked] = shape
    return out


def mark() -> str:
    """Hash of all that the teacher is, its data apart."""
    return files.sha256(Path(__file__).read_bytes())
