"""The LiteX SoC on Verilator under cocotb: what its CSRs show is what the integer model says."""

import numpy as np
import pytest

from examples.litex import soc
from hw import generate
from hw.binary.folding import Config, Folding
from sim.benches import runner, vectors
from sw import files
from tests.conftest import random_bundle, random_windows

SMALL = Config("test", (Folding(2), Folding(2), Folding(1)))


@pytest.fixture(scope="module")
def bench():
    packed, home = random_bundle(3), files.BUILD / "examples-soc"
    design = generate.generate(packed, SMALL, home)
    both = soc.write(design, home).read_bytes() + design.verilog.read_bytes()
    runner.build(files.write_bytes(home / "both.v", both), "soc", home / "verilator")
    samples = random_windows(3, 6, 61)
    csrs = np.frombuffer((home / "csr.json").read_bytes(), np.uint8)
    return home / "verilator", vectors.write(home / "bench.npz", vectors.of(packed, samples, csrs=csrs, depth=soc.DEPTH))


def run(folder, path) -> runner.Outcome:
    return runner.outcome("soc", "sim.benches.examples.soc", folder, {"POPBEAT_BENCH": str(path)})


def test_results_in_csrs(bench):
    seen = run(*bench)
    assert (seen.ran, seen.failed) == (2, 0), seen.log


def test_a_wrong_logit_is_caught(bench, tmp_path):
    data = dict(np.load(bench[1]))
    data["logits"][-1, 0] += 1
    np.savez(tmp_path / "wrong.npz", **data)
    seen = run(bench[0], tmp_path / "wrong.npz")
    assert (seen.ran, seen.failed) == (2, 2) and "expected" in seen.log
