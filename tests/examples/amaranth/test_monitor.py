"""The ECG monitor on Verilator under cocotb: labels and alarms are the integer model's."""

import subprocess
import sys

import numpy as np
import pytest

from examples.amaranth.monitor import Monitor
from hw import configurations, verilog
from hw.binary.folding import Config, Folding
from sim.benches import runner, vectors
from sw import files
from tests.conftest import random_bundle, random_windows

SLOW = Config("test", (Folding(1), Folding(1), Folding(1)))


@pytest.fixture(scope="module")
def bench():
    packed, home = random_bundle(3), files.BUILD / "examples-monitor"
    text = verilog.convert(Monitor(configurations.top(configurations.parameters(packed, SLOW))), "monitor")
    runner.build(files.write_bytes(home / "monitor.v", text.encode()), "monitor", home / "verilator")
    samples = random_windows(3, 12, 61)
    return home / "verilator", vectors.write(home / "bench.npz", vectors.of(packed, samples))


def run(folder, path) -> runner.Outcome:
    return runner.outcome("monitor", "sim.benches.examples.monitor", folder, {"POPBEAT_BENCH": str(path)})


def test_labels_and_alarms(bench):
    seen = run(*bench)
    assert (seen.ran, seen.failed) == (2, 0), seen.log


def test_a_wrong_label_is_caught(bench, tmp_path):
    data = dict(np.load(bench[1]))
    data["label"][-1] += 1
    np.savez(tmp_path / "wrong.npz", **data)
    seen = run(bench[0], tmp_path / "wrong.npz")
    assert (seen.ran, seen.failed) == (2, 1) and "expected" in seen.log


def test_its_verilog_is_written(tmp_path):
    command = [sys.executable, "-m", "examples.amaranth.monitor", "--model", "bnn5", "--config", "tiny"]
    subprocess.run([*command, "--out", str(tmp_path / "monitor.v")], cwd=files.ROOT, check=True, capture_output=True)
    assert "\nmodule monitor(" in "\n" + (tmp_path / "monitor.v").read_text()
