"""What the command that classifies any record leaves, without the hardware."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import wfdb
from typer.testing import CliRunner

from sim import classify, engines
from sw import files
from sw.beats import chain
from sw.data import foreign


@pytest.fixture
def classified(tmp_path, monkeypatch):
    """The command on a record, with the integer model in place of the simulated hardware: what it left in JSON."""
    monkeypatch.setattr(files, "BUILD", tmp_path / "build")
    monkeypatch.setattr(classify.compare, "check", lambda seen, trace: None)

    def harness_of(packed):
        return SimpleNamespace(harness=lambda: SimpleNamespace(run=lambda samples: engines.trace(packed, samples)))

    monkeypatch.setattr(classify.engines, "engine", lambda packed, config: harness_of(packed))

    def run(path, *more):
        before = set((tmp_path / "build").rglob("windows.json"))
        done = CliRunner().invoke(classify.app, ["--record", str(path), "--model", "bnn5", *more])
        if done.exception:
            raise done.exception
        (made,) = set((tmp_path / "build").rglob("windows.json")) - before
        return json.loads(made.read_text())

    return run


def write(folder, samples, fs=250, name="r"):
    folder.mkdir(exist_ok=True)
    scale = {"units": ["mV"], "sig_name": ["II"], "fmt": ["16"], "adc_gain": [200], "baseline": [0]}
    wfdb.wrsamp(name, fs=fs, d_signal=samples.astype(np.int64)[:, None], write_dir=str(folder), **scale)
    return folder / name


@pytest.mark.parametrize("fs", [360, 250, 500])
def test_a_dead_electrode_is_no_call_at_any_rate(recordings, tmp_path, classified, fs):
    """Flat, saturated and missing windows, and one with a short artefact, which keeps its class."""
    samples = recordings.signal("100", "MLII")[: 50 * fs].astype(np.int64)
    samples[10 * fs : 20 * fs] = 990
    samples[20 * fs : 23 * fs] = 32767
    samples[33 * fs : 36 * fs] = -32768
    seen = classified(write(tmp_path, samples, fs))
    classes = [row["class"] for row in seen["windows"]]
    assert classes[1:4] == ["no call"] * 3 and "no call" not in (classes[0], classes[4])
    shares = [(row["flat"], row["clipped"], row["missing"]) for row in seen["windows"]]
    assert (shares[1][0], shares[2][1], shares[3][2]) == (1.0, 0.3, 0.3) and shares[4] == (0, 0, 0)
    assert seen["windows"][1]["margin"] is None


def test_marks_are_in_the_records_own_samples(tmp_path):
    made = chain.Labelled(np.array([360, 720, 5000]), np.array([0, 255, 1]), np.zeros((3, 2), np.int64))
    clock = foreign.Clock(250, foreign.Fraction(36, 25), 1, 1000)
    inside = made.position < 1440
    path = classify.mark(SimpleNamespace(classes=("N", "V")), tmp_path / "r.x", made, inside, np.zeros(3, bool), clock)
    assert path == str(tmp_path / "r.x.popbeat")
    read = wfdb.rdann(str(tmp_path / "r.x"), "popbeat")
    assert (read.fs, read.sample.tolist(), read.symbol) == (250, [250, 500], ["N", "Q"])
    classify.mark(SimpleNamespace(classes=("N", "V")), tmp_path / "q", made, inside, np.array([True, False, False]), clock)
    assert wfdb.rdann(str(tmp_path / "q"), "popbeat").symbol == ["Q", "Q"]
    assert classify.mark(SimpleNamespace(classes=("a", "b")), tmp_path / "other", made, inside, inside, clock) == ""


def test_results_say_what_they_are_made_from(recordings, tmp_path, classified):
    """Two records of one name, a lead upside down: each a folder; the JSON has path, hashes, rates, what was done, versions."""
    samples = recordings.signal("100", "MLII")[:5000]
    first = classified(write(tmp_path / "a", samples))
    second = classified(write(tmp_path / "b", samples[::-1]))
    turned = classified(tmp_path / "a" / "r", "--invert", "--lead", "0")
    assert len(list((tmp_path / "build" / "classified-records").glob("r_II_bnn5_????????"))) == 3
    assert first["path"] == str(tmp_path / "a" / "r") and second["path"] == str(tmp_path / "b" / "r")
    assert first["files"] == {f"r.{ending}": files.sha256_file(tmp_path / "a" / f"r.{ending}") for ending in ("hea", "dat")}
    assert first["files"]["r.dat"] != second["files"]["r.dat"]
    about = {"record": "r", "lead": "II", "lead_number": 0, "rate_hz": 250, "lead_rate_hz": 250, "model": "bnn5"}
    assert first.items() >= about.items() and first["popbeat"] == files.project()["version"] and len(first["bundle_sha256"]) == 64
    assert first["done"] == ["lead II of record r has 250 Hz and is resampled to 360 Hz"]
    assert turned["inverted"] and not first["inverted"] and "lead II is turned upside down" in turned["done"]
