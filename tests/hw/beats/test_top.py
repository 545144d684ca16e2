"""Raw recordings through detector, segmenter and a random network of beats in Verilator, against the integers."""

import numpy as np
import pytest
from typer.testing import CliRunner

from hw.beats import top as beat_top
from hw.beats.segmenter import longest_wait
from hw.binary.datapath import DatapathParams
from hw.binary.folding import Config, Folding
from sim import beats as command
from sim.bulk.record import RecordHarness, check
from sw import files
from sw.beats import chain, score
from sw.data import beats
from sw.errors import PopbeatError
from sw.qrs.detector import detect
from tests.conftest import random_bundle, random_rhythm
from tests.hw.spoiled_beats import must_be_noticed

CONFIG = Config("test", (Folding(3), Folding(4), Folding(1)))


@pytest.fixture(scope="module")
def bundle():
    """A random network of beats."""
    return random_bundle(3, (6, 12, 5), beats.WINDOW, rhythm=random_rhythm(3, 2, len(beats.WORDS), 24))


@pytest.fixture(scope="module")
def harness(bundle):
    """Its compiled top."""
    return RecordHarness(DatapathParams(bundle, CONFIG), files.BUILD / "record-test")


# 208: many ventricular beats; 232: pauses. Their positions come round in three minutes without a beat.
@pytest.mark.parametrize(("record", "mode"), [("208", "burst"), ("232", "burst"), ("232", "random")])
def test_every_beat_is_that_of_the_integers(harness, bundle, recordings, record, mode):
    signal = recordings.signal(record, beats.lead(recordings, record))[:20_000]
    if record == "232":
        signal = np.concatenate([signal[:9_000], np.full(70_000, signal[9_000]), signal[9_000:]])
    expected = chain.run(bundle, signal)
    assert len(expected.position) > 60
    assert (np.diff(expected.position).max() > 1 << 16) == (record == "232")
    assert len(np.unique(expected.logits, axis=0)) > 0.6 * len(expected.logits)  # the network looks at its input
    assert check(harness.run(signal, mode), expected) == len(expected.position)


def test_cycles_of_a_sample_and_of_a_beat_are_as_predicted(harness, bundle, recordings):
    told = beat_top.times(DatapathParams(bundle, CONFIG))
    taken, left = harness.cycles(recordings.signal("208", "MLII")[:20_000])
    gaps = np.diff(taken)[2:]  # the first two samples wait in the port's registers
    worked = gaps[gaps != told.sample]
    # A beat is known some cycles behind its sample, when the next one has come or has not.
    assert len(worked) == len(left) > 90 and set(worked - told.beat) <= {1, 2, 3}
    behind = left - taken[2:-1][gaps > told.sample] + told.sample
    cycles, count = np.unique(behind, return_counts=True)
    assert cycles[count.argmax()] == told.result and set(cycles - told.result) <= {-1, 0, 1}
    # At this clock a beat's work is done before the next sample comes.
    assert told.lowest_hz == 360 * (told.beat + told.sample)


def test_wrong_beats_are_noticed(harness, bundle, recordings):
    signal = recordings.signal("208", "MLII")[:5_000]
    seen, expected = harness.run(signal), chain.run(bundle, signal)
    must_be_noticed(check, seen, expected)


def test_packets_are_those_of_the_task(recordings):
    """The chain cuts as the task does: at the annotated R peaks both give the same packets."""
    task, record = beats.BEAT5, "100"
    windows = task.windows(recordings)
    rows = windows.record == record
    peaks, _ = beats.annotated(recordings, record)
    made = chain.packets(recordings.signal(record, "MLII"), peaks)
    assert np.array_equal(made, task.samples(recordings, windows.take(np.flatnonzero(rows))))


def test_a_flat_line_has_no_beats(harness, bundle):
    signal = np.full(3_000, 17, np.int16)
    assert len(detect(signal).position) == 0
    assert check(harness.run(signal), chain.run(bundle, signal)) == 0


def test_what_can_not_stand_behind_the_detector():
    with pytest.raises(PopbeatError, match="can't stand behind the QRS detector"):
        beat_top.check(DatapathParams(random_bundle(1), CONFIG))
    with pytest.raises(ValueError, match="does not lie in a ring"):
        longest_wait(12, 1300)
    with pytest.raises(ValueError, match="words have 12 bits"):
        longest_wait(11, 600)


def test_figures_of_a_matrix():
    matrix = np.zeros((6, 6), np.int64)
    matrix[0, :4] = 90, 4, 2, 0  # N: 90 right, 4 called S, 2 called V
    matrix[1, :2] = 3, 5
    matrix[2, 2], matrix[2, 5] = 7, 1  # V: one missed
    matrix[5, 1] = 1  # an extra beat, called S
    figures = score.figures(matrix)
    assert figures["S"]["sensitivity"] == 5 / 8 and figures["S"]["positive_predictivity"] == 0.5
    assert figures["V"]["sensitivity"] == 7 / 8 and figures["accuracy"] == round(102 / 112, 5)
    assert figures["detection"]["missed"] == 1 and figures["detection"]["extra"] == 1


def test_records_that_are_none_are_refused():
    done = CliRunner().invoke(command.app, ["--records", "100,999"])
    assert isinstance(done.exception, PopbeatError) and "record '999' is none" in str(done.exception)
