"""The image of a beat: bounds of every stage, flat beats, how far the integers are from a float field."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sw.data import beats
from sw.export.front import image
from sw.export.front.image import LEAST_RANGE, POINTS, RECIPROCAL_SHIFT, ROOT, SAMPLES, TOP, images
from sw.export.rounding import shift_round


def field(samples: np.ndarray) -> np.ndarray:
    """The field in float64, in units of the integer image: cos(a_i + a_j) by the arc cosine, as the paper has it."""
    points = samples.reshape(len(samples), POINTS, -1).mean(axis=2)
    low, high = points.min(axis=1, keepdims=True), points.max(axis=1, keepdims=True)
    angle = np.arccos(np.clip((2 * points - low - high) / (high - low), -1, 1))
    return np.cos(angle[:, :, None] + angle[:, None, :]) * TOP**2 / 128


def annotated(recordings, record: str, count: int) -> np.ndarray:
    """The first beats of a record, cut round their annotated R peaks."""
    peaks, _ = beats.annotated(recordings, record)
    signal = recordings.signal(record, beats.lead(recordings, record))
    places = peaks[:count, None] - SAMPLES // 2 + np.arange(SAMPLES)
    return signal[np.clip(places, 0, len(signal) - 1)].astype(np.int16)


def test_a_beat_by_hand():
    samples = np.repeat(np.arange(POINTS, dtype=np.int16), 4)[None]
    seen = images(samples)
    assert seen.points.tolist() == [list(range(0, 256, 4))]
    # d = 252, r = 66,056: the ends come to -127 and 127, the middle beside 0.
    assert (TOP << RECIPROCAL_SHIFT) // 252 == 66_056
    assert seen.x[0, [0, 31, 32, 63]].tolist() == [-127, -2, 2, 127]
    assert ROOT[[0, 2, 127]].tolist() == [127, 127, 0]
    # -127 * -127 / 128, -127 * 127 / 128, (4 - 127 * 127) / 128.
    assert seen.image[0, [0, 0, 31], [0, 63, 31]].tolist() == [126, -126, -126]
    assert not seen.flat[0]


def test_extremes_of_the_range():
    rng = np.random.default_rng(1)
    samples = rng.choice(np.array([-2048, 2047], np.int16), (50, SAMPLES))
    samples[0, :4], samples[0, 4:] = -2048, 2047
    seen = images(samples)
    assert (seen.points.min(), seen.points.max()) == (-8192, 8188)
    assert (seen.x[0].min(), seen.x[0].max()) == (-127, 127)
    assert not seen.flat.any()


def test_flat_beats():
    samples = np.full((4, SAMPLES), -2048, np.int16)
    samples[1, 8] += LEAST_RANGE - 1
    samples[2, 8:12] += LEAST_RANGE // 4
    samples[3] = 2047
    seen = images(samples)
    assert seen.flat.tolist() == [True, True, False, True]
    assert not seen.image[seen.flat].any() and not seen.x[seen.flat].any()
    # The least range: everything is at the lower end, one point at the upper one.
    assert sorted(set(seen.x[2].tolist())) == [-127, 127]


def test_scales_stay_in_range_for_every_d():
    """The ends of every range that is not flat come to no more than 127, and to no less than 127."""
    d = np.arange(LEAST_RANGE, 4 * 4095 + 1, dtype=np.int64)
    r = (TOP << RECIPROCAL_SHIFT) // d
    assert r.max().item().bit_length() == 20 and d.max().item().bit_length() == 14
    assert set(shift_round(d * r, RECIPROCAL_SHIFT).tolist()) == {TOP}
    assert set(shift_round(-d * r, RECIPROCAL_SHIFT).tolist()) == {-TOP}


def test_no_pair_saturates():
    """All pairs of x: the image lies in -127..127 before it is clipped, so that hardware need not clip."""
    x = np.arange(-TOP, TOP + 1, dtype=np.int64)
    v = ROOT[np.abs(x)].astype(np.int64)
    pairs = x[:, None] * x - v[:, None] * v
    assert np.abs(shift_round(pairs, 7)).max() <= TOP
    assert np.array_equal(image.product(x[None], v[None])[0], shift_round(pairs, 7))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(arrays.arrays(np.int16, (2, SAMPLES), elements=st.integers(-2048, 2047)))
def test_bounds_and_symmetry(samples):
    seen = images(samples)
    assert seen.points.min() >= -8192 and seen.points.max() <= 8188
    assert np.abs(seen.x.astype(int)).max() <= TOP
    assert np.array_equal(seen.image, seen.image.transpose(0, 2, 1))
    assert np.array_equal(seen.flat, np.ptp(seen.points.astype(int), axis=1) < LEAST_RANGE)
    assert (seen.points.dtype, seen.x.dtype, seen.image.dtype) == (np.int16, np.int8, np.int8)


def test_close_to_the_float_field(recordings):
    """Within 12 units of 126 everywhere (beside x = 127 the root is steep: half a unit of x is 11 of v), within 1 on the mean."""
    rng = np.random.default_rng(2)
    noise = np.clip(np.cumsum(rng.integers(-90, 91, (40, SAMPLES)), axis=1), -2048, 2047).astype(np.int16)
    for samples in (noise, annotated(recordings, "208", 60)):
        seen = images(samples)
        assert not seen.flat.any()
        away = np.abs(seen.image - field(samples))
        assert away.max() <= 12 and away.mean() < 1


def test_a_wrong_table_is_noticed(recordings, monkeypatch):
    samples = annotated(recordings, "100", 5)
    right = images(samples)
    changed = ROOT.copy()
    changed[right.x[0, 0]] ^= 1
    monkeypatch.setattr(image, "ROOT", changed)
    assert not np.array_equal(images(samples).image, right.image)


def test_wrong_shape_and_range_are_refused():
    with pytest.raises(ValueError, match=r"shape \[n, 256\], not \[1, 255\]"):
        images(np.zeros((1, SAMPLES - 1), np.int16))
    with pytest.raises(ValueError, match="between -2048 and 2047"):
        images(np.full((1, SAMPLES), 2048, np.int16))
    assert images(np.zeros((0, SAMPLES), np.int16)).image.shape == (0, POINTS, POINTS)
