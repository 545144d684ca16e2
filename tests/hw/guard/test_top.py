"""Small classifiers behind a guard: the bench of every top, every layer, every cycle."""

import shutil

import numpy as np
import pytest

from hw import configurations
from hw.binary.folding import Config, Folding
from hw.generate import generate
from hw.guard.top import GuardedConfig
from hw.tiny.params import TinyConfig
from sim import canary, compare
from sim.benches import runner, vectors
from sim.bulk.runner import Harness
from sw import files
from sw.errors import PopbeatError
from sw.export.binary import integer
from tests.conftest import random_bundle, random_rhythm, random_windows

BLOCKS = (Folding(2), Folding(3), Folding(1))
MEMORY = (*BLOCKS[:1], Folding(3, memory=True), *BLOCKS[2:])
CONFIGS = {
    "folded": Config("test", MEMORY),
    "two": Config("two", BLOCKS, samples=2),
    "rhythm": Config("rhythm", BLOCKS),
    "tiny": TinyConfig(),
}


@pytest.fixture(scope="module", params=CONFIGS)
def guarded(request):
    """A small random network behind a guard: its design, windows, the integer model's trace, a folder."""
    rhythm = random_rhythm(5, 2, 3, 5, (0, 4), True, 6) if request.param == "rhythm" else None
    packed, folder = random_bundle(5, (4, 20, 3), 100, rhythm=rhythm), files.BUILD / "guard-test" / request.param
    samples = random_windows(5, 6, 100)
    samples[2] = random_windows(6, 1, 100)[0]  # no flat one: the bench makes its own
    if rhythm:
        samples = np.concatenate([np.random.default_rng(5).integers(0, 2048, (6, rhythm.words)), samples], axis=1).astype(np.int16)
    return (
        generate(packed, GuardedConfig(CONFIGS[request.param]), folder / "verilog"),
        samples,
        integer.run(packed, samples),
        folder,
    )


def test_every_layer_and_every_cycle(guarded):
    design, samples, trace, folder = guarded
    harness, exact = Harness(design, folder / "bulk", brief=True), configurations.cycles(design.params)
    seen = {mode: harness.run(samples, mode, seed=7) for mode in ("burst", "isolated", "random")}
    layers = len(trace.columns) + 4 + (trace.rhythm is not None)
    assert {compare.check(one, trace) for one in seen.values()} == {layers}
    alone = seen["isolated"].cycles
    assert set(alone["header"] - alone["normalised"]) == {exact.latency}
    assert set(alone["header"] - alone["raw_last"]) == {exact.live_latency}
    assert set(np.diff(seen["burst"].cycles["header"])) == {exact.interval}
    flipped = canary.flip_weight(design.params.bundle, samples, trace, 1)
    assert "block 2" in canary.must_differ(seen["burst"], flipped.trace, flipped.what)


@pytest.mark.parametrize("guarded", ["folded"], indirect=True)
def test_the_tops_bench(guarded):
    design, samples, trace, folder = guarded
    told = vectors.of(design.params.bundle, samples, **vars(configurations.cycles(design.params)))
    runner.build(design.verilog, design.name, folder / "cocotb")
    bench = {"POPBEAT_BENCH": str(vectors.write(folder / "bench.npz", told))}
    assert runner.run(design.name, "sim.benches.top", folder / "cocotb", bench) >= 9
    wrong = trace.logits.copy()
    wrong[0, 0] += 1
    bench = {"POPBEAT_BENCH": str(vectors.write(folder / "canary.npz", told | {"logits": wrong}))}
    seen = runner.outcome(design.name, "sim.benches.top", folder / "cocotb", bench | {"COCOTB_TEST_FILTER": "gaps_0_stalls_0$"})
    assert (seen.ran, seen.failed) == (1, 1)


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus Verilog is not installed (apt install iverilog)")
def test_no_output_is_x_in_a_four_state_run(guarded):
    """Nor is the header's *damaged*, though idle stages read constants that nobody uses."""
    design, samples, _, folder = guarded
    home = folder / "icarus"
    runner.build(design.verilog, design.name, home, "icarus")
    data = vectors.write(home / "bench.npz", vectors.of(design.params.bundle, samples))
    runner.run(design.name, "sim.benches.one_window", home, {"POPBEAT_BENCH": str(data)}, "icarus", tests=1)


def test_guarded_configurations_have_names():
    assert configurations.get("half_guarded").name == "half_guarded"
    assert configurations.get("tiny_guarded") == GuardedConfig(TinyConfig())
    for unknown in ("_guarded", "fast_guarded", "full_guarded_guarded", "record_guarded"):
        with pytest.raises(PopbeatError, match="unknown configuration.*each also with '_guarded' behind it"):
            configurations.get(unknown)
