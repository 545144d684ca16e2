"""Recordings of other databases, made from those of MIT-BIH: leads, rates, scales, and what is no signal."""

from fractions import Fraction

import numpy as np
import pytest
import wfdb

from sw.beats import annotations
from sw.data import foreign, records
from sw.errors import PopbeatError


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
    assert foreign.prepare(header, 0, 12, invert=True).tolist() == [1000, 995, 991, 0]


@pytest.mark.parametrize("fs", [360.001, 9999.999, 62.4725, 333.333333])
def test_odd_rates_take_short_filters(tmp_path, capsys, fs):
    """The ratio has small numbers, its error is said, and a sine of 5 Hz stays one."""
    time = np.arange(int(3 * fs)) / fs
    header = written(tmp_path, np.round(900 * np.sin(2 * np.pi * 5 * time)), fs=fs, fmt="16")
    ratio = foreign.clock(header, 0).ratio
    assert ratio.denominator <= foreign.MAX_DENOMINATOR and abs(float(ratio) * fs / 360 - 1) < 5e-6
    seen = foreign.prepare(header, 0, 12).astype(float)
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
