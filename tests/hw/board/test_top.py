"""A board's top on Verilator under cocotb, driven by the host's program through the bytes of the line."""

import numpy as np
import pytest

from hw import verilog
from hw.beats import top as beat_top
from hw.binary import folding
from hw.binary.datapath import DatapathParams
from hw.binary.folding import Config, Folding
from hw.binary.top import Top
from hw.board.top import BoardTop
from sim.benches import runner, vectors
from sw import files
from sw.beats import chain
from sw.data import tasks
from sw.export import bundle, bundles
from tests.conftest import random_bundle, random_windows

DIVISOR = 4
SMALL = Config("test", (Folding(2), Folding(2), Folding(1)))


def build(folder, packed, config, samples):
    """The board's top of a network, compiled, with its windows."""
    top = BoardTop(Top(DatapathParams(packed, config)), DIVISOR, blink=8)
    source = files.write_bytes(folder / "bench.v", verilog.convert(top, "board").encode())
    runner.build(source, "board", folder / "verilator")
    return folder / "verilator", vectors.write(folder / "bench.npz", vectors.of(packed, samples, divisor=DIVISOR))


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
    assert runner.run("board", "sim.benches.board.top", folder, environment, tests=1) == 1


@pytest.mark.parametrize(
    "test",
    [
        "windows_over_the_line",
        "broken_frames_are_refused_and_sent_again",
        "unknown_types_and_restarts",
        "restarts_while_a_result_leaves",
    ],
)
def test_board(bench, test):
    environment = {"POPBEAT_BENCH": str(bench[1]), "COCOTB_TEST_FILTER": rf"\.{test}$"}
    assert runner.run("board", "sim.benches.board.top", bench[0], environment, tests=1) == 1


def test_a_recording_through_the_board_that_finds_its_beats(recordings):
    """Five seconds with five ventricular beats among nine (a synthetic record has eight), twice with a restart between; then the
    canary, shorter: one beat a sample off. A sample takes 80 cycles on the line, so it is not a longer part of the record."""
    packed = bundles.read(bundle.SHIPPED / "bnnbeat5")
    folder, signal = files.BUILD / "board-record", recordings.signal("208", "MLII")[:2_000]
    top = BoardTop(beat_top.BeatTop(beat_top.parameters(packed)), DIVISOR, blink=8)
    runner.build(files.write_bytes(folder / "bench.v", verilog.convert(top, "board").encode()), "board", folder / "verilator")
    for name, part, failed in (("right", signal, 0), ("wrong", signal[:1_200], 1)):
        path, expected = folder / f"{name}.npz", vars(chain.run(packed, part))
        assert len(expected["position"]) >= (5 if failed else 8) and len(np.unique(expected["label"])) > 1
        expected["position"] += failed * (np.arange(len(expected["position"])) == 3)
        np.savez(path, divisor=DIVISOR, signal=part, **expected)
        environment = {"POPBEAT_BENCH": str(path), "COCOTB_TEST_FILTER": r"\.beats_over_the_line$"}
        seen = runner.outcome("board", "sim.benches.board.top", folder / "verilator", environment)
        assert (seen.ran, seen.failed) == (1, failed), seen.log[-2000:]


def test_a_wrong_logit_is_caught(bench, tmp_path):
    data = dict(np.load(bench[1]))
    data["logits"][0, 0] += 1
    np.savez(tmp_path / "wrong.npz", **data)
    environment = {"POPBEAT_BENCH": str(tmp_path / "wrong.npz"), "COCOTB_TEST_FILTER": r"\.unknown_types_and_restarts$"}
    seen = runner.outcome("board", "sim.benches.board.top", bench[0], environment)
    assert (seen.ran, seen.failed) == (1, 1)
