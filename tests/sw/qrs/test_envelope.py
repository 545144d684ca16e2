"""Filters in blocks are those of the whole lead."""

import numpy as np
import pytest

from sw.qrs import envelope
from sw.qrs.params import QrsParams


@pytest.mark.parametrize("block", [1, 37, 1000])
def test_blocks_leave_no_seam(block, monkeypatch):
    samples = np.random.default_rng(3).integers(-2048, 2048, 2_500).astype(np.int16)
    whole = envelope.filtered(samples, QrsParams())
    monkeypatch.setattr(envelope, "BLOCK", block)
    parts = envelope.filtered(samples, QrsParams())
    for name in ("slope", "peak", "magnitude", "envelope"):
        assert np.array_equal(getattr(parts, name), getattr(whole, name)) and getattr(whole, name).any()
