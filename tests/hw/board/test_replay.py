"""`make replay` on lines that answer, rightly and not: classes, sets with scores, beats that the board or the host finds."""

import numpy as np
import pytest
from typer.testing import CliRunner

from hw.board import host, replay
from hw.link import wire as link
from sim import engines
from sw import cli, files
from sw.beats import chain, images, score
from sw.data import records
from sw.errors import PopbeatError
from sw.export import bundle, bundles


class Recorded:
    """A line to a board that answers every frame; with the last samples of all come the results ``words``."""

    def __init__(self, signal: np.ndarray, words: list[np.ndarray]):
        self.left, self.words, self.waiting = len(chain.flushed(signal)), words, []

    def write(self, data: bytes) -> None:
        frame = next(link.Decoder().feed(data))
        self.left -= len(frame.payload) // 2 if frame.kind == link.SAMPLES else 0
        results = [link.Frame(link.RESULT, 0, w.astype("<u4").tobytes()).encode() for w in self.words] if not self.left else []
        self.waiting += [*results, link.Frame(link.DONE, frame.number, b"\0").encode()]

    def read(self) -> bytes:
        return self.waiting.pop(0) if self.waiting else b""


def test_replayed_beats_are_held_against_the_integers_and_scored(recordings, monkeypatch, tmp_path, capsys):
    packed = bundles.read(bundle.SHIPPED / "bnnbeat5")
    monkeypatch.setattr(files, "BUILD", tmp_path)
    signal = recordings.signal("208", "MLII")[:12_000]
    made = chain.run(packed, signal)
    words = [
        np.array([n | label << 16, *(logits & 0xFFFFFFFF), position % (1 << 16)])
        for n, (position, label, logits) in enumerate(zip(made.position, made.label, made.logits, strict=True))
    ]
    truth = score.reference(*recordings.annotations("208")[:2])
    replay.replay_beats(host.Host(Recorded(signal, words), placed=True), packed, "208", signal, truth)
    assert f"{len(made.position):,} beats, each the integer model's" in capsys.readouterr().out
    position, symbol, _ = records.read_annotations(tmp_path / "board" / "annotations" / "208", "popbeat")
    inside = made.position < len(signal)
    assert np.array_equal(position, made.position[inside])
    assert np.array_equal(symbol, made.symbols(packed.classes)[inside])
    words[5][1] ^= 1
    with pytest.raises(PopbeatError, match="are not the .* of the integer model"):
        replay.replay_beats(host.Host(Recorded(signal, words), placed=True), packed, "208", signal, None)


class Board:
    """A line to a board that gives the integer model's answers, in which ``wrong`` is added to the first logit of answer number
    ``at``."""

    def __init__(self, packed: bundles.Bundle, at: int = -1, wrong: int = 1):
        self.packed, self.at, self.wrong = packed, at, wrong
        self.held, self.number, self.waiting, self.image = b"", 0, [], b""

    def write(self, data: bytes) -> None:
        frame = next(link.Decoder().feed(data))
        if frame.kind == link.RESTART:
            self.held, self.number = b"", 0
        if frame.kind in (link.IMAGE, link.IMAGE_END):
            self.image += frame.payload
        self.held += frame.payload if frame.kind == link.SAMPLES else b""
        self.waiting.append(link.Frame(link.DONE, frame.number, b"\1").encode())
        if len(self.held) == 2 * self.packed.network.window:
            trace = engines.trace(self.packed, np.frombuffer(self.held, "<i2")[None])
            logits = trace.logits[0].copy()
            logits[0] += self.wrong * (self.number == self.at)
            words = np.array([self.number | int(trace.label[0]) << 16, *(logits & 0xFFFFFFFF)], "<u4")
            self.waiting.append(link.Frame(link.RESULT, 0, words.tobytes()).encode())
            self.held, self.number = b"", self.number + 1

    def read(self) -> bytes:
        return self.waiting.pop(0) if self.waiting else b""


def replayed(monkeypatch, line, *arguments: str):
    """The command on a line, its ending and everything that it says."""
    monkeypatch.setattr(replay, "SerialLine", lambda port: line)
    monkeypatch.setattr(cli.console, "width", 200)
    return CliRunner().invoke(replay.app, list(arguments))


@pytest.mark.parametrize(("model", "config"), [("bnn5", "full"), ("alq17", "mac128"), ("lamscn17", "mac128l")])
@pytest.mark.parametrize("name", ["200", "path"])
def test_replayed_windows_of_the_database_and_of_any_record(recordings, monkeypatch, capsys, model, config, name):
    """By its name a record has labels; by its path it is cut into windows, without. Sets of labels come with scores."""
    packed = bundles.read(bundle.SHIPPED / model)
    if name == "200":
        known = [part[:40] for part in replay.known_windows(packed, name, recordings)]
        monkeypatch.setattr(replay, "known_windows", lambda *of: known)
        samples, _, truth = known
    else:
        signal = recordings.signal("200", "MLII")[: 12 * 3600]
        faults = {"missing": np.zeros(len(signal), bool), "flat": np.arange(len(signal)) < 800}
        lead = replay.foreign.Lead(recordings.path / "200", "MLII", signal.astype(float), replay.DATABASE, 12, 200, faults)
        samples, _, truth, faulty = replay.other_windows(lead, packed.network.window)
        assert np.array_equal(samples, signal.reshape(-1, 3600)) and faulty.tolist() == [True] + [False] * 11
        monkeypatch.setattr(replay.foreign, "prepare", lambda *of: lead)
    line = Board(packed)
    done = replayed(
        monkeypatch,
        line,
        "--record",
        name if truth is not None else str(recordings.path / "200"),
        "--model",
        model,
        "--config",
        config,
    )
    assert not done.exception, done.exception
    said = capsys.readouterr().out + done.output
    trace, task = engines.trace(packed, samples), bundles.task(packed)
    told = [bundles.told(packed, *answer) for answer in zip(trace.label.tolist(), trace.logits, strict=True)]
    assert line.number == len(samples)
    if truth is not None:
        right = sum(t == task.named(int(label)) for t, label in zip(told, truth, strict=True))
        assert f"{right} of {len(samples)} right" in said and "labelled" in said
    else:
        assert f"{len(samples)} windows, each answer the integer model's" in said and "labelled" not in said
        assert "no call" in said
    if packed.model == "lamscn17":
        assert len(line.image) > 10_000
        for label in bundles.scores(packed, trace.logits[3]):
            assert f"{label['label']} {label['score']:.2f}" in said


def test_a_flat_window_has_no_labels():
    packed = bundles.read(bundle.SHIPPED / "lamscn17")
    logits = np.full(17, 5)
    assert replay.shown(packed, host.Result(0, 255, logits)) == "no call"
    assert replay.shown(packed, host.Result(0, 0, logits - 6)) == "no label"
    assert replay.shown(packed, host.Result(0, 0, logits)).count(",") == 16


def test_a_replayed_window_that_is_not_the_models_is_an_error(recordings, monkeypatch):
    packed = bundles.read(bundle.SHIPPED / "lamscn17")
    done = replayed(monkeypatch, Board(packed, at=5), "--record", "200", "--model", "lamscn17", "--config", "mac128l")
    assert isinstance(done.exception, PopbeatError)
    assert "the board's answer to window 5 of record 200 is number, label and logits [5, " in str(done.exception)


def test_images_of_beats_that_are_found_here(recordings, monkeypatch, tmp_path, capsys):
    """A lead goes to a board that takes beats: each R peak comes back with its label; one wrong logit is an error."""
    packed = bundles.read(bundle.SHIPPED / "gasf5")
    monkeypatch.setattr(files, "BUILD", tmp_path)
    signal = recordings.signal("208", "MLII")[:6_000]
    found = images.run(images.flushed(signal))
    samples = images.windows(signal, found.position)
    trace = engines.trace(packed, samples)
    assert len(samples) > 10 and len(np.unique(trace.label)) > 1
    truth = score.reference(*recordings.annotations("208")[:2])
    replay.replay_images(host.Host(Board(packed)), packed, "208", signal, truth)
    said = capsys.readouterr().out
    assert f"{len(samples)} beats, each the integer model's" in said and "sensitivity" in said
    position, symbol, _ = records.read_annotations(tmp_path / "board" / "annotations" / "208", "popbeat")
    inside = found.position < len(signal)
    assert np.array_equal(position, found.position[inside])
    assert symbol.tolist() == [packed.classes[k] for k in trace.label[inside]]
    with pytest.raises(PopbeatError, match=f"beat 4 of record 208, R peak at sample {found.position[4]}, is"):
        replay.replay_images(host.Host(Board(packed, at=4)), packed, "208", signal, None)
    with pytest.raises(PopbeatError, match="no R peak was found in the 1.4 s of record flat"):
        replay.replay_images(host.Host(Board(packed)), packed, "flat", np.zeros(500, np.int16), None)
