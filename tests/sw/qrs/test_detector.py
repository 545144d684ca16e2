"""The QRS detector: filters against scipy, candidates against brute force."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal as dsp

from sw.data import mitbih
from sw.qrs.detector import PARAMS, detect, find_candidates, judge_envelope
from sw.qrs.envelope import filtered
from sw.qrs.params import QrsParams
from tests.sw.qrs.signals import RNG, noise

SMALL = QrsParams(
    taps=4, smooth=3, hold=5, learning=30, t_wave=6, search_from=4, search_limit=40, search_age=50, silence=60, floor=4
)


def test_filters_are_the_fir_filters_that_they_claim_to_be():
    x = noise(500)
    seen = filtered(x, PARAMS)
    taps, half = PARAMS.taps, PARAMS.taps // 2
    box = np.ones(taps)
    slope = dsp.lfilter(np.convolve(np.r_[np.zeros(half), 1, np.zeros(taps - 1), -1], box), 1, x.astype(float))
    peak = dsp.lfilter(np.convolve(np.r_[-1, np.zeros(taps - 1), 2, np.zeros(taps - 1), -1], box), 1, x.astype(float))
    # Integers below 2^53: float64 is exact, equality holds.
    np.testing.assert_array_equal(seen.slope, slope)
    np.testing.assert_array_equal(seen.peak, peak)
    a, b = np.abs(slope), np.abs(peak)
    magnitude = (np.maximum(a, b) + np.minimum(a, b) // 2) // 2
    np.testing.assert_array_equal(seen.magnitude, magnitude)
    envelope = dsp.lfilter(np.ones(PARAMS.smooth), 1, magnitude)
    envelope[: PARAMS.settled] = 0
    np.testing.assert_array_equal(seen.envelope, envelope)


def test_widths_hold_at_the_ends_of_the_range():
    # The worst inputs: every sample takes the sign of its tap.
    low, high = -(1 << (PARAMS.raw_bits - 1)), (1 << (PARAMS.raw_bits - 1)) - 1
    block = np.repeat([low, high, low, high, high, low], PARAMS.taps)
    seen = filtered(np.r_[noise(2000), np.tile(block, 20), np.tile(-block - 1, 20)], PARAMS)
    assert seen.magnitude.max() < 1 << PARAMS.magnitude_bits and seen.envelope.max() < 1 << PARAMS.envelope_bits
    for stage, bits in ((seen.slope, PARAMS.sum_bits + 1), (seen.peak, PARAMS.sum_bits + 2)):
        assert -(1 << (bits - 1)) <= stage.min() and stage.max() < 1 << (bits - 1)


@given(st.lists(st.integers(0, 6), max_size=120), st.integers(1, 9))
@settings(deadline=None, max_examples=60)
def test_candidates_are_those_of_a_tracker_that_sees_a_sample_at_a_time(values, hold):
    expected, largest, at = [], -1, 0
    for n, value in enumerate(values):
        if value > largest:
            largest, at = value, n
        elif n - at == hold:
            expected.append(at)
            largest, at = value, n
    assert find_candidates(np.array(values, np.int32), hold).tolist() == expected


@given(st.integers(0, 2**32 - 1), st.integers(1, 1 << 12))
@settings(deadline=None, max_examples=40)
def test_beats_are_in_order_apart_and_in_time(seed, scale):
    rng = np.random.default_rng(seed)
    envelope = (rng.gamma(0.3, scale, 2000)).astype(np.int64)
    beats, candidates = judge_envelope(envelope, SMALL)
    place, known, back = beats.T
    assert (np.diff(place) >= SMALL.hold).all()
    assert (known[back == 0] - place[back == 0] == SMALL.hold).all()
    assert (known - place <= SMALL.search_age).all()
    assert (candidates[:, 3] >= SMALL.floor).all() and (candidates[:, 4] >= 0).all()


def test_a_beat_is_found_where_it_is():
    x = np.zeros(4000, np.int64)
    peaks = np.arange(400, 3600, 300)
    for peak in peaks:
        x[peak - 8 : peak + 9] += (20 * (9 - np.abs(np.arange(-8, 9)))).astype(np.int64)
    assert detect(x).position.tolist() == peaks.tolist()
    assert detect(x + 900).position.tolist() == peaks.tolist()  # whatever the offset
    assert detect(-x).position.tolist() == peaks.tolist()  # and polarity


@pytest.mark.parametrize("level", [-2048, 0, 2047])
def test_a_flat_line_has_no_beats(level):
    assert len(detect(np.full(5000, level)).position) == 0
    assert len(detect(level // 2 + RNG.integers(-1, 2, 20_000)).position) == 0  # nor has the noise of a converter


def test_search_back_finds_a_small_beat():
    x = np.zeros(7000, np.int64)
    for k, peak in enumerate(range(400, 6500, 300)):
        height = 7 if k == 12 else 25
        x[peak - 8 : peak + 9] += (height * (9 - np.abs(np.arange(-8, 9)))).astype(np.int64)
    seen = detect(x)
    assert len(seen.position) == 21 and seen.search_back.sum() == 1
    assert seen.position[seen.search_back].tolist() == [400 + 12 * 300]
    assert (seen.known - seen.position <= PARAMS.max_delay).all()


def test_short_signals_and_wrong_ones():
    for length in (0, 1, 79, 80, 81):
        assert len(detect(np.zeros(length, np.int64)).position) == 0
    with pytest.raises(ValueError, match="between -2048 and 2047"):
        detect(np.array([0, 2048]))
    with pytest.raises(ValueError, match="shape"):
        detect(np.zeros((2, 5)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"taps": 5}, "even number"),
        ({"hold": 0}, "positive integer"),
        ({"smooth": 30}, "at most 20"),
        ({"search_age": 1023}, "do not fit"),
        ({"learning": 1 << 16}, "do not fit"),
    ],
)
def test_parameters_that_make_no_detector(change, message):
    with pytest.raises(ValueError, match=message):
        replace(PARAMS, **change)


def test_delays_are_as_stated():
    assert PARAMS.usual_delay == PARAMS.delay + PARAMS.hold
    assert PARAMS.max_delay < 2 * mitbih.RATE  # two seconds
    assert PARAMS.max_delay + mitbih.RATE <= 1024  # the ring of docs/detection.md, with a second before the R peak
