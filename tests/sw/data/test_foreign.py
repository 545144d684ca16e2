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
    clock = foreign.clock(written(tmp_path, np.arange(10 * fs) % 100, fs=fs))
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
        foreign.clock(written(tmp_path, np.arange(100), fs=fs))
