"""Recordings of other databases, made from those of MIT-BIH: leads, rates, scales, and what is no signal."""

from fractions import Fraction

import numpy as np
import pytest
import wfdb

from sw.beats import annotations
from sw.data import foreign, records
from sw.errors import PopbeatError
from sw.export import bundle, bundles
from sw.export.binary import integer


def written(folder, samples, name="r", fs=360, units=None, leads=("MLII",), fmt="212", gain=200.0, **fields) -> records.Header:
    """Write raw samples ``int[n]`` or ``int[n, signals]`` as a record and read its header."""
    samples = np.asarray(samples)
    samples = samples[:, None] if samples.ndim == 1 else samples
    count = samples.shape[1]
    wfdb.wrsamp(
        name,
        fs=fs,
        units=list(units or ["mV"] * count),
        sig_name=list(leads),
        d_signal=samples.astype(np.int64),
        fmt=[fmt] * count,
        adc_gain=[gain] * count,
        baseline=[fields.get("baseline", 0)] * count,
        write_dir=str(folder),
    )
    return records.read_header(folder / name)


@pytest.mark.parametrize(("fs", "ratio"), [(360, Fraction(1)), (250, Fraction(36, 25)), (128, Fraction(45, 16))])
def test_places_come_back_in_the_records_own_samples(tmp_path, fs, ratio):
    """A beat at second 2 is at second 2 in the annotation file, whose rate is the record's."""
    clock = foreign.clock(written(tmp_path, np.arange(10 * fs) % 100, fs=fs), 0)
    assert (clock.rate, clock.ratio, clock.length) == (fs, ratio, 10 * fs)
    own = clock.own(np.array([720, 1080, 3599]))
    assert own.tolist() == [2 * fs, 3 * fs, min(round(3599 / 360 * fs), 10 * fs - 1)]
    annotations.write(tmp_path, "r", own, np.array(list("NVN")), rate=clock.rate)
    read = wfdb.rdann(str(tmp_path / "r"), "popbeat")
    assert (read.fs, read.sample.tolist(), read.symbol) == (fs, own.tolist(), list("NVN"))
    (tmp_path / "r.hea").unlink()  # the rate stands in the file itself
    assert wfdb.rdann(str(tmp_path / "r"), "popbeat").fs == fs


@pytest.mark.parametrize("fs", [49, 10_001])
def test_rates_that_are_not_taken(tmp_path, fs):
    with pytest.raises(PopbeatError, match=f"has {fs} Hz; classified are records of 50 to 10000 Hz"):
        foreign.clock(written(tmp_path, np.arange(100), fs=fs), 0)


@pytest.mark.parametrize(
    ("leads", "units", "chosen"),
    [
        (["PLETH", "V5", "ii"], ["mV", "mV", "mV"], "ii"),
        (["V1", "mlii", "II"], ["mV"] * 3, "mlii"),
        (["ABP", "ECG"], ["mmHg", "uV"], "ECG"),
        (["V", "MCL1"], ["mV", "mV"], "MCL1"),
        (["channel 1", "aVF"], ["mV", "mV"], "aVF"),
        (["RESP", "unknown"], ["mV", "V"], "unknown"),
        (["I", "III"], ["mV", "mV"], "I"),
        (["Resp", "ECG Lead II", "ECG V1"], ["mV"] * 3, "ECG Lead II"),
    ],
)
def test_the_lead_that_the_models_know_best(tmp_path, leads, units, chosen):
    header = written(tmp_path, np.zeros((50, len(leads))), leads=leads, units=units, fmt="16")
    assert header.leads[foreign.choose_lead(header, "")] == chosen


def test_a_pulse_is_no_ecg(tmp_path, capsys):
    header = written(tmp_path, np.zeros((50, 3)), leads=["PLETH", "ART", "Pressure"], units=["NU", "mV", "mmHg"], fmt="16")
    with pytest.raises(PopbeatError, match="has no ECG by names and units: 0 PLETH .NU., 1 ART .mV., 2 Pressure .mmHg."):
        foreign.choose_lead(header, "")
    assert foreign.choose_lead(header, "art") == 1
    assert "lead ART of record r is no ECG by its name" in capsys.readouterr().err


def test_leads_of_one_name_are_told_apart_by_number(tmp_path):
    samples = np.stack([np.arange(50), np.arange(50) + 7, np.arange(50) + 9], axis=1)
    written(tmp_path, samples, leads=["ECG", "ECX", "II"], fmt="16")
    path = tmp_path / "r.hea"
    path.write_text(path.read_text().replace("ECX", "ECG"))
    header = records.read_header(path)
    with pytest.raises(PopbeatError, match="has 2 leads 'ECG'; give one by its number: 0 ECG, 1 ECG, 2 II"):
        foreign.choose_lead(header, "ECG")
    assert records.read_signal(header, foreign.choose_lead(header, "1"))[0] == 7
    with pytest.raises(PopbeatError, match="no lead '3'"):
        foreign.choose_lead(header, "3")


def test_upside_down(tmp_path):
    header = written(tmp_path, [0, 5, 9, 1000], fmt="16")
    assert foreign.prepare(header, 0, 12, invert=True).stream().tolist() == [1000, 995, 991, 0]


def test_a_negative_gain_is_a_lead_that_is_stored_upside_down(tmp_path, capsys):
    header = written(tmp_path, [0, 5, 9, 1000], fmt="16")
    text = header.path.with_suffix(".hea").read_text()
    header.path.with_suffix(".hea").write_text(text.replace("200", "-200", 1))
    header = records.read_header(tmp_path / "r.hea")
    assert header.signals[0].gain == -200
    lead = foreign.prepare(header, 0, 12)
    assert lead.stream().tolist() == [1000, 995, 991, 0] and lead.gain == 200
    assert "negative gain" in capsys.readouterr().err and "negative gain" in lead.done[0]
    twice = foreign.prepare(header, 0, 12, invert=True)
    assert twice.stream().tolist() == [0, 5, 9, 1000] and "turned twice" in twice.done[0]


@pytest.mark.parametrize("fs", [360.001, 9999.999, 62.4725, 333.333333])
def test_odd_rates_take_short_filters(tmp_path, capsys, fs):
    """The ratio has small numbers, its error is said, and a sine of 5 Hz stays one."""
    time = np.arange(int(3 * fs)) / fs
    header = written(tmp_path, np.round(900 * np.sin(2 * np.pi * 5 * time)), fs=fs, fmt="16")
    ratio = foreign.clock(header, 0).ratio
    assert ratio.denominator <= foreign.MAX_DENOMINATOR and abs(float(ratio) * fs / 360 - 1) < 5e-6
    seen = foreign.prepare(header, 0, 12).stream().astype(float)
    wanted = 900 * np.sin(2 * np.pi * 5 * np.arange(len(seen)) / 360)
    assert np.abs(seen - wanted)[100:-100].max() < 20
    said = capsys.readouterr().err
    assert ("and is resampled to 360 Hz" in said) == (ratio != 1)


def test_damage_is_told_and_strict_refuses_it(tmp_path, capsys):
    header = written(tmp_path, np.arange(500), fmt="16")
    assert foreign.check(header, 0, strict=True) == []
    data = bytearray((tmp_path / "r.dat").read_bytes())
    data[100] ^= 1
    (tmp_path / "r.dat").write_bytes(data)
    assert len(foreign.check(header, 0)) == 1
    assert "r.dat may be damaged in signal MLII" in capsys.readouterr().err
    with pytest.raises(PopbeatError, match="damaged in signal MLII"):
        foreign.check(header, 0, strict=True)


def ecg(seconds: int, rate: int) -> np.ndarray:
    """A made-up ECG in units of 5 uV, ``float64[n]``, with some noise: no two seconds are alike."""
    time = np.arange(seconds * rate) / rate
    noise = np.random.default_rng(3).normal(0, 4, len(time))
    return 250 * np.exp(-0.5 * (((time % 0.8) - 0.4) / 0.02) ** 2) + 30 * np.sin(2 * np.pi * 0.3 * time) + noise


@pytest.mark.parametrize("fs", [360, 250, 128, 1000, 257])
@pytest.mark.parametrize(("kind", "value"), [("flat", 40), ("flat", -3), ("clipped", 2047), ("missing", -32768), ("clipped", 900)])
def test_faults_are_those_of_the_record_at_any_rate(tmp_path, fs, kind, value):
    """An electrode that is off for three seconds, saturation of the converter or before it, a gap."""
    samples = np.round(ecg(30, fs))
    samples[12 * fs : 15 * fs] = value
    if kind == "flat":
        samples[12 * fs : 15 * fs : 7] += 1  # one unit of noise
    header = written(tmp_path, samples, fs=fs, fmt="16", leads=["II"])
    lead = foreign.prepare(header, 0, 12)
    assert len(lead.windows(3600)) == 3
    shares = lead.shares(np.array([0, 3600, 7200]), 3600)
    assert [of["faulty"] for of in shares] == [0, 0.3, 0] and shares[1][kind] == 0.3


def test_a_healthy_record_has_no_faults(recordings):
    for record in ("100", "203"):
        header = records.read_header(recordings.path / record)
        lead = foreign.prepare(header, 0, 12)
        assert not any(marks.any() for marks in lead.faults.values())
        np.testing.assert_array_equal(lead.stream(), recordings.signal(record, header.leads[0]))
        np.testing.assert_array_equal(lead.windows(3600).reshape(-1), lead.stream()[:648_000])


@pytest.mark.parametrize(
    ("fmt", "times", "offset"),
    [("16", 16, 9000), ("16", 1, 20_000), ("24", 4096, -300_000), ("32", 1 << 19, 1 << 28), ("24", 777, 5)],
)
@pytest.mark.parametrize("model", ["bnn5", "bnn17"])
def test_wider_samples_give_what_eleven_bits_give(recordings, tmp_path, fmt, times, offset, model):
    packed = bundles.read(bundle.SHIPPED / model)
    samples = recordings.signal("200", "MLII")[: 20 * 3600].astype(np.int64)
    narrow = foreign.prepare(written(tmp_path, samples, "narrow"), 0, 12).windows(3600)
    wide = foreign.prepare(written(tmp_path, samples * times + offset, "wide", fmt=fmt, gain=200 * times), 0, 12)
    labels = [integer.run(packed, windows).label.tolist() for windows in (narrow, wide.windows(3600))]
    assert labels[0] == labels[1]
    # As a whole, for beats, it is the narrow record about another zero.
    assert np.ptp(wide.stream().astype(int) - narrow.reshape(-1)) == 0


def test_an_artefact_does_not_set_the_scale_of_a_record(tmp_path, capsys):
    samples = np.round(ecg(60, 360) * 40)
    samples[31 * 360 : 31 * 360 + 36] = 8_000_000
    lead = foreign.prepare(written(tmp_path, samples, fmt="24", gain=8000), 0, 12)
    windows = lead.windows(3600)
    assert all(np.ptp(windows[i].astype(int)) > 250 for i in (0, 1, 2, 4, 5))
    assert np.ptp(lead.stream()[: 30 * 360].astype(int)) > 250
    assert "each by itself" in capsys.readouterr().err


def test_a_record_that_is_too_short(tmp_path):
    lead = foreign.prepare(written(tmp_path, np.arange(3599) % 700, fmt="16"), 0, 12)
    with pytest.raises(PopbeatError, match=r"has 3,599 samples at 360 Hz, and a window takes 3,600 \(10 s\); take a longer"):
        lead.windows(3600)
