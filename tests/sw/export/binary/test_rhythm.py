"""Rhythm bits against exact fractions; networks that take them, in PyTorch and in integers; broken ones."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sw import files
from sw.data import tasks
from sw.errors import PopbeatError
from sw.export import bundle
from sw.export.binary import fold, integer, rhythm
from sw.networks import BinaryNetwork, Rhythm
from tests.conftest import TOY_RHYTHM, random_bundle, random_rhythm, random_windows


def brute_bits(wanted: Rhythm, words: list[int]) -> list[int]:
    """One division a comparison, in exact fractions."""
    from fractions import Fraction

    told = []
    values = [*(w % 2048 for w in words), 256]
    for over, under, multiple in wanted.comparisons:
        if values[under] == 0:
            told.append(1)
        else:
            told.append(int(Fraction(values[over], values[under]) >= Fraction(multiple, 32)))
    return told


def test_rhythm_bits_are_ratios():
    wanted = random_rhythm(3, 2, 5, 40)
    words = np.random.default_rng(3).integers(-2048, 2048, (200, 5))
    words[:50] = np.random.default_rng(4).integers(0, 20, (50, 5))
    found = rhythm.bits(wanted, words)
    assert found.tolist() == [brute_bits(wanted, row) for row in words.tolist()]
    assert not np.array_equal(rhythm.bits(random_rhythm(4, 2, 5, 40), words), found)  # the canary


def test_marks_and_bits_stand_in_their_columns():
    made = rhythm.columns(TOY_RHYTHM, np.array([[1, 0], [0, 1]], np.uint8), 6)
    assert made.shape == (2, 6, 4)
    assert made[0, :, :2].tolist() == [[1, 0]] * 6
    assert made[1, :, 2].tolist() == [0, 1, 1, 1, 1, 1]
    assert made[1, :, 3].tolist() == [0, 0, 0, 0, 1, 1]


@pytest.mark.parametrize(("block", "head", "hidden"), [(2, False, 0), (3, False, 0), (2, True, 0), (3, True, 14)])
def test_pytorch_model_and_integers_agree_with_rhythm(block, head, hidden, tmp_path):
    network = BinaryNetwork((4, 6, 3), 100, random_rhythm(1, block, 3, 9, (0, 3, 8), head, hidden))
    torch.manual_seed(1)
    net = fold.BinaryNet(network)
    if head:
        net.of_bits.data.uniform_(-40, 40)
    if hidden:
        net.of_hidden.data.uniform_(-40, 40)
        net.hidden.bias.data[:5] = torch.tensor([9.0, -9.0, -9.5, 1.0, -1.0])  # always, only all alike, never; at a boundary
    for layer in net.blocks:  # as a training leaves it: channels that fall, and sums in the middle
        layer.norm.weight.data.uniform_(-1, 1)
        layer.norm.running_mean.uniform_(-3, 3)
        layer.norm.running_var.uniform_(5, 20)
    parameters = fold.parameters(net)
    golden = fold.golden(network, parameters)
    task = tasks.Task("toy", ("a", "b", "c"), 103, lambda _: [], words=3)
    packed = fold.export("toy", task, golden, {})
    assert (np.concatenate(packed.pads) == 0).any()
    rng = np.random.default_rng(1)
    samples = np.concatenate([rng.integers(200, 400, (20, 3)), random_windows(1, 20, 100)], axis=1)
    trace = integer.run(packed, samples)
    np.testing.assert_array_equal(fold.golden_logits(golden, packed, samples), trace.logits)
    # The words matter.
    other = samples.copy()
    other[:, :3] = rng.integers(0, 2048, (20, 3))
    assert not np.array_equal(integer.run(packed, other).logits, trace.logits)
    bundle.write(packed, tmp_path)
    again = bundle.read(tmp_path)
    assert again.sha256 == packed.sha256 and again.network == network
    assert bundle.unpack(bundle.pack(packed), packed).sha256 == packed.sha256
    if hidden:
        assert packed.head.hidden_threshold[:5].tolist() == [0, 9, 10, 4, 5]
        assert 0 < trace.rhythm[:, 9:].mean() < 1
        wrong = replace(packed.head, hidden_threshold=np.minimum(packed.head.hidden_threshold + 1, 10))
        assert not np.array_equal(integer.run(replace(packed, head=wrong), samples).logits, trace.logits)


def test_hidden_bits_count_equal_ones():
    """By hand: how many bits of a window are those of a neuron."""
    bits = np.array([[1, 0, 1], [0, 0, 0]], np.uint8)
    weight, threshold = np.array([[1, -1, 1], [1, -1, -1], [-1, 1, -1]], np.int8), np.array([3, 2, 1])
    assert rhythm.hidden_bits(bits, weight, threshold).tolist() == [[1, 1, 0], [0, 1, 1]]
    with pytest.raises(PopbeatError, match="head.hidden holds 0"):
        packed = random_bundle(1, (3, 4, 2), 100, rhythm=random_rhythm(1, 2, 3, 5, head=True, hidden=4))
        replace(packed, head=replace(packed.head, hidden=packed.head.hidden * 0))


def test_bits_in_the_head_add_their_weights():
    """Logits with and without them, by hand; PyTorch's own forward pass says the same up to the rounding of the weights."""
    network = BinaryNetwork((4, 3), 100, random_rhythm(1, 2, 3, 9, head=True))
    packed = random_bundle(5, (4, 3), 100, rhythm=network.rhythm)
    samples = np.concatenate([np.random.default_rng(2).integers(0, 2048, (6, 3)), random_windows(2, 6, 100)], axis=1)
    trace = integer.run(packed, samples)
    plain = integer.run(replace(packed, head=replace(packed.head, rhythm=np.zeros_like(packed.head.rhythm))), samples)
    weights, shift = packed.head.rhythm.tolist(), packed.head.rhythm_shift
    added = [[sum((w if b else -w) << shift for w, b in zip(row, bits, strict=True)) for row in weights] for bits in trace.rhythm]
    np.testing.assert_array_equal(trace.logits - plain.logits, added)
    torch.manual_seed(2)
    net = fold.BinaryNet(network).double().eval()
    net.of_bits.data.uniform_(-40, 40)
    head, scale = fold.quantise_head(net.blocks[-1], net.of_bits.detach().numpy())
    bits = torch.from_numpy(2.0 * trace.rhythm - 1)
    wanted = (net.with_bits(torch.zeros(6, 3, dtype=torch.float64), bits) * scale).detach().numpy()
    assert np.abs(head.of_bits(trace.rhythm) - wanted).max() <= 9 * 2.0**head.rhythm_shift / 2
    with pytest.raises(PopbeatError, match="head.rhythm holds"):
        replace(packed, head=replace(packed.head, rhythm=packed.head.rhythm * 2))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"block": 1}, "go into block 2 to 3, not 1"),
        ({"block": 4}, "go into block 2 to 3, not 4"),
        ({"comparisons": [[0, 9, 3]]}, "words are 0 to 2"),
        ({"comparisons": [[0, 1, 64]]}, "multiples 1 to 63"),
        ({"comparisons": [[0, 1]]}, "three numbers"),
        ({"comparisons": 7}, "not an object"),
        ({"comparisons": []}, "1 to 256 comparisons"),
        ({"marks": [1000]}, "lie beyond the"),
        ({"marks": [-1]}, "natural numbers"),
        ({"words": 99}, "1 to 15 words"),
        ({"head": 1}, "true or false"),
        ({"head": True}, "missing or too many: head.rhythm"),
        ({"head": True, "hidden": 3}, "missing or too many: head.hidden"),
        ({"hidden": 3}, "0 to 256 hidden bits, others none, not 3"),
        ({"head": True, "hidden": -1}, "hidden bits, others none, not -1"),
        ({"head": True, "hidden": 257}, "hidden bits, others none, not 257"),
        ({"other": 1}, "malformed"),
    ],
)
def test_wrong_rhythms_in_bundles(tmp_path, changes, message):
    bundle.write(random_bundle(1, (3, 4, 2), 100, rhythm=TOY_RHYTHM), tmp_path)
    path = tmp_path / "bundle.json"
    graph = files.read_json(path)
    graph["network"]["rhythm"] |= changes
    files.write_json(path, graph)
    with pytest.raises(PopbeatError, match=message):
        bundle.read(tmp_path)
