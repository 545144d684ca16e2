"""The GASF network's data: beats as images, drawn with R peaks moved, signals warped and disturbed."""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from sw import files
from sw.beats import figures
from sw.beats.images import BEFORE
from sw.data import beats, folds, protocols
from sw.data.beat_images import BEAT5_IMAGE, from_beats
from sw.data.beats import CLASSES
from sw.data.source import Source
from sw.export.front import image
from sw.models.graph_net import GraphNet

COMPARABLE, INTER_PATIENT = protocols.COMPARABLE, beats.INTER_PATIENT
UNSCORED = CLASSES.index("Q")
INPUT_FRACTION = 7  # images are in units of 2^-7
# Patients of DS1 that are held out to choose by.
HELD_OUT = ("112", "118", "119", "124", "220")
GLANCE = {COMPARABLE: 4000, INTER_PATIENT: 1500}  # validation beats that an epoch is judged by
UNSCORED_SHARE = 0.05  # of the draws, at most
TEACHER = 0.5
TEMPERATURE = 2.0


@dataclass(frozen=True)
class Disturbance:
    """How training beats are changed: R peaks move by up to ``shift`` samples, beats are played up to ``warp`` faster or slower;
    noise (deviation) and a slope (up to), both as a share of the beat's range."""

    shift: int
    warp: float
    noise: float
    slope: float


# Beats of patients that training has seen are much as they were there: with as much as between patients, the network learns the
# training beats themselves too slowly.
DISTURBANCES = {
    COMPARABLE: Disturbance(shift=3, warp=0.03, noise=0.005, slope=0.04),
    INTER_PATIENT: Disturbance(shift=5, warp=0.06, noise=0.01, slope=0.08),
}


class Images:
    """The task of :mod:`sw.training.graphs` on a protocol's beats. ``train``, ``validation``, ``test``: rows of the task's windows;
    Q beats are trained on where the protocol has them, and not scored."""

    def __init__(self, source: Source, protocol: str):
        self.source, self.protocol = source, protocol
        self.windows = windows = beats.BEAT5.windows(source)
        if protocol == COMPARABLE:
            split = folds.load(beats.BEAT5.name, windows, 0)
            self.train, validation, test = split.train, split.validation, split.test
        else:
            split = beats.inter_patient(windows)
            held = np.isin(windows.record[split.train], HELD_OUT)
            self.train, validation, test = split.train[~held], split.train[held], split.test
        self.validation, self.test = (rows[windows.label[rows] != UNSCORED] for rows in (validation, test))
        self.label = windows.label
        self.peak = windows.start + beats.BEFORE
        self.signal = {str(r): source.signal(str(r), str(windows.lead[windows.record == r][0])) for r in np.unique(windows.record)}
        self.weight = self._weights()
        drawn = np.array([self.weight[self.label[self.train] == k].sum() for k in range(len(CLASSES))])
        here = np.bincount(self.label[self.train], minlength=len(CLASSES)) / len(self.train)
        # What the logits lack because rare classes are drawn more often than they occur.
        self.prior = np.where(drawn > 0, np.log(np.maximum(here, 1e-9) / np.maximum(drawn, 1e-9)), 0).astype(np.float32)
        self.disturbance = DISTURBANCES[protocol]
        rng = np.random.default_rng(1)
        self.glance = np.sort(rng.permutation(self.validation)[: GLANCE[protocol]])
        drawn_from = (windows.positions(), self.train.tolist(), self.weight.tolist(), self.glance.tolist())
        start = (protocol, source.kind, *drawn_from, vars(self.disturbance), TEACHER, TEMPERATURE)
        self.mark = files.sha256(repr(start).encode())

    def _weights(self) -> torch.Tensor:
        """Chance of each training beat: classes by the root of their size and, between patients, so too patients within a class.
        What is not scored gets :data:`UNSCORED_SHARE` at most."""
        label, record = self.label[self.train], self.windows.record[self.train]
        count = np.bincount(label, minlength=len(CLASSES))
        weight = (np.maximum(count, 1) ** -0.5)[label]
        if self.protocol == INTER_PATIENT:
            for k in range(len(CLASSES)):
                own = label == k
                _, index, beats_of = np.unique(record[own], return_inverse=True, return_counts=True)
                if own.any():
                    share = (beats_of**-0.5)[index]
                    weight[own] = share / share.sum() * count[k] ** 0.5
        unscored = label == UNSCORED
        if unscored.any():
            most = UNSCORED_SHARE / (1 - UNSCORED_SHARE) * weight[~unscored].sum()
            weight[unscored] *= min(1.0, most / weight[unscored].sum())
        return torch.from_numpy(weight / weight.sum())

    def raw(self, rows: np.ndarray) -> np.ndarray:
        """Raw samples ``int16[n, 256]`` of the task's beats."""
        return BEAT5_IMAGE.samples(self.source, from_beats(self.windows.take(rows)))

    def _disturbed(self, rows: np.ndarray, generator: torch.Generator) -> np.ndarray:
        n, d = len(rows), self.disturbance

        def uniform(low: float, high: float) -> np.ndarray:
            return (low + (high - low) * torch.rand((n, 1), generator=generator, dtype=torch.float64)).numpy()

        time = np.arange(image.SAMPLES) - BEFORE
        place = self.peak[rows, None] + uniform(-d.shift, d.shift) + time * uniform(1 - d.warp, 1 + d.warp)
        out = np.empty((n, image.SAMPLES))
        for k, row in enumerate(rows):
            signal = self.signal[str(self.windows.record[row])]
            at = np.clip(place[k], 0, len(signal) - 1.001)
            left = at.astype(np.int64)
            out[k] = signal[left] * (1 - (at - left)) + signal[left + 1] * (at - left)
        span = np.ptp(out, axis=1, keepdims=True)
        noise = torch.randn(out.shape, generator=generator).numpy()
        out += span * (d.noise * noise + uniform(-d.slope, d.slope) * time / image.SAMPLES)
        return np.clip(np.round(out), -2048, 2047).astype(np.int16)

    def batches(self, count: int, batch: int, generator: torch.Generator):
        """Drawn images ``[batch, 1, 64, 64]`` in units of 1 with their classes."""
        for _ in range(count):
            rows = self.train[torch.multinomial(self.weight, batch, replacement=True, generator=generator).numpy()]
            yield as_input(self._disturbed(rows, generator)), torch.from_numpy(self.label[rows])

    def loss(self, logits: torch.Tensor, target: torch.Tensor, teacher: torch.Tensor | None) -> torch.Tensor:
        """Cross-entropy; with a teacher, half of it gives way to the divergence from its softened probabilities."""
        loss = functional.cross_entropy(logits, target)
        if teacher is None:
            return loss
        told = functional.log_softmax(logits / TEMPERATURE, dim=1)
        wanted = functional.log_softmax(teacher / TEMPERATURE, dim=1)
        distance = functional.kl_div(told, wanted, log_target=True, reduction="batchmean") * TEMPERATURE**2
        return (1 - TEACHER) * loss + TEACHER * distance

    @torch.no_grad()
    def logits(self, net: GraphNet, rows: np.ndarray) -> np.ndarray:
        """Logits of beats as they are, ``float32[n, 5]``."""
        on = next(net.parameters()).device
        made = []
        for begin in range(0, len(rows), 128):
            x = as_input(self.raw(rows[begin : begin + 128])).to(on).to(memory_format=torch.channels_last)
            made.append(net.eval()(x).cpu())
        return torch.cat(made).numpy()

    def validate(self, net: GraphNet) -> float:
        """Accuracy of some validation beats by logits with the true frequencies of the classes; between patients the mean of it and
        of the F1 of N, S and V."""
        truth = self.label[self.glance]
        told = (self.logits(net, self.glance) + self.prior).argmax(axis=1)
        return worth(self.protocol, truth, told)


def worth(protocol: str, truth: np.ndarray, told: np.ndarray) -> float:
    """Accuracy; between patients the mean of it and of the F1 of N, S and V."""
    accuracy = float((truth == told).mean())
    if protocol == COMPARABLE:
        return accuracy
    counts = figures.confusion(truth, told)
    f1 = [2 * counts[k, k] / max(1, counts[k].sum() + counts[:, k].sum()) for k in range(3)]
    return (accuracy + float(np.mean(f1))) / 2


def as_input(raw: np.ndarray) -> torch.Tensor:
    """Raw beats ``int16[n, 256]`` to images ``float32[n, 1, 64, 64]`` in units of 1."""
    return torch.from_numpy(image.images(raw).image.astype(np.float32))[:, None] / (1 << INPUT_FRACTION)
