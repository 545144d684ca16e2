"""Whole tops of small random networks on Verilator: every layer, and every cycle count that was predicted."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hw.binary import top
from hw.binary.folding import Config, Folding
from hw.generate import generate
from sim import canary, compare
from sim.bulk.runner import Harness
from sw.errors import PopbeatError
from sw.export.binary import integer
from tests.conftest import random_bundle, random_rhythm, random_windows


def folded(*pes: int, **last) -> Config:
    """A configuration with these PEs; the last block as given."""
    return Config("test", (*map(Folding, pes), Folding(1, **last)))


def simulate(packed, config, folder, samples):
    """A bundle in hardware: compared with the integer model in three modes, exact cycles included."""
    design = generate(packed, config, folder / "verilog")
    harness = Harness(design, folder / "bulk", brief=True)
    trace = integer.run(packed, samples)
    for mode in ("burst", "isolated", "random"):
        seen = harness.run(samples, mode, seed=7)
        assert compare.check(seen, trace) == len(packed.weights) + 3 + (trace.rhythm is not None)
        if mode == "isolated":
            predicted = top.cycles(design.params)
            assert set(seen.cycles["header"] - seen.cycles["normalised"]) == {predicted.latency}
            assert set(seen.cycles["header"] - seen.cycles["raw_last"]) == {predicted.live_latency}
        if mode == "burst":
            # Against the model run for as many windows: the first intervals differ from the steady one, and it knows by how much.
            expected = design.params.predict(len(samples))
            rise = seen.cycles["offered"] - seen.cycles["normalised"][0]
            np.testing.assert_array_equal(rise, np.array(expected.header) - expected.first_sample[0])
    return harness, trace


# Corners that trained weights never reach: thresholds that are always or never met, single channels, odd foldings, block RAM.
# No shrinking: each example is a design that has to be compiled.
@settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    seed=st.integers(0, 10**6),
    channels=st.lists(st.integers(1, 6), min_size=1, max_size=2).flatmap(
        lambda inner: st.integers(2, 5).map(lambda classes: (*inner, classes))
    ),
    window=st.integers(80, 140),
    thresholds=st.sampled_from(["extremes", "any", "middle"]),
    memory=st.booleans(),
    data=st.data(),
)
def test_random_networks(tmp_path_factory, seed, channels, window, thresholds, memory, data):
    packed = random_bundle(seed, channels, window, thresholds)
    pes = [data.draw(st.integers(1, c)) for c in channels[:-1]]
    parts = [1, *[data.draw(st.sampled_from([p for p in (1, 2, 4) if 7 * c % p == 0])) for c in channels[:-1]]]
    queues = [data.draw(st.integers(0, 5)) for _ in pes]
    blocks = [Folding(pe, part, memory, queue) for pe, part, queue in zip(pes, parts, queues, strict=False)]
    config = Config("test", (*blocks, Folding(1, parts[-1], memory)))
    folder = tmp_path_factory.mktemp("random")
    # The front end is never the bottleneck's model: a window's own samples bound the interval from below.
    simulate(packed, config, folder, random_windows(seed, 9, window))


@pytest.mark.parametrize("seed", range(4))
def test_random_networks_with_rhythm(tmp_path, seed):
    """Rhythm bits into the second, third and last block, and into the head, with and without hidden bits; marks at the ends; one
    comparison and more than a handful."""
    rng = np.random.default_rng(seed)
    channels, block, words, count, marks, hidden = [
        ((3, 5, 4), 2, 3, 9, (0, 2, 7), 0),
        ((3, 4, 5, 3), 3, 6, 17, (1,), 0),
        ((4, 3), 2, 1, 1, (), 1),
        ((3, 5, 4), 3, 4, 12, (), 21),
    ][seed]
    window = int(rng.integers(140, 200))
    packed = random_bundle(seed, channels, window, "middle", random_rhythm(seed, block, words, count, marks, seed != 1, hidden))
    samples = np.concatenate([rng.integers(-2048, 2048, (9, words)), random_windows(seed, 9, window)], axis=1)
    samples[3:, :words] = rng.integers(100, 400, (6, words))
    # One PE in block 1: the words leave it time.
    pes = [1 if number == 0 else int(rng.integers(1, c + 1)) for number, c in enumerate(channels[:-1])]
    harness, trace = simulate(packed, folded(*pes), tmp_path, samples.astype(np.int16))
    assert len(np.unique(trace.rhythm, axis=0)) > 1
    flipped = canary.flip_comparison(packed, samples, trace)
    seen = harness.run(samples.astype(np.int16))
    assert "rhythm" in canary.must_differ(seen, flipped.trace, flipped.what)
    if packed.head.rhythm is not None:
        wrong = packed.head.rhythm.copy()
        wrong[0, 0] += 1 if wrong[0, 0] < 0 else -1
        told = integer.run(replace(packed, head=replace(packed.head, rhythm=wrong)), samples)
        assert "logits" in canary.must_differ(seen, told, "weight of a rhythm bit")
    if hidden:
        assert len(np.unique(trace.rhythm[:, count:], axis=0)) > 1
        flipped = canary.flip_hidden(packed, samples, trace)
        assert "rhythm" in canary.must_differ(seen, flipped.trace, flipped.what)


def test_two_samples_a_clock_and_a_clock_a_sample(tmp_path):
    packed, samples = random_bundle(9, (4, 5, 3), 100), random_windows(9, 9, 100)
    pairs = Config("test", (Folding(4), Folding(2), Folding(1)), samples=2)
    harness, trace = simulate(packed, pairs, tmp_path, samples)
    assert top.cycles(harness.design.params).interval <= 100
    compare.check(harness.run(samples, "steady"), trace)
    with pytest.raises(PopbeatError, match="odd|divide|at once"):
        generate(random_bundle(9, (4, 5, 3), 101), pairs, tmp_path / "odd")
    # One that is too slow for that loses a sample, and says so.
    slow = generate(packed, Config("test", (Folding(2), Folding(1), Folding(1)), samples=2), tmp_path / "slow")
    assert top.cycles(slow.params).interval > 100
    with pytest.raises(PopbeatError, match="was not taken in its cycle"):
        Harness(slow, tmp_path / "slow" / "bulk", brief=True).run(samples, "steady")


def test_a_canary_in_the_hardware_is_caught(tmp_path):
    packed = random_bundle(3, (4, 6, 3), 100)
    samples = random_windows(3, 8, 100)
    trace = integer.run(packed, samples)
    flipped = canary.flip_weight(packed, samples, trace, 1)
    design = generate(flipped.bundle, folded(2, 3), tmp_path / "verilog")
    seen = Harness(design, tmp_path / "bulk", brief=True).run(samples)
    compare.check(seen, flipped.trace)
    assert "block 2" in canary.must_differ(seen, trace, flipped.what)
    moved = canary.flip_threshold(flipped.bundle, samples, flipped.trace, 0)
    assert "block 1" in canary.must_differ(seen, moved.trace, moved.what)
    assert "logits" in canary.must_differ(seen, canary.flip_logit(flipped.trace), "logit")
    with pytest.raises(canary.CanaryMissed):
        canary.must_differ(seen, flipped.trace, "nothing")
