"""Beats as windows of a record."""

import numpy as np

from sw.beats import images
from sw.data import beats


def test_windows_of_a_record(recordings):
    """The R peak is sample 128; beyond the ends the first and the last sample stand."""
    signal = recordings.signal("100", beats.lead(recordings, "100"))
    peaks, _ = beats.annotated(recordings, "100")
    seen = images.windows(signal, peaks)
    assert seen.shape == (len(peaks), 256) and seen.dtype == np.int16
    assert np.array_equal(seen[:, images.BEFORE], signal[peaks])
    assert np.array_equal(seen[5], signal[peaks[5] - 128 : peaks[5] + 128])
    ends = images.windows(signal, np.array([100, len(signal) - 100]))
    assert (ends[0, :28] == signal[0]).all() and np.array_equal(ends[0, 28:], signal[:228])
    assert (ends[1, 228:] == signal[-1]).all() and np.array_equal(ends[1, :228], signal[-228:])
