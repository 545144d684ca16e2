"""Boards: the host's program against the simulated top, through the bytes of the line; frames; constraints."""

import dataclasses

import numpy as np
import pytest
from typer.testing import CliRunner

from hw import beat_top, verilog
from hw.binary import folding
from hw.binary.datapath import DatapathParams
from hw.binary.folding import Config, Folding
from hw.board import boards, host, replay
from hw.board.bitstream import CONSTRAINTS
from hw.board.clock import Ice40Pll, Pll
from hw.board.top import BoardTop
from hw.top import Top
from sim import engines
from sim.benches import runner
from sw import files, link
from sw.beats import chain, score
from sw.data import records, tasks
from sw.errors import PopbeatError
from sw.export import bundle, bundles
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
    """A board of ``window`` samples that calls every window what ``labels`` say, one after the other."""

    def __init__(self, window: int, labels: list[int]):
        self.window, self.labels, self.held, self.waiting = window, labels, 0, []

    def write(self, data: bytes) -> None:
        frame = next(link.Decoder().feed(data))
        if frame.kind == link.RESTART:
            self.held = 0
        self.held += len(frame.payload) // 2 if frame.kind == link.SAMPLES else 0
        self.waiting.append(link.Frame(link.DONE, frame.number, b"\0").encode())
        if self.held == self.window:
            self.held = 0
            self.waiting.append(link.Frame(link.RESULT, 0, np.array([self.labels.pop(0) << 16, 0], "<u4").tobytes()).encode())

    def read(self) -> bytes:
        return self.waiting.pop(0) if self.waiting else b""


@pytest.mark.parametrize("name", ["200", "path"])
def test_replayed_windows_of_the_database_and_of_any_record(recordings, monkeypatch, capsys, name):
    """By its name a record has labels; by its path it is cut into windows, without."""
    packed = bundles.read(bundle.SHIPPED / "bnn5")
    windows = tasks.get("window-5").windows(recordings)
    truth = windows.label[windows.record == "200"].tolist()
    line = Board(packed.network.window, [*truth[:-1], 255])
    monkeypatch.setattr(replay, "SerialLine", lambda port: line)
    record = name if name == "200" else str(recordings.path / "200")
    done = CliRunner().invoke(replay.app, ["--record", record, "--model", "bnn5"])
    assert not done.exception and not line.labels
    said = capsys.readouterr().out + done.output
    assert ("179 of 180 right" if name == "200" else "180 windows") in said and "no call" in said
    assert ("labelled" in said) == (name == "200")


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
