"""EDF and BDF files made from a recording: their samples, gaps and rates, and what is wrong with broken ones."""

import edfio
import numpy as np
import pytest

from sw.data import foreign, recordings, records
from sw.errors import PopbeatError

RATE = 360


def digital(values, cls=edfio.EdfSignal, label="ECG MLII", rate=RATE, unit="mV", physical=(-5.12, 5.115), limits=(-1024, 1023)):
    return cls.from_digital(values, rate, label=label, physical_dimension=unit, physical_range=physical, digital_range=limits)


@pytest.fixture
def samples(recordings):
    return recordings.signal("100", "MLII")[: 40 * RATE].astype(np.int16) - 1024


@pytest.mark.parametrize("ending", ["edf", "bdf"])
def test_samples_units_and_rates(samples, tmp_path, ending):
    """Two signals of different rates: each has its own samples, rate and length."""
    cls, whole = (edfio.EdfSignal, edfio.Edf) if ending == "edf" else (edfio.BdfSignal, edfio.Bdf)
    values = samples.astype(np.int16 if ending == "edf" else np.int32)
    path = tmp_path / f"a.{ending}"
    whole([digital(values[::10].copy(), cls, "SpO2", RATE / 10, "%"), digital(values, cls)]).write(path)
    header = recordings.read_header(path)
    assert header.leads == ("SpO2", "ECG MLII") and header.files() == [path]
    assert (header.rate_of(0), header.rate_of(1), header.length_of(1)) == (36, 360, len(samples))
    assert header.signals[1].gain == 2047 / 10.235
    assert header.signals[1].baseline == 0 and (header.signals[1].adc_res, header.signals[1].adc_zero) == (11, 0)
    assert foreign.choose_lead(header, "") == 1
    read, gone = records.read_lead(header, 1, 1000, 9000)
    assert np.array_equal(read, samples[1000:9000]) and not gone.any()
    assert np.array_equal(records.read_lead(header, 0)[0], samples[::10])


def test_a_signal_stored_upside_down(samples, tmp_path):
    edfio.Edf([digital(samples, physical=(5.115, -5.12))]).write(tmp_path / "a.edf")
    header = recordings.read_header(tmp_path / "a.edf")
    assert header.signals[0].gain > 0
    assert np.array_equal(records.read_lead(header, 0)[0], -samples)


def interrupted(path, samples, onsets):
    """An EDF+D file: as edfio writes EDF+C, with other times of its data records, of a second each."""
    edfio.Edf([digital(samples)], annotations=[edfio.EdfAnnotation(0, None, "x")], data_record_duration=1).write(path)
    data = bytearray(path.read_bytes())
    data[192:197] = b"EDF+D"
    header, count = 256 * 3, int(data[236:244])
    size = (len(data) - header) // count
    for number, onset in enumerate(onsets):
        first = header + number * size + 2 * RATE
        note = b"+%g\x14\x14\x00" % onset
        data[first : first + size - 2 * RATE] = note.ljust(size - 2 * RATE, b"\x00")
    path.write_bytes(data)
    return count


def test_an_interrupted_file_has_gaps(samples, tmp_path):
    count = interrupted(tmp_path / "a.edf", samples, [k + 5 * (k >= 12) for k in range(40)])
    assert count == 40
    header = recordings.read_header(tmp_path / "a.edf")
    assert header.length_of(0) == 45 * RATE
    read, gone = records.read_lead(header, 0)
    assert np.array_equal(np.flatnonzero(gone), np.arange(12 * RATE, 17 * RATE))
    assert np.array_equal(read[~gone], samples)
    part, part_gone = records.read_lead(header, 0, 4000, 6500)
    assert np.array_equal(part, read[4000:6500]) and np.array_equal(part_gone, gone[4000:6500])
    interrupted(tmp_path / "b.edf", samples, [0.5 * k for k in range(40)])
    with pytest.raises(PopbeatError, match="overlap"):
        recordings.read_header(tmp_path / "b.edf")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda data: data[:100], "is no EDF file"),
        (lambda data: data[:300], "ends in its header"),
        (lambda data: data[:-3000], "truncated"),
        (lambda data: data[:252] + b"9999" + data[256:], "ends in its header"),
        (lambda data: data[:236] + b"99999999" + data[244:], "truncated"),
        (lambda data: data[:244] + b"0       " + data[252:], "can't be read as EDF|data records of 0 s"),
        (lambda data: data[:472] + b"xxxxxxxx" + data[480:], "can't be read as EDF|mend its header"),
        (lambda data: data[:360] + b"nan     " + data[368:], "has no range"),
        (lambda data: b"RIFF" * 500, "is no EDF file"),
        (lambda data: b"", "is no EDF file"),
    ],
)
def test_broken_files_are_told(samples, tmp_path, change, says):
    path = tmp_path / "a.edf"
    edfio.Edf([digital(samples)]).write(path)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(PopbeatError, match=says):
        recordings.read_header(path)


def test_a_file_of_unknown_length_has_what_it_holds(samples, tmp_path):
    path = tmp_path / "a.edf"
    edfio.Edf([digital(samples)]).write(path)
    data = path.read_bytes()
    path.write_bytes(data[:236] + b"-1      " + data[244:])
    assert recordings.read_header(path).length == len(samples)
