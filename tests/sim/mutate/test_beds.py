"""Windows that are chosen for what is rounded in them."""

import numpy as np

from sim.mutate import beds
from sw.export.front.normaliser import NormaliserSpec

SPEC = NormaliserSpec()


def distances(window: np.ndarray) -> set[int]:
    """How many units the negative products of a window lie above a half."""
    x = window.astype(np.int64)
    (r,), (shift,), _ = SPEC.scale(np.array([x.sum()]), np.array([(x * x).sum()]))
    product = (SPEC.window * x - x.sum()) * r
    return set((product[product < 0] % (1 << shift) - (1 << (shift - 1))).tolist())


def test_halves_have_a_sample_just_at_a_half_or_so_many_units_above():
    found = beds.halves(SPEC)
    assert len(found) > 8 and "half" in found
    for name, window in found.items():
        assert len(window) == SPEC.window
        assert int(name.removeprefix("half").removeprefix(" + ") or 0) in distances(window), name


def test_near_has_the_extreme_rests_of_the_division():
    windows = np.random.default_rng(1).integers(-100, 100, (50, SPEC.window))
    windows[7] = 5  # flat: no division
    rows = beds.near(SPEC, windows, 10)

    def share(row: int) -> float:
        x = windows[row].astype(object)
        v = SPEC.window * (x * x).sum() - x.sum() ** 2
        while v.bit_length() <= 2 * SPEC.root_bits - 2:
            v *= 4
        root = int(np.floor(np.sqrt(float(v))))
        return abs(SPEC.numerator % root / root - 0.5)

    others = [share(row) for row in range(50) if row not in rows and row != 7]
    assert len(rows) == 10 and 7 not in rows and min(share(row) for row in rows) >= max(others)
