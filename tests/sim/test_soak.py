"""The soak's comparison, on a small network: right windows pass, and numbers, logits and cycles that differ do not."""

from dataclasses import replace

import numpy as np
import pytest

from hw import configurations
from hw.binary.folding import Config, Folding
from hw.generate import generate
from sim import compare, engines, soak
from tests.conftest import random_bundle, random_windows

WINDOW, COUNT = 240, 9


@pytest.fixture(scope="module")
def top(tmp_path_factory):
    packed = random_bundle(3, channels=(3, 2), window=WINDOW)
    folder = tmp_path_factory.mktemp("soak")
    return packed, generate(packed, Config("soak", (Folding(1), Folding(1))), folder), random_windows(1, COUNT, WINDOW), folder


def test_windows_that_are_right(top):
    told = []
    assert soak.through(*top, told.append) > COUNT * WINDOW and sum(told) == COUNT


def test_one_wrong_logit(top, monkeypatch):
    right = engines.trace

    def wrong(packed, samples):
        trace = right(packed, samples)
        trace.logits[-1, -1] += 1
        return trace

    monkeypatch.setattr(soak.engines, "trace", wrong)
    with pytest.raises(compare.Mismatch, match="logits"):
        soak.through(*top, lambda n: None)


def test_a_window_too_many_or_too_late(top, monkeypatch):
    packed, design, samples, folder = top
    exact = configurations.cycles(design.params)
    monkeypatch.setattr(soak.configurations, "cycles", lambda params: replace(exact, interval=exact.interval + 1))
    with pytest.raises(compare.Mismatch, match="cycles from window"):
        soak.through(packed, design, samples, folder, lambda n: None)
    run = soak.Simulator.run
    monkeypatch.setattr(soak.Simulator, "run", lambda self, given, *more: run(self, np.concatenate([given, given[:1]]), *more))
    with pytest.raises(compare.Mismatch, match="window numbers"):
        soak.through(packed, design, samples, folder, lambda n: None)
