"""R peaks of any recording, through the command."""

import json

import numpy as np
import wfdb
from typer.testing import CliRunner

from sim import detect
from sim.records import peaks
from sw import files


def test_peaks_of_another_rate(recordings, tmp_path, write, monkeypatch):
    """Within 20 ms of the annotated beats of the same stretch, on the record's own clock; the first of them through the RTL."""
    path = write(tmp_path, recordings.signal("100", "MLII")[: 60 * 360 : 2], 180)
    annotated, symbols, _ = recordings.annotations("100")
    annotated = annotated[(annotated < 60 * 360) & (symbols != "+")] / 360
    harness = peaks.QrsHarness()
    monkeypatch.setattr(peaks, "QrsHarness", lambda: harness)
    monkeypatch.setattr(peaks, "RTL_SECONDS", 5)
    monkeypatch.setattr(files, "BUILD", tmp_path / "build")
    done = CliRunner().invoke(detect.app, ["--record", str(path)])
    assert done.exit_code == 0, done.exception
    (home,) = (tmp_path / "build" / "classified-records").glob("r_II_detector_????????")
    told = json.loads((home / "peaks.json").read_text())
    marks = wfdb.rdann(str(home / "r"), "popbeat")
    assert marks.fs == 180 and marks.sample.tolist() == [row["sample"] for row in told["peaks"]]
    seconds = np.array([row["seconds"] for row in told["peaks"]])
    near = np.abs(annotated[:, None] - seconds).min(axis=1)
    assert len(seconds) == len(annotated) and (near < 0.02).all()
    assert told["rtl_values_compared"] > 5 * 360 * 4
    assert told["peaks"][0]["rr"] is None and abs(told["peaks"][5]["rr"] - (seconds[5] - seconds[4])) < 0.002
    assert (home / "minutes.png").stat().st_size > 10_000 and (home / "report.html").stat().st_size > 100_000
