import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sw.data import mitbih, tasks
from sw.export.front.normaliser import TOLERANCE, NormaliserSpec
from sw.export.rounding import round_half_away, saturate, shift_round

SPEC = NormaliserSpec()
OF_TEN_SECONDS = [task.name for task in tasks.TASKS.values() if task.length == mitbih.WINDOW]


def test_rounding_is_half_away_from_zero():
    value = np.arange(-4000, 4000)
    for shift in (1, 2, 5):
        np.testing.assert_array_equal(shift_round(value, shift), round_half_away(value / 2**shift))
    np.testing.assert_array_equal(shift_round(np.array([-3, -1, 1, 3]), 1), [-2, -1, 1, 2])


def test_saturation():
    np.testing.assert_array_equal(saturate(np.array([-2049, -2048, 0, 2047, 2048]), 12), [-2048, -2048, 0, 2047, 2047])


@pytest.mark.parametrize("name", OF_TEN_SECONDS)
def test_within_one_unit_of_float64_on_every_window(name, recordings):
    task = tasks.get(name)
    samples = task.samples(recordings, task.windows(recordings))
    for start in range(0, len(samples), 512):
        part = samples[start : start + 512]
        z, flat = SPEC.normalise(part)
        off = np.abs(z.astype(int) - SPEC.normalise_float(part))
        assert off.max() <= 1
        assert not flat.any()


def test_width_of_r_follows_from_the_error_bound():
    limit = 1 << (SPEC.z_bits - 1)
    assert limit * (2.0 ** -(SPEC.reciprocal_bits - 1) + 2.0 ** -(SPEC.root_bits - 1)) < TOLERANCE
    assert limit * 2.0 ** -(SPEC.reciprocal_bits - 2) >= TOLERANCE, "one bit less would do"
    assert SPEC.reciprocal_bits == 16


@settings(max_examples=60, deadline=None)
@given(arrays(np.int16, (3, 100), elements=st.integers(-2048, 2047)), st.integers(0, 11))
def test_error_bound_holds_for_any_window(samples, shift):
    spec = NormaliserSpec(window=100)
    samples = samples >> shift  # quiet windows too
    z, flat = spec.normalise(samples)
    assert np.abs(z.astype(int) - spec.normalise_float(samples)).max() <= 1
    np.testing.assert_array_equal(flat, samples.min(axis=1) == samples.max(axis=1))


@settings(max_examples=200, deadline=None)
@given(st.integers(100, 5000), st.integers(10, 14), st.data())
def test_r_fills_its_width_and_the_exponent_its_range(window, raw_bits, data):
    spec = NormaliserSpec(window=window, raw_bits=raw_bits)
    limit = 1 << (raw_bits - 1)
    ones = data.draw(st.integers(1, window - 1))
    low = data.draw(st.integers(-limit, limit - 2))
    high = data.draw(st.integers(low + 1, limit - 1))
    s1 = np.array([ones * high + (window - ones) * low])
    s2 = np.array([ones * high**2 + (window - ones) * low**2])
    r, shift, flat = spec.scale(s1, s2)
    assert not flat[0]
    assert r[0].item().bit_length() in (spec.reciprocal_bits - 1, spec.reciprocal_bits)
    assert spec.point - spec.max_exponent <= shift[0] <= spec.point


def test_flat_and_nearly_flat_windows():
    samples = np.full((2, 3600), -2048, np.int16)
    samples[1, 100] += 1
    z, flat = SPEC.normalise(samples)
    assert flat.tolist() == [True, False]
    assert not z[0].any()
    assert z[1, 100] == 2047
    np.testing.assert_array_equal(z[1], SPEC.normalise_float(samples)[1])


def test_wrong_shape_and_range_are_refused():
    with pytest.raises(ValueError, match="shape"):
        SPEC.normalise(np.zeros((1, 3599), np.int16))
    with pytest.raises(ValueError, match="between"):
        SPEC.normalise(np.full((1, 3600), 2048))
    with pytest.raises(ValueError, match="2 to 65536 samples, not 1"):
        NormaliserSpec(window=1)
    with pytest.raises(ValueError, match="too few"):
        NormaliserSpec(window=2, raw_bits=8)
