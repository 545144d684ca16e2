"""The subject of a run of ``make sim``, the network under test: its bundle, its task's windows, its generated design."""

from pathlib import Path

import numpy as np

from sim import engines
from sw.data import beat_images, beats, multilabel, protocols, source, tasks
from sw.export import bundles

A_CLASS = 10
MANY, SOME = 5000, 400  # of more unseen windows than many, a partial run takes some
SETS = 40  # windows with sets of labels in a partial run
BEATS, FEW_BEATS = 2000, 100  # beats of an image network in a full and in a partial run


def seen_and_unseen(training: dict, task: tasks.Task, windows: tasks.Windows) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the task's windows that the training of a bundle had, and of those that were tested."""
    split = protocols.split(task, windows, None, training["fold"], training["protocol"])
    return np.concatenate([split.train, split.validation]), split.test


class Subject:
    """A bundle under test with its task's windows, its design and what was measured so far (``rtl``)."""

    def __init__(self, folder: Path, config: str, full: bool, found: source.Source):
        self.folder, self.bundle = folder, bundles.read(folder)
        self.named = not config.endswith(".json")  # a configuration that every checkout has
        self.model, self.source = self.bundle.model, found
        self.words = self.bundle.network.words
        self.task = bundles.task(self.bundle)
        self.windows = self.task.windows(found)
        self.known = self.test = None  # of its training, and unseen
        self.scored = np.arange(len(self.task.classes))  # labels, where windows have sets of them
        protocol = self.bundle.training.get("protocol")
        if isinstance(self.task, beat_images.BeatImageTask):
            self._some_beats(protocol)
        elif self.task.sets:
            self._sets(protocol)
        elif protocol == beats.INTER_PATIENT:
            self._other_patients()
        elif protocol in protocols.NAMES:
            known, self.test = seen_and_unseen(self.bundle.training, self.task, self.windows)
            self.known = self.windows.take(known)
        self.samples = self.task.samples(found, self.windows)
        self.rows = np.arange(len(self.windows)) if full else self._spread()
        self.engine = engines.engine(self.bundle, config)
        self.design, self.cycles = self.engine.design, self.engine.cycles
        self.few = self._few()
        self.full = full
        self.rtl: dict = {}
        self.activity: dict[str, np.ndarray] = {}  # of one window: in which cycles each part moved
        self.confusion: list[list[int]] | None = None  # of the unseen windows, where each has one class

    def _other_patients(self) -> None:
        """The beats of DS2, which are the windows of such a network; Q beats go through the hardware, too, and are not scored."""
        self.known = self.windows.take(beats.inter_patient(self.windows).train)
        self.windows = self.windows.take(np.flatnonzero(np.isin(self.windows.record, beats.DS2)))
        self.test = beats.inter_patient(self.windows).test

    def _sets(self, protocol: str | None) -> None:
        """The test windows alone: the others are many, and an array works for a hundred thousand cycles on each."""
        if protocol == beats.INTER_PATIENT:
            split = multilabel.inter_patient(self.windows)
            self.scored = multilabel.scored(self.windows, split)
        else:
            split = multilabel.by_time(self.windows)
        self.known = self.windows.take(np.concatenate([split.train, split.validation]))
        self.windows = self.windows.take(split.test)
        self.test = np.arange(len(self.windows))

    def _some_beats(self, protocol: str | None) -> None:
        """Of the beats of DS2 that the training has not seen, :data:`BEATS`, spread evenly over classes and records: an array that
        works for hundreds of thousands of cycles is not simulated on a hundred thousand beats. The integer model is run on all of
        them in training."""
        test = np.arange(len(self.windows))
        if protocol == beats.INTER_PATIENT:
            self.known = self.windows.take(beats.inter_patient(self.windows).train)
        elif protocol in protocols.NAMES:
            known, test = seen_and_unseen(self.bundle.training, self.task, self.windows)
            self.known = self.windows.take(known)
        rows = test[np.isin(self.windows.record[test], beats.DS2)]
        rows = rows[np.lexsort((self.windows.record[rows], self.windows.label[rows]))]
        self.windows = self.windows.take(np.sort(rows[np.linspace(0, len(rows) - 1, min(BEATS, len(rows))).astype(int)]))
        self.test = beats.inter_patient(self.windows).test if self.known is not None else None

    def _spread(self) -> np.ndarray:
        """Every unseen window, of thousands some hundreds, and ten of every class; where windows have sets of labels, some hundred
        unseen ones."""
        label = self.windows.label
        if self.task.sets:
            return self.test[:: len(self.test) // SETS]
        if isinstance(self.task, beat_images.BeatImageTask):
            return np.arange(len(self.windows))[:: max(1, len(self.windows) // FEW_BEATS)]
        of_each = [np.flatnonzero(label == c)[:A_CLASS] for c in range(len(self.task.classes))]
        unseen = self.test if self.test is not None else np.array([], np.int64)
        if len(unseen) > MANY:
            unseen = unseen[:: len(unseen) // SOME]
        return np.unique(np.concatenate([*of_each, unseen])).astype(np.int64)

    def _few(self) -> np.ndarray:
        """Six different windows of as many classes as there are, for the benches."""
        label = self.windows.label
        rank = np.empty(len(label), np.int64)  # of each window within its class
        for number in np.unique(label):
            rank[label == number] = np.arange((label == number).sum())
        return np.lexsort((label, rank))[:6]
