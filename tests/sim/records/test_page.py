"""What a recording's page holds of its samples."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from sim.records import opening, page
from sw.data import foreign


def lead(minutes):
    values = np.arange(minutes * 60 * 360, dtype=float) % 1000
    return foreign.Lead(Path("r"), "II", values, foreign.Clock(), 12, 200.0, {})


def held(minutes, names):
    opened = opening.Opened(SimpleNamespace(path=Path("r"), sources=()), lead(minutes), {}, Path())
    shown = page.spans([(10.0 * i, 10.0 * i + 10, name) for i, name in enumerate(names)], ("a", "b"))
    envelope, samples, pieces = page._samples(opened, opened.lead.values, shown)
    return opened.lead.values, envelope.data, samples.data["y"], pieces.data


def test_a_short_recording_is_held_whole():
    values, envelope, samples, pieces = held(2, ["a"] * 12)
    assert np.array_equal(samples, values.astype(np.float32)) and pieces == {"first": [0], "at": [0.0], "size": [len(values)]}
    assert (envelope["low"] <= envelope["high"]).all() and len(envelope["x"]) == 2 * 60 * 8


def test_of_a_long_one_what_stands_out_is_held():
    """Two hours with five rare windows: these are there, samples where they belong, and no more than the limit."""
    rare = [7, 100, 333, 500, 719]
    names = ["b" if i in rare else "a" for i in range(720)]
    values, envelope, samples, pieces = held(120, names)
    assert {10.0 * i for i in rare} <= set(pieces["at"]) and len(samples) <= page.MAX_SAMPLES
    for first, at, size in zip(pieces["first"], pieces["at"], pieces["size"], strict=True):
        start = round(at * 360)
        assert np.array_equal(samples[first : first + size], values[start : start + size].astype(np.float32))
    assert len(envelope["x"]) == 7200


def test_classes_have_colours_of_their_own():
    shown = page.spans([(0, 10, "a"), (10, 20, "no call"), (20, 30, "b, c")], ("z", "a"))
    assert shown.classes == ["a", "b, c", "no call"] and len(set(shown.colours)) == 3 and shown.of_windows
    assert not page.marks(np.array([1.0, 2.0]), ["N", "V"], ("N", "V")).of_windows
