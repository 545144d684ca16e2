"""Windows of any recording: what is no call, what a result is made from, the same answer in every format."""

import edfio
import numpy as np
import pytest
import wfdb

from sw import files
from tests.sim.test_page import fetched


@pytest.mark.parametrize("fs", [360, 250, 500])
def test_a_dead_electrode_is_no_call_at_any_rate(recordings, tmp_path, classified, write, fs):
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


def test_results_say_what_they_are_made_from(recordings, tmp_path, classified, write):
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
    assert "trained without the patients that it is tested on, bnn5 reaches" in first["honesty"]


def test_every_format_gives_the_same_answer(recordings, tmp_path, classified, write):
    """WFDB, EDF, BDF, CSV and NumPy of the same samples."""
    samples = recordings.signal("200", "MLII")[:36_000].astype(np.int32) - 1024
    wanted = classified(write(tmp_path, samples, 360))["windows"]
    scale = {"label": "II", "physical_dimension": "mV", "physical_range": (-5.12, 5.115), "digital_range": (-1024, 1023)}
    edfio.Edf([edfio.EdfSignal.from_digital(samples.astype(np.int16), 360, **scale)]).write(tmp_path / "e.edf")
    edfio.Bdf([edfio.BdfSignal.from_digital(samples, 360, **scale)]).write(tmp_path / "b.bdf")
    (tmp_path / "c.csv").write_text("t,II\n" + "".join(f"{i / 360:.4f},{v}\n" for i, v in enumerate(samples)))
    np.save(tmp_path / "n.npy", samples)
    for name, more in (("e.edf", ()), ("b.bdf", ()), ("c.csv", ("--rate", "360")), ("n.npy", ("--rate", "360"))):
        seen = classified(tmp_path / name, *more)
        assert seen["windows"] == wanted, name
        assert list(seen["files"]) == [name] and seen["record"] == name[0]


def test_a_stretch_of_a_record_has_the_records_own_times(recordings, tmp_path, classified, write):
    path = write(tmp_path, recordings.signal("200", "MLII")[:25_000], 250)
    whole, part = classified(path), classified(path, "--from", "0:20", "--to", "50")
    assert [row["seconds"] for row in part["windows"]] == [20, 30, 40]
    assert [row["sample"] for row in part["windows"]] == [5000, 7500, 10_000]
    assert [row["class"] for row in part["windows"]] == [row["class"] for row in whole["windows"][2:5]]
    assert (part["from_seconds"], part["to_seconds"], whole["to_seconds"]) == (20, 50, None)


def test_rhythm_annotations_and_a_page(recordings, tmp_path, classified, write):
    samples = recordings.signal("200", "MLII")[:36_000].astype(np.int64)
    samples[7200:14_400] = 1000
    seen = classified(write(tmp_path, samples, 360))
    names = [row["class"] for row in seen["windows"]]
    marks = wfdb.rdann(str(seen["folder"] / "r"), "popbeat")
    changes = [i for i in range(10) if not i or names[i] != names[i - 1]]
    assert marks.sample.tolist() == [3600 * i for i in changes] and marks.fs == 360
    assert marks.symbol == ["~" if names[i] == "no call" else "+" for i in changes]
    assert [note.strip("\x00") for note in marks.aux_note] == [
        "no call" if names[i] == "no call" else f"({names[i]}" for i in changes
    ]
    assert "~" in marks.symbol
    text = (seen["folder"] / "report.html").read_text()
    assert "bnn5 reaches" in text and not fetched(text)
