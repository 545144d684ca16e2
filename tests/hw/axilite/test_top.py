"""Classifiers behind AXI4-Lite registers on Verilator under cocotb, with cocotbext-axi as the bus's master."""

import gc
import json
import subprocess
import sys

import numpy as np
import pytest
from amaranth._unused import MustUse

from hw import verilog
from hw.axilite import registers, top
from hw.binary.folding import Config, Folding
from hw.mac import design
from hw.mac.top import MacTop
from sim.benches import runner, vectors
from sw import files
from sw.errors import PopbeatError
from sw.export import bundle, bundles
from sw.export.array.program import image
from tests.arrays import PARAMS, WINDOW, network
from tests.conftest import random_bundle, random_windows

SMALL = Config("test", (Folding(2), Folding(2), Folding(1)))
DEPTH = 16
BENCH = "sim.benches.axilite.top"
TESTS = (
    "identity",
    "pauses_0",
    "pauses_0.3",
    "pauses_0.8",
    "full_queue",
    "errors",
    "interrupt",
    "restarts",
    "reset_at_any_time",
)


def data(path, packed, samples, tries: int, depth: int, number: int = 0, data: bytes = b""):
    """What the bench needs to know."""
    told = {"depth": depth, "tries": tries, "bundle": number, "version": top.version_number()}
    return vectors.write(path, vectors.of(packed, samples, data, **told))


def run(built, test: str, path=None) -> runner.Outcome:
    folder, name, own = built
    environment = {"POPBEAT_BENCH": str(path or own), "COCOTB_TEST_FILTER": rf"\.{test.replace('.', '[.]')}$"}
    return runner.outcome(name, BENCH, folder, environment)


@pytest.fixture(scope="module")
def binary():
    """A small random network on the streaming datapath: packets of three words, a queue that holds five of them and a word."""
    home, packed = files.BUILD / "axilite-bench", random_bundle(3)
    path, name = top.generate(packed, SMALL, home, depth=DEPTH)
    runner.build(path, name, home / "verilator")
    number = int(packed.sha256[:8], 16)
    return home / "verilator", name, data(home / "bench.npz", packed, random_windows(3, 6, 61), 400, DEPTH, number)


@pytest.fixture(scope="module")
def array():
    """A small array with a random network, which is loaded over its stream."""
    home, packed = files.BUILD / "axilite-array", network(1, False)
    loaded = image(design.compile_bundle(packed, PARAMS).program)
    wrapped = top.AxiLiteTop(MacTop(PARAMS, packed.normaliser), PARAMS.classes + 1)
    path = files.write_bytes(home / "array.v", verilog.convert(wrapped, "array_axilite").encode())
    runner.build(path, "array_axilite", home / "verilator")
    samples = random_windows(5, 4, WINDOW)
    return home / "verilator", "array_axilite", data(home / "bench.npz", packed, samples, 4000, top.DEPTH, data=loaded)


@pytest.mark.parametrize("test", TESTS)
def test_results_through_registers(binary, test):
    seen = run(binary, test)
    assert (seen.ran, seen.failed) == (1, 0), seen.log


@pytest.mark.parametrize("test", ["pauses_0.3", "restarts"])
def test_an_array_behind_registers(array, test):
    seen = run(array, test)
    assert (seen.ran, seen.failed) == (1, 0), seen.log


def test_a_wrong_logit_or_identity_is_caught(binary, tmp_path):
    right = dict(np.load(binary[2]))
    for what, test in (("logits", "pauses_0.3"), ("bundle", "identity"), ("version", "identity")):
        wrong = right | {what: right[what] + 1}
        np.savez(tmp_path / "wrong.npz", **wrong)
        seen = run(binary, test, tmp_path / "wrong.npz")
        assert (seen.ran, seen.failed) == (1, 1) and "expected" in seen.log, what


def test_identity_comes_from_bundle_and_project():
    assert top.bundle_number("89abcdef" + "0" * 56) == 0x89ABCDEF and top.bundle_number("") == 0
    numbers = files.project()["version"].split(".")
    assert top.version_number() == int(numbers[0]) << 16 | int(numbers[1]) << 8 | int(numbers[2])


def test_a_queue_has_to_hold_a_packet(tmp_path, monkeypatch):
    monkeypatch.setattr(MustUse, "_MustUse__silence", True)  # what is refused is not built
    assert top.classifier(random_bundle(3), SMALL).words == 3
    for depth in (2, 1 << 16):
        with pytest.raises(PopbeatError, match="those of a packet, 3 here"):
            top.generate(random_bundle(3), SMALL, tmp_path, depth=depth)
    gc.collect()


@pytest.mark.parametrize("model, config", [("bnn5", "tiny"), ("bnnbeat5", "record"), ("alq17", "mac32"), ("gasf5", "record")])
def test_every_kind_of_classifier_can_be_wrapped(model, config):
    packed = bundles.read(bundle.SHIPPED / model)
    inner = top.classifier(packed, config)
    wrapped = top.AxiLiteTop(inner.top, inner.words)
    inner.top._MustUse__used = wrapped._MustUse__used = True  # for its ports alone
    names = {port["name"] for port in verilog.ports(wrapped)}
    assert {"s_axis_tdata", "s_axil_rdata", "irq"} <= names and not any(name.startswith("m_axis") for name in names)
    assert ("c_axis_tdata" in names) == bool(inner.image)
    assert ("s_axis_tlast" in names) == (config != "record")
    assert inner.words > len(packed.classes)


def test_the_same_bytes_every_time_and_a_description(tmp_path):
    command = [sys.executable, "-m", "hw.axilite", "--model", "bnn5", "--config", "tiny", "--depth", "32"]
    for folder in ("one", "two"):
        done = subprocess.run(
            [*command, "--out", str(tmp_path / folder)], cwd=files.ROOT, capture_output=True, text=True, check=True
        )
        assert done.stdout.splitlines()[0].endswith("popbeat_bnn5_tiny_axilite.v")
    one, two = (tmp_path / folder / "popbeat_bnn5_tiny_axilite.v" for folder in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    told = json.loads(one.with_suffix(".json").read_text())
    assert told["verilog_sha256"] == verilog.digest(one.read_text())
    assert told["output"]["queue"] == 32 and told["output"]["beats"] == 6
    assert {r["name"]: r["address"] for r in told["registers"]} == registers.ADDRESS
    with pytest.raises(PopbeatError, match="unknown configuration"):
        top.generate(bundles.read(bundle.SHIPPED / "bnn5"), "nothing", tmp_path)
