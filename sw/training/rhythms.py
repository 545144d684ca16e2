"""LAMSCN's data: windows of ten seconds with sets of labels, drawn from anywhere in the training part of the records."""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from sw import files, metrics
from sw.data import beats, multilabel, protocols
from sw.data.mitbih import RECORDS, WINDOW
from sw.data.source import Source
from sw.export.front.normaliser import NormaliserSpec
from sw.models.graph_net import GraphNet
from sw.training.trainer import Recipe as Augmentation
from sw.training.trainer import augment

STEP = 90  # samples from one place where a window may begin to the next
GRID_SHARE = 0.4  # of the draws, all places alike; the others by labels that are rare
SMOOTHING = 0.01
TEACHER = 0.5
BY_TIME, INTER_PATIENT = protocols.BY_TIME, beats.INTER_PATIENT


def normalise(raw: np.ndarray) -> np.ndarray:
    """Raw windows ``int16[n, 3600]`` to the normaliser's z in units of 1, ``float32[n, 3600]``."""
    spec = NormaliserSpec()
    return spec.normalise(raw)[0].astype(np.float32) / np.float32(1 << spec.z_fraction)


@dataclass(frozen=True)
class Parts:
    """Rows of the task's windows by what they are for, and the ``places`` (record, first start, last start) where training windows
    may begin; ``labels``: the numbers of those that are scored."""

    validation: np.ndarray
    test: np.ndarray
    train: np.ndarray
    places: tuple[tuple[str, int, int], ...]
    labels: np.ndarray


# Patients of DS1 that are held out to choose by, with as many labels among them as can be.
HELD_OUT = ("106", "119", "124", "203", "207", "223")


def parts(windows, protocol: str) -> Parts:
    """*by-time*: the early windows of every record train, the last fifth is tested. *inter-patient*: DS1 trains, DS2 is tested;
    six records of DS1 choose the checkpoint and the thresholds; scored are the labels that both have."""
    every = np.arange(len(multilabel.LABELS))
    if protocol == BY_TIME:
        split = multilabel.by_time(windows)
        last = multilabel.TRAIN[-1] * WINDOW
        return Parts(split.validation, split.test, split.train, tuple((r, 0, last) for r in RECORDS), every)
    train = [r for r in beats.DS1 if r not in HELD_OUT]
    split = multilabel.inter_patient(windows)
    held, kept = (np.flatnonzero(np.isin(windows.record, records)) for records in (HELD_OUT, train))
    places = tuple((r, 0, int(windows.start.max())) for r in train)
    return Parts(held, split.test, kept, places, multilabel.scored(windows, split))


class Rhythms:
    """The task of :mod:`sw.training.graphs` on a protocol's parts."""

    def __init__(self, source: Source, protocol: str):
        self.source, self.protocol = source, protocol
        task = multilabel.MULTILABEL17
        self.windows = task.windows(source)
        self.sets = multilabel.as_sets(self.windows.label)
        self.raw = task.samples(source, self.windows)
        self.parts = parts(self.windows, protocol)
        self.signals = {r: source.signal(r, multilabel.lead(source, r)) for r, _, _ in self.parts.places}
        places = [(r, np.arange(first, last + 1, STEP)) for r, first, last in self.parts.places]
        self.place_record = np.concatenate([np.repeat(r, len(s)) for r, s in places])
        self.place_start = np.concatenate([s for _, s in places])
        self.place_sets = np.concatenate([multilabel.labels_at(source, r, s) for r, s in places])
        # A place's weight is that of its rarest label; labels weigh by the root of how often they occur.
        count = np.maximum(self.place_sets.sum(axis=0), 1)
        rare = np.where(self.place_sets, count**-0.5, 0).max(axis=1)
        self.weight = torch.from_numpy(GRID_SHARE / len(rare) + (1 - GRID_SHARE) * rare / rare.sum())
        self.augmentation = Augmentation(epochs=0, turn=0.0, noise=0.05, wander=0.2, gain=0.1, warp=0.03, hold=True)
        tables = (self.place_record.tolist(), self.place_start.tolist(), self.place_sets.tobytes(), asdict_of(self.augmentation))
        self.mark = files.sha256(repr((protocol, source.kind, tables, SMOOTHING, TEACHER, GRID_SHARE)).encode())

    def batches(self, count: int, batch: int, generator: torch.Generator):
        """Drawn windows ``[batch, 1, 1, 3600]`` with their sets ``float32[batch, 17]``."""
        for _ in range(count):
            rows = torch.multinomial(self.weight, batch, replacement=True, generator=generator).numpy()
            places = zip(self.place_record[rows], self.place_start[rows], strict=True)
            raw = np.stack([self.signals[r][s : s + WINDOW] for r, s in places])
            x = augment(torch.from_numpy(normalise(raw)), self.augmentation, generator)
            yield x[:, None, None], torch.from_numpy(self.place_sets[rows].astype(np.float32))

    def loss(self, logits: torch.Tensor, target: torch.Tensor, teacher: torch.Tensor | None) -> torch.Tensor:
        """Mean binary cross-entropy over the labels; a teacher's probabilities make half of the target."""
        wanted = target * (1 - SMOOTHING) + SMOOTHING / 2
        if teacher is not None:
            wanted = (1 - TEACHER) * wanted + TEACHER * torch.sigmoid(teacher)
        return functional.binary_cross_entropy_with_logits(logits, wanted) * len(multilabel.LABELS)

    @torch.no_grad()
    def logits(self, net: GraphNet, rows: np.ndarray) -> np.ndarray:
        """Logits of the task's windows, ``float32[n, 17]``."""
        on = next(net.parameters()).device
        x = torch.from_numpy(normalise(self.raw[rows]))[:, None, None]
        return torch.cat([net.eval()(c.to(on)).cpu() for c in x.split(128)]).numpy()

    def validate(self, net: GraphNet) -> float:
        """Mean of micro-F1 and macro-F1 at the validation windows' own thresholds."""
        truth = self.sets[self.parts.validation][:, self.parts.labels]
        logits = self.logits(net, self.parts.validation)[:, self.parts.labels]
        told = logits >= thresholds(logits, truth)
        score = metrics.multilabel(truth, told, logits, tuple(multilabel.LABELS[k] for k in self.parts.labels))
        return (score["micro_f1"] + score["macro_f1"]) / 2


def asdict_of(value) -> dict:
    """A dataclass's fields."""
    return dict(vars(value))


def thresholds(logits: np.ndarray, truth: np.ndarray, prior: float = 2.0) -> np.ndarray:
    """Of each label the threshold with the best F1 on ``bool[n, labels]``: half way between two logits. ``prior`` windows on either
    side that a threshold of 0 gets right keep it there where labels are few: without them one window would decide."""
    out = np.zeros(logits.shape[1], np.float32)
    for k in range(logits.shape[1]):
        order = np.argsort(-logits[:, k], kind="stable")
        sorted_, hits = logits[order, k], np.cumsum(truth[order, k])
        places = np.append((sorted_[:-1] + sorted_[1:]) / 2, sorted_[-1] - 0.5)
        told = np.arange(1, len(order) + 1)
        f1 = 2 * (hits + prior * (np.abs(places) < 1)) / (told + truth[:, k].sum() + 2 * prior)
        out[k] = places[f1.argmax()] if truth[:, k].any() else 0.0
    return out
