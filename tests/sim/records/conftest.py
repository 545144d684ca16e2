"""The command that classifies any recording, with the integer model in place of the simulated hardware."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import wfdb
from typer.testing import CliRunner

from sim import classify, engines
from sim.records import windows
from sw import files


@pytest.fixture
def classified(tmp_path, monkeypatch):
    """The command on a recording: what it left in JSON, with the folder that this lies in."""
    monkeypatch.setattr(files, "BUILD", tmp_path / "build")
    monkeypatch.setattr(windows.compare, "check", lambda seen, trace: None)

    def harness_of(packed):
        return SimpleNamespace(harness=lambda: SimpleNamespace(run=lambda samples: engines.trace(packed, samples)))

    monkeypatch.setattr(windows.engines, "engine", lambda packed, config: harness_of(packed))

    def run(path, *more):
        before = set((tmp_path / "build").rglob("windows.json"))
        done = CliRunner().invoke(classify.app, ["--record", str(path), "--model", "bnn5", *more])
        if done.exception:
            raise done.exception
        (made,) = set((tmp_path / "build").rglob("windows.json")) - before
        return json.loads(made.read_text()) | {"folder": made.parent}

    return run


@pytest.fixture
def write():
    """Write samples ``int[n]`` as a WFDB record of lead II; returns its path."""

    def written(folder, samples, fs=250, name="r"):
        folder.mkdir(exist_ok=True)
        scale = {"units": ["mV"], "sig_name": ["II"], "fmt": ["16"], "adc_gain": [200], "baseline": [0]}
        wfdb.wrsamp(name, fs=fs, d_signal=samples.astype(np.int64)[:, None], write_dir=str(folder), **scale)
        return folder / name

    return written
