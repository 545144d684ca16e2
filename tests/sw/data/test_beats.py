"""Beats: the rules of their words, packets, splits between patients."""

import numpy as np
import pytest

from sw import networks
from sw.data import beats, mitbih, tasks
from sw.errors import PopbeatError
from sw.training import beats as train_beats


def test_rr_words_of_a_premature_beat():
    """Regular beats, one that comes early, its pause: by hand."""
    peaks = np.cumsum([1000, 300, 300, 300, 180, 420, 300])
    words = beats.rr_words(peaks)
    assert words[:, 0].tolist() == [300, 300, 300, 300, 180, 420, 300]
    assert words[:, 1].tolist() == [300, 300, 300, 180, 420, 300, beats.PATIENCE]
    assert words[:, 2].tolist() == [300, 300, 300, 300, 300, 180, 420]
    # 300 until the early beat is over; then 300 - 120 / 8, and from there (420 - 285) / 8 further.
    assert words[:, 3].tolist() == [300, 300, 300, 300, 300, 285, 301]
    assert words[:, 4].tolist() == [300, 300, 300, 300, 300, 298, 300]
    assert words[-2, 5] > words[0, 5] - 8 and words[-1, 5] > words[-2, 5]
    # The early beat and its pause are irregular: 512 / 64, then 504 / 64 more, in sixteenths that round down.
    assert words[:, 6].tolist() == [0, 0, 0, 0, 0, 8, 15]


def test_rr_words_saturate_and_begin():
    words = beats.rr_words(np.array([100, 5100, 5400]))
    assert words[:, 0].tolist() == [beats.PATIENCE, beats.LONGEST, 300]
    assert words[:, 1].tolist() == [beats.PATIENCE, 300, beats.PATIENCE]
    assert beats.rr_words(np.array([7])).tolist() == [[beats.PATIENCE] * 5 + [beats.PATIENCE >> beats.GUARD, 0]]
    assert beats.rr_words(np.zeros(0, int)).shape == (0, 7)


def test_rr_words_of_irregular_beats():
    """Every beat irregular: the word comes up to its limit and no further; regular ones bring it back to nothing."""
    peaks = np.cumsum([200, 260] * 400 + [250] * 800)
    irregular = beats.rr_words(peaks)[:, 6]
    assert beats.ALWAYS - 5 <= irregular[790] <= beats.ALWAYS
    assert (np.diff(irregular[3:790]) >= 0).all() and irregular[-1] == 0
    # An eighth of the RR before, no more: regular still.
    assert not beats.rr_words(np.cumsum([240, 270, 240] * 50))[:3, 6].any()


def test_words_of_a_beat_need_no_more_than_the_next_one():
    rng = np.random.default_rng(1)
    peaks = np.cumsum(rng.integers(80, 700, 200))
    signal = rng.integers(0, 2048, peaks[-1] + 200)
    words = np.concatenate([beats.rr_words(peaks), beats.shape_words(signal, peaks)], axis=1)
    for n in (2, 3, 50, 150):
        fewer = np.concatenate([beats.rr_words(peaks[:n]), beats.shape_words(signal, peaks[:n])], axis=1)
        np.testing.assert_array_equal(fewer[: n - 1], words[: n - 1])
    assert words.min() >= 0 and words.max() <= beats.LONGEST
    # Where a record begins moves nothing.
    np.testing.assert_array_equal(beats.rr_words(peaks + 12345), beats.rr_words(peaks))


def test_shape_words():
    """Beats alike differ by nothing; an odd one does, and moves what is usual by no more than a step."""
    signal = np.full(3000, 1000)
    peaks = np.array([500, 1000, 1500, 2000])
    for peak in peaks:
        signal[peak : peak + 3] = 1320
    signal[1500 : 1500 + 48] = 700
    words = beats.shape_words(signal, peaks)
    usual = np.full(32, -10)
    usual[16] = 310
    assert words[0].tolist() == [0, np.abs(usual).sum() >> 2, np.abs(usual).sum() >> 2]
    assert words[1].tolist() == words[0].tolist()
    assert words[2, 0] > words[0, 2]
    assert words[3, 0] <= (32 * beats.STEP) >> 2
    assert beats.shape_words(np.where(signal > 1000, 9999, 0), peaks).max() == beats.LONGEST


def test_a_network_of_beats_needs_its_task():
    with pytest.raises(PopbeatError, match="takes 0 RR words"):
        tasks.for_network("beat-5", 300, 12, beats.CLASSES)
    task = tasks.for_network("beat-5", 300, 12, beats.CLASSES, len(beats.WORDS))
    network = networks.get("bnnbeat5").network
    assert network.window + network.words == task.length


def test_patients_of_the_two_sets_are_apart(recordings):
    assert not set(beats.DS1) & set(beats.DS2)
    assert len({*beats.DS1, *beats.DS2, "102", "104", "107", "217"}) == 48
    assert sorted(r for group in train_beats.GROUPS for r in group) == sorted(beats.DS1)
    windows = tasks.get("beat-5").windows(recordings)
    split = beats.inter_patient(windows)
    assert not set(windows.record[split.train]) & set(windows.record[split.test])
    assert set(windows.record[split.test]) == set(beats.DS2)
    if recordings.kind == mitbih.NAME:
        assert np.bincount(windows.label).tolist() == [90631, 2781, 7236, 803, 8043]
        assert np.bincount(windows.label[split.train]).tolist() == [45866, 944, 3788, 415]
        assert np.bincount(windows.label[split.test]).tolist() == [44259, 1837, 3221, 388]


def test_a_packet_is_words_and_samples(recordings):
    task = tasks.get("beat-5")
    windows = task.windows(recordings)
    rows = np.flatnonzero(windows.record == "208")[[0, 1, 500, -1]]
    packets = task.samples(recordings, windows.take(rows))
    peaks, _ = beats.annotated(recordings, "208")
    signal = recordings.signal("208", "MLII")
    peak = peaks[500]
    np.testing.assert_array_equal(packets[2, task.words :], signal[peak - beats.BEFORE : peak - beats.BEFORE + beats.WINDOW])
    assert packets[2, 0] == peak - peaks[499] and packets[2, 1] == min(peaks[501] - peak, beats.PATIENCE)
    # Beyond the ends stands the nearest sample.
    before = max(0, beats.BEFORE - peaks[0])
    assert (packets[0, task.words : task.words + before] == signal[0]).all()
