"""Windows at random have every kind of window among them."""

import numpy as np

from sim.drawn import random_windows


def test_random_windows_are_noise_steps_constants_and_the_ends_of_the_range():
    noise, steps, flat, ends = random_windows(1, 4, 300)
    assert len(np.unique(noise)) > 200 and np.ptp(flat) == 0 and set(ends.tolist()) == {-2048, 2047}
    assert np.abs(np.diff(steps)).max() <= 9
    assert np.array_equal(random_windows(1, 4, 300)[0], noise)
