"""Training data of noise for tests of the training."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sw.data import folds, tasks
from sw.data.windows import Split
from sw.export import bundle
from sw.networks import BinaryNetwork, Model
from sw.training.trainer import Recipe


class Tiny:
    """Training data of noise in two classes, short windows; the interface of ``trainer.Data``."""

    def __init__(self):
        rng = np.random.default_rng(1)
        n, length = 60, 120
        label = np.arange(n) % 2
        raw = rng.integers(-300, 300, (n, length)) + (label[:, None] * 400 * np.sin(np.arange(length) / 4)).astype(int)
        self.raw = raw.astype(np.int16)
        self.task = tasks.Task("tiny", ("a", "b"), length, lambda source: [])
        self.windows = tasks.Windows(np.array(["1", "2"])[label], np.arange(n), np.full(n, "MLII"), label)
        self.label = torch.from_numpy(label)
        z, _ = bundle.NormaliserSpec(window=length).normalise(self.raw)
        self.input = torch.from_numpy(z.astype(np.float32) / 256)
        self.source = type("Source", (), {"kind": "noise"})()
        self.further = None


MODEL = Model("tiny", "tiny", BinaryNetwork((3, 4, 2), 120))


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(folds, "load", lambda task, windows, k: Split(np.arange(0, 36), np.arange(36, 48), np.arange(48, 60)))
    return Tiny()


class Further(Tiny):
    """The same with further windows behind the task's own."""

    def __init__(self):
        super().__init__()
        self.windows = replace(self.windows, start=1000 * np.arange(60))
        count = 24
        self.further = tasks.Windows(np.full(count, "3"), np.arange(count), np.full(count, "MLII"), self.windows.label[:count])
        self.input = torch.cat([self.input, self.input[:count]])
        self.label = torch.cat([self.label, self.label[:count]])


@pytest.fixture
def further(monkeypatch, tiny):
    return Further()


STAGED = Recipe(
    epochs=2,
    batch=12,
    windows=24,
    twin_epochs=1,
    pretraining=Recipe(epochs=2, batch=12, windows=24, own=0.0, sign_epochs=2, twin_epochs=1),
)
