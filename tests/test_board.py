"""Boards: the host's program against the simulated top, through the bytes of the line; frames; constraints."""

import dataclasses
import re

import numpy as np
import pytest
from typer.testing import CliRunner

from hw import verilog
from hw.beats import top as beat_top
from hw.binary import folding
from hw.binary.datapath import DatapathParams
from hw.binary.folding import Config, Folding
from hw.binary.top import Top
from hw.board import bitstream, boards, host, replay
from hw.board.bitstream import CONSTRAINTS
from hw.board.clock import Ice40Pll, Pll
from hw.board.top import BoardTop
from hw.fpga import measure
from hw.link import wire as link
from hw.mac.params import ArrayParams
from hw.mac.top import MacTop
from sim import engines
from sim.benches import runner
from sw import cli, files
from sw.beats import chain, images, score
from sw.data import records, tasks
from sw.errors import PopbeatError
from sw.export import bundle, bundles
from sw.export.front.normaliser import NormaliserSpec
from tests.conftest import random_bundle, random_windows

DIVISOR = 4
SMALL = Config("test", (Folding(2), Folding(2), Folding(1)))


def build(folder, packed, config, samples):
    """The board's top of a network, compiled, with its windows."""
    top = BoardTop(Top(DatapathParams(packed, config)), DIVISOR, blink=8)
    source = files.write_bytes(folder / "bench.v", verilog.convert(top, "board").encode())
    runner.build(source, "board", folder / "verilator")
    trace = engines.trace(packed, samples)
    path = folder / "bench.npz"
    np.savez(path, divisor=DIVISOR, samples=samples, label=trace.label, logits=trace.logits, image=np.zeros(0, np.uint8))
    return folder / "verilator", path


@pytest.fixture(scope="module")
def bench():
    """A small random network."""
    return build(files.BUILD / "board-bench", random_bundle(3), SMALL, random_windows(3, 3, 61))


def test_real_windows_through_the_board(recordings):
    packed = bundles.read(bundle.SHIPPED / "bnn5")
    task = tasks.get(packed.task)
    windows = task.windows(recordings)
    ventricular = int(np.flatnonzero(windows.label == 2)[0])
    folder, data = build(
        files.BUILD / "board-real", packed, folding.get("full"), task.samples(recordings, windows.take([ventricular]))
    )
    environment = {"POPBEAT_BENCH": str(data), "COCOTB_TEST_FILTER": r"\.windows_over_the_line$"}
    assert runner.run("board", "sim.benches.board", folder, environment, tests=1) == 1


@pytest.mark.parametrize(
    "test", ["windows_over_the_line", "broken_frames_are_refused_and_sent_again", "unknown_types_and_restarts"]
)
def test_board(bench, test):
    environment = {"POPBEAT_BENCH": str(bench[1]), "COCOTB_TEST_FILTER": rf"\.{test}$"}
    assert runner.run("board", "sim.benches.board", bench[0], environment, tests=1) == 1


def test_a_recording_through_the_board_that_finds_its_beats(recordings):
    """A quarter of a minute with ventricular beats, twice with a restart between; then the canary: one beat a sample off."""
    packed = bundles.read(bundle.SHIPPED / "bnnbeat5")
    folder, signal = files.BUILD / "board-record", recordings.signal("208", "MLII")[:6_000]
    top = BoardTop(beat_top.BeatTop(beat_top.parameters(packed)), DIVISOR, blink=8)
    runner.build(files.write_bytes(folder / "bench.v", verilog.convert(top, "board").encode()), "board", folder / "verilator")
    expected = vars(chain.run(packed, signal))
    assert len(expected["position"]) > 20 and len(np.unique(expected["label"])) > 1
    wrong = expected | {"position": expected["position"] + (np.arange(len(expected["position"])) == 7)}
    for name, held, failed in (("right", expected, 0), ("wrong", wrong, 1)):
        path = folder / f"{name}.npz"
        np.savez(path, divisor=DIVISOR, signal=signal, **held)
        environment = {"POPBEAT_BENCH": str(path), "COCOTB_TEST_FILTER": r"\.beats_over_the_line$"}
        seen = runner.outcome("board", "sim.benches.board", folder / "verilator", environment)
        assert (seen.ran, seen.failed) == (1, failed), seen.log[-2000:]


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
        samples, _, truth = replay.other_windows(recordings.signal("200", "MLII")[: 12 * 3600], packed.network.window)
        monkeypatch.setattr(replay.foreign, "prepare", lambda *of: samples.reshape(-1))
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


def test_a_wrong_logit_is_caught(bench, tmp_path):
    data = dict(np.load(bench[1]))
    data["logits"][0, 0] += 1
    np.savez(tmp_path / "wrong.npz", **data)
    environment = {"POPBEAT_BENCH": str(tmp_path / "wrong.npz"), "COCOTB_TEST_FILTER": r"\.unknown_types_and_restarts$"}
    seen = runner.outcome("board", "sim.benches.board", bench[0], environment)
    assert (seen.ran, seen.failed) == (1, 1)


def test_frames_survive_their_surroundings():
    frames = [link.Frame(link.SAMPLES, k, bytes(range(k))) for k in range(0, 255, 17)]
    noise = bytes([1, 2, 0xA5, 3])
    stream = noise + b"".join(f.encode() for f in frames)
    decoder = link.Decoder()
    seen = [f for i in range(0, len(stream), 7) for f in decoder.feed(stream[i : i + 7])]
    assert seen[-len(frames) + 1 :] == frames[1:]
    damaged = bytearray(frames[3].encode())
    damaged[6] ^= 1
    decoder = link.Decoder()
    assert list(decoder.feed(bytes(damaged) + frames[4].encode())) == [frames[4]]
    assert decoder.broken >= 1


class Silent:
    """A line that nobody answers on, or somebody who refuses everything."""

    def __init__(self, answer: bytes = b""):
        self.answer, self.waiting = answer, b""

    def write(self, data: bytes) -> None:
        self.waiting = self.answer

    def read(self) -> bytes:
        data, self.waiting = self.waiting, b""
        return data


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (Silent(), "no answer"),
        (Silent(link.Frame(link.REFUSED, 1, bytes([link.WRONG_CRC])).encode()), "wrong CRC"),
        (Silent(b"\xa5noise"), "no answer"),
    ],
)
def test_a_board_that_does_not_answer(line, message):
    with pytest.raises(PopbeatError, match=message):
        host.Host(line).restart()


def test_a_port_that_is_not_there():
    with pytest.raises(PopbeatError, match="PORT=/dev/ttyUSB0 names another one"):
        host.SerialLine("/dev/no-such-port")


@pytest.mark.parametrize("name", boards.BOARDS)
def test_constraints_are_those_of_amaranth_boards(name):
    board = boards.get(name)
    assert set(board.pins()) == {"clock", "rx", "tx", "alive", "abnormal", *board.places}
    assert (CONSTRAINTS / f"{name}{board.suffix}").read_text() == board.constraints()


def test_every_port_of_a_boards_top_has_a_pin():
    """Of one with an array, too."""
    array = MacTop(ArrayParams(groups=2, windows=False, images=False), NormaliserSpec())
    board = boards.get("ulx3s-85f")
    text = bitstream.board_verilog(measure.Classifier("any", "any", None, array, None), board, bitstream.make_pll(board, 75))
    ports = re.search(rf"^module {bitstream.NAME}\((.*?)\);", text, re.MULTILINE | re.DOTALL)[1]
    assert set(re.split(r",\s*", ports)) == set(board.pins())


def unbuilt(model: str, config: str) -> measure.Classifier:
    """A shipped network's classifier, of which nothing is generated: Amaranth does not warn then."""
    made = measure.classifier(bundles.read(bundle.SHIPPED / model), config)
    made.top._MustUse__used = True
    return made


def test_one_bitstream_holds_the_three_networks():
    """Array and normaliser are the same, so the Verilog is; what is loaded tells them apart. And a bitstream is not even begun
    where the array is too large for the device."""
    made = [unbuilt(name, "mac128l") for name in ("alq17", "lamscn17", "gasf5")]
    assert len({(one.top.params, one.top.spec) for one in made}) == 1
    for one in made:
        bitstream.check_link(one)
        measure.check_device(one, boards.get("ulx3s-85f").device)
        assert bitstream.default_mhz(one, boards.get("ulx3s-85f")) == 75
    said = r"alone take 114 of 56 block RAMs \(204 %\); .*"
    for one, instead in zip(made, ("CONFIG=mac128 or mac64 or mac32", "DEVICE=ecp5-85k", "DEVICE=ecp5-85k"), strict=True):
        with pytest.raises(PopbeatError, match=said + instead):
            measure.check_device(one, boards.get("ulx3s-25f").device)
    measure.check_device(unbuilt("alq17", "mac128"), boards.get("ulx3s-25f").device)
    for name, why in (("lamscn17", "18000 bytes.* in a memory of 32768 bytes"), ("gasf5", "mac64 has no front")):
        with pytest.raises(PopbeatError, match=f"{name} does not fit the array mac64: .*{why}.*; arrays that hold it: mac128l"):
            unbuilt(name, "mac64")


def test_clocks():
    for mhz in (50, 75, 100, 125, 150):
        assert 400 <= Pll(25, mhz).divider * mhz <= 800
    with pytest.raises(PopbeatError, match="a multiple of the board's 25 MHz"):
        Pll(25, 110)
    assert Ice40Pll(12, 24, pad=True).factors == (64, 5)
    with pytest.raises(PopbeatError, match="can't be had from the board's 12 MHz; take 24"):
        Ice40Pll(12, 25, pad=False)
    with pytest.raises(PopbeatError, match="unknown board"):
        boards.get("arty")
    assert dataclasses.is_dataclass(boards.get("ulx3s-85f"))
