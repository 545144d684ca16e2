"""``make replay`` on a simulated board: a small array behind the serial line, networks of windows and of images of beats."""

import numpy as np
import pytest
import wfdb
from typer.testing import CliRunner

from hw.board import replay
from hw.mac.params import CONFIGS, ArrayParams
from hw.mac.top import MacTop
from sim import canary
from sim.bulk import board
from sw import files
from sw.beats import images
from sw.data import beats, multilabel, records
from sw.errors import PopbeatError
from sw.export import bundles
from sw.export.array import integer
from sw.export.front.normaliser import NormaliserSpec
from tests.conftest import random_graph

PARAMS = ArrayParams(groups=2, memory=1 << 15, window=4096, halves=False)
SECONDS = 25


@pytest.fixture(scope="module")
def program():
    """A simulated board with an array."""
    return board.compiled(MacTop(PARAMS, NormaliserSpec()), files.BUILD / "test-replay")


@pytest.fixture
def record(recordings, tmp_path):
    """A record of its own, with ventricular beats: its path and its samples."""
    signal = recordings.signal("208", "MLII")[: SECONDS * 360]
    wfdb.wrsamp(
        "part",
        fs=360,
        units=["mV"],
        sig_name=["MLII"],
        d_signal=signal[:, None].astype(np.int64),
        fmt=["16"],
        adc_gain=[200],
        baseline=[0],
        write_dir=str(tmp_path),
    )
    return tmp_path / "part", signal


@pytest.fixture
def networks(tmp_path, monkeypatch):
    """Small networks by name, in folders of that name."""
    monkeypatch.setattr(files, "BUILD", tmp_path / "build")
    monkeypatch.setitem(CONFIGS, "small", PARAMS)
    sets = {"model": "sets", "task": "multilabel-17", "answer": "set", "training": {"thresholds": [0.5] * 17}}
    made = (
        random_graph(4, False, NormaliserSpec(), multilabel.LABELS, **sets),
        random_graph(5, True, NormaliserSpec(window=256), beats.CLASSES, model="images", task="beat-5-image"),
    )
    for packed in made:
        bundles.write(packed, tmp_path / packed.model)
    return {packed.model: packed for packed in made}


def replayed(line, folder, path):
    """The command's ending, with everything that it says."""
    return CliRunner().invoke(replay.app, ["--record", str(path), "--bundle", str(folder), "--config", "small"])


def test_networks_of_both_kinds_on_one_board(program, record, networks, tmp_path, monkeypatch, capsys):
    """Windows with sets of labels, then beats, on the same board without a new start; then a board that holds another network."""
    monkeypatch.setattr(replay.cli.console, "width", 300)
    path, signal = record
    with board.SimulatedBoard(program) as line:
        monkeypatch.setattr(replay, "SerialLine", lambda port: line)
        done = replayed(line, tmp_path / "sets", path)
        assert not done.exception, done.exception
        said = capsys.readouterr().out + done.output
        windows = signal[:7200].reshape(2, 3600)
        for logits in integer.run(networks["sets"], windows).logits:
            told = bundles.scores(networks["sets"], logits)
            assert told and ", ".join(f"{of['label']} {of['score']:.2f}" for of in told) in said
        assert "2 windows, each answer the integer model's" in said

        done = replayed(line, tmp_path / "images", path)
        assert not done.exception, done.exception
        said = capsys.readouterr().out + done.output
        found = images.run(images.flushed(signal))
        trace = integer.run(networks["images"], images.windows(signal, found.position))
        assert len(found.position) > 10 and f"{len(found.position)} beats, each the integer model's" in said
        (home,) = (files.BUILD / "board" / "annotations").glob("????????")  # told apart by the record's path
        position, symbol, _ = records.read_annotations(home / "part", "popbeat")
        inside = found.position < len(signal)
        assert np.array_equal(position, found.position[inside])
        assert symbol.tolist() == [beats.CLASSES[label] for label in trace.label[inside]]

        # The canary: what is loaded has one wrong sign.
        samples = images.windows(signal, found.position)
        flip = canary.flip_weight(networks["images"], samples[:1], integer.run(networks["images"], samples[:1]), 1)
        compiled = replay.mac_design.compile_bundle(flip.bundle, PARAMS)
        monkeypatch.setattr(replay.mac_design, "compile_bundle", lambda *of: compiled)
        done = replayed(line, tmp_path / "images", path)
    assert isinstance(done.exception, PopbeatError)
    assert f"the board's answer to beat 0 of record part, R peak at sample {found.position[0]}, is" in str(done.exception)


def test_a_simulation_that_stops_is_told(program):
    with board.SimulatedBoard(program) as line:
        line.write(b"\0")
        assert line.read() == b"" and line.cycle > board.WAIT
        line.process.kill()
        with pytest.raises(PopbeatError, match="simulation of the board stopped: no word"):
            line.read()
