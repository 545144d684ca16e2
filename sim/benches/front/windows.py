"""Raw windows for the cases of the normaliser's parts, and what the normaliser makes of them."""

import numpy as np

from hw.front import reciprocal, statistics
from sim.benches.base import beat
from sw.export.front.normaliser import NormaliserSpec

SPEC = NormaliserSpec(window=40)


def raw(rng, count: int) -> np.ndarray:
    """Raw windows with the corners: flat, one sample off by one, full scale, extremes alternating."""
    windows = rng.integers(-2048, 2048, (count, SPEC.window))
    windows[1] = rng.integers(-30, 30, SPEC.window) + 1000
    windows[2], windows[3], windows[4] = -2048, 5, 2047
    windows[3, 17] = 6
    windows[5] = np.where(np.arange(SPEC.window) % 2, 2047, -2048)
    return windows


def _sums(windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return windows.sum(axis=1), (windows * windows).sum(axis=1)


def sums(windows: np.ndarray) -> list[int]:
    """Payloads of the windows' sums."""
    return [beat(statistics.sums_layout(SPEC), s1=a, s2=b) for a, b in zip(*_sums(windows), strict=True)]


def scales(windows: np.ndarray) -> list[int]:
    """Payloads of the windows' scales."""
    s1, s2 = _sums(windows)
    r, shift, flat = SPEC.scale(s1, s2)
    layout = reciprocal.scale_layout(SPEC)
    return [beat(layout, s1=a, r=b, shift=c, flat=d) for a, b, c, d in zip(s1, r, shift, flat, strict=True)]
