"""The tiny engine: whole tops on Verilator, every layer and every cycle; its tables in numpy; what does not fit it."""

from dataclasses import replace

import numpy as np
import pytest

from hw import configurations
from hw.fpga import devices, measure
from hw.generate import generate
from hw.tiny import datapath, reference, top
from hw.tiny.params import TinyConfig, TinyParams
from sim import canary, compare
from sim.benches import runner, vectors
from sim.bulk.runner import Harness
from sw import files
from sw.data import tasks
from sw.errors import PopbeatError
from sw.export import bundle, bundles
from sw.export.binary import integer
from tests.conftest import random_bundle, random_windows

# Channels, window, thresholds: groups of one and of several bytes, no block between the first
# and the last one.
NETWORKS = {
    "bytes": ((7, 12, 20, 6), 170, "middle"),
    "two": ((8, 5), 80, "extremes"),
}


@pytest.fixture(scope="module", params=NETWORKS)
def small(request):
    """A small random network: its design, compiled, and windows with the integer model's trace."""
    channels, window, thresholds = NETWORKS[request.param]
    packed = random_bundle(11, channels, window, thresholds)
    folder = files.BUILD / "tiny-test" / request.param
    design = generate(packed, TinyConfig(), folder / "verilog")
    samples = random_windows(11, 9, window)
    return design, Harness(design, folder / "bulk", brief=True), samples, integer.run(packed, samples)


def test_every_layer_and_every_cycle(small):
    design, harness, samples, trace = small
    exact = top.cycles(design.params)
    for mode in ("burst", "isolated", "random"):
        seen = harness.run(samples, mode, seed=7)
        assert compare.check(seen, trace) == len(design.params.bundle.weights) + 3
        if mode == "isolated":
            assert set(seen.cycles["header"] - seen.cycles["normalised"]) == {exact.latency}
            assert set(seen.cycles["header"] - seen.cycles["raw_last"]) == {exact.live_latency}
        if mode == "burst":
            expected = datapath.predict(design.params, len(samples))
            rise = seen.cycles["offered"] - seen.cycles["normalised"][0]
            np.testing.assert_array_equal(rise, np.array(expected.header) - expected.first_sample[0])
            assert set(np.diff(seen.cycles["header"])[1:]) == {exact.interval}


@pytest.mark.parametrize("small", ["bytes"], indirect=True)
def test_canaries_are_caught(small):
    design, harness, samples, trace = small
    packed = design.params.bundle
    seen = harness.run(samples)
    for number in range(len(packed.weights)):
        flipped = canary.flip_weight(packed, samples, trace, number)
        assert f"block {number + 1}" in canary.must_differ(seen, flipped.trace, flipped.what)
    assert "logits" in canary.must_differ(seen, canary.flip_logit(trace), "logit")


def test_the_tables_are_the_network(small):
    """numpy on the engine's own rows against the integer model."""
    design, _, _, trace = small
    params = design.params
    for window in range(4):
        columns = reference.first(params, trace.normalised[window])
        np.testing.assert_array_equal(columns, trace.columns[0][window])
        for number in range(len(params.layers)):
            columns = reference.layer(params, number, columns)
            expected = trace.pooled[window] if params.layers[number].last else trace.columns[number + 1][window]
            np.testing.assert_array_equal(columns, expected)


def bench(design, samples, trace, path):
    """What the top's bench reads."""
    told = vectors.of(design.params.bundle, samples, **vars(top.cycles(design.params)))
    return {"POPBEAT_BENCH": str(vectors.write(path, told | {"logits": trace.logits}))}


def test_the_tops_bench(tmp_path):
    packed = random_bundle(5, (4, 6, 3), 100)
    design = generate(packed, TinyConfig(), tmp_path / "verilog")
    samples = random_windows(5, 6, 100)
    samples[2] = random_windows(6, 1, 100)[0]  # no flat one: the bench makes its own
    trace = integer.run(packed, samples)
    folder = files.BUILD / "tiny-test" / "cocotb"
    runner.build(design.verilog, design.name, folder)
    assert runner.run(design.name, "sim.benches.top", folder, bench(design, samples, trace, folder / "bench.npz")) >= 9
    trace.logits[0, 0] += 1
    environment = bench(design, samples, trace, folder / "canary.npz") | {"COCOTB_TEST_FILTER": "gaps_0_stalls_0$"}
    seen = runner.outcome(design.name, "sim.benches.top", folder, environment)
    assert (seen.ran, seen.failed) == (1, 1)


def test_a_real_window_through_the_shipped_bundle(recordings):
    packed = bundles.read(bundle.SHIPPED / "bnn17")
    task = tasks.get(packed.task)
    windows = task.windows(recordings)
    rows = [int(np.flatnonzero(windows.label == label)[0]) for label in (3, 6)]
    samples = task.samples(recordings, windows.take(rows))
    design = generate(packed, TinyConfig(), files.BUILD / "tiny-test" / "bnn17" / "verilog")
    harness = Harness(design, files.BUILD / "tiny-test" / "bnn17" / "bulk", brief=True)
    trace = integer.run(packed, samples)
    seen = harness.run(samples)
    assert compare.check(seen, trace) == 9
    exact = top.cycles(design.params)
    assert exact.interval <= 50_000
    assert set(seen.cycles["header"] - seen.cycles["normalised"]) == {exact.latency}
    assert set(np.diff(seen.cycles["header"])) == {exact.interval}
    flipped = canary.flip_weight(packed, samples, trace, 3)
    assert "block 4" in canary.must_differ(seen, flipped.trace, flipped.what)


def test_what_does_not_fit_is_told():
    with pytest.raises(PopbeatError, match="9 output channels of block 1, and the engine room for 8"):
        TinyParams(random_bundle(1, (9, 4, 2)), TinyConfig())
    with pytest.raises(PopbeatError, match="rows of weights, and the engine room for 256"):
        TinyParams(random_bundle(1, (8, 64, 128, 2), 200), TinyConfig())
    for wide in ({"z_bits": 13}, {"raw_bits": 16}):
        packed = random_bundle(1, window=3600)
        packed = replace(packed, normaliser=replace(packed.normaliser, **wide))
        with pytest.raises(PopbeatError, match="17 bits of a factor in the normaliser, and the engine room for 16"):
            TinyParams(packed, TinyConfig())
    with pytest.raises(PopbeatError, match="unknown configuration 'tinier'; there are full, .*tiny"):
        configurations.get("tinier")
    with pytest.raises(PopbeatError, match="'tiny' is the tiny engine"):
        configurations.get("of/mine/tiny.json")
    made = measure.Classifier("popbeat_random", "full", random_bundle(1), None, None)
    with pytest.raises(PopbeatError, match="'full' does not fit ice40-up5k.*CONFIG=tiny"):
        measure.check_device(made, devices.get("ice40-up5k"))
