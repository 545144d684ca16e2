"""Folding PReLU + batch norm + sign: the golden model asked about every sum, against the closed form."""

import math

import numpy as np
import pytest
import torch

from sw.data import tasks
from sw.export import bundle
from sw.export.binary import fold, integer
from sw.models.binary import BinaryNet, Block, sign
from sw.networks import BinaryNetwork, BlockGeometry


def block(seed: int, geometry: BlockGeometry, slope: float, first: bool = False) -> Block:
    """A block in float64 with random batch norm, both signs of its scale, one channel with scale 0."""
    torch.manual_seed(seed)
    made = Block(geometry, True, first).double().eval()
    with torch.no_grad():
        made.slope.fill_(slope)
        made.norm.weight.copy_(torch.randn(geometry.out_channels))
        made.norm.weight[0] = 0.0
        made.norm.bias.copy_(torch.randn(geometry.out_channels))
        made.norm.running_mean.copy_(5 * torch.randn(geometry.out_channels))
        made.norm.running_var.copy_(30 * torch.rand(geometry.out_channels) + 0.1)
    return made


def closed_form(made: Block, channel: int, x: int) -> bool:
    """The table of the specification for slopes >= 0: whether the next block's bit is 1 at the pooled sum ``x``."""
    norm, a = made.norm, max(made.slope.item(), 0.0)
    k = norm.weight[channel].item() / math.sqrt(norm.running_var[channel].item() + norm.eps)
    b = norm.bias[channel].item() - norm.running_mean[channel].item() * k
    if k == 0:
        return b >= 0
    if a == 0:  # the negative half follows the sign of b
        return b >= 0 if x <= 0 else (x >= -b / k if k > 0 else x <= -b / k)
    if k > 0:
        return x >= (math.ceil(-b / k) if b <= 0 else math.ceil(-b / (k * a)))
    return x <= (math.floor(-b / k) if b >= 0 else math.floor(-b / (k * a)))


@pytest.mark.parametrize("slope", [0.25, 1.7, 0.0])
@pytest.mark.parametrize("seed", range(5))
def test_thresholds_are_the_closed_form(seed, slope):
    made = block(seed, BlockGeometry(8, 24, 50), slope)
    taps = made.geometry.taps
    sums = np.arange(-taps, taps + 1, 2)
    index, direction = fold.threshold(made, sums.astype(np.float64))
    for channel in range(24):
        bits = [closed_form(made, channel, int(x)) for x in sums]
        stored = np.arange(len(sums)) >= index[channel]
        np.testing.assert_array_equal(stored if direction[channel] else ~stored, bits)
    assert 0 < direction.mean() < 1


def test_a_negative_slope_is_clamped_and_a_bump_refused():
    made = block(1, BlockGeometry(8, 24, 50), -0.5)
    fold.threshold(made, np.arange(-56, 57, 2.0))  # clamped to 0: monotone
    made.activation = lambda x: 4 - x.abs()
    with pytest.raises(ValueError, match="changes more than once"):
        fold.threshold(made, np.arange(-56, 57, 2.0))


def test_sign_of_zero_is_plus_one():
    assert sign(torch.tensor([-0.0, 0.0, -1e-30, 1e-30])).tolist() == [1, 1, -1, 1]


def golden(seed: int, channels=(4, 6, 5)) -> BinaryNet:
    """A small golden model in float64 with batch norms fitted to noise, both directions, one dead channel."""
    torch.manual_seed(seed)
    net = BinaryNet(BinaryNetwork(channels, 400)).double()
    with torch.no_grad():
        for made in net.blocks:
            made.norm.weight.copy_(torch.randn_like(made.norm.weight))
            made.norm.bias.copy_(0.4 * torch.randn_like(made.norm.bias))
        net.blocks[0].norm.weight[0] = 0.0
        net.train()
        for _ in range(60):
            net(torch.randn(32, 1, 400).double())
    return net.eval()


@pytest.mark.parametrize("seed", range(4))
def test_integer_model_is_the_golden_model(seed):
    net = golden(seed)
    task = tasks.Task("rhythm-17", tuple("abcde"), 400, lambda s: [])
    packed = fold.export("small", task, net, {})
    samples = np.random.default_rng(seed).integers(-2048, 2048, (40, 400)).cumsum(axis=1) // 16
    samples = np.clip(samples, -2048, 2047).astype(np.int16)
    trace = integer.run(packed, samples)
    logits = fold.golden_logits(net, packed, samples)
    np.testing.assert_array_equal(logits, trace.logits)
    np.testing.assert_array_equal(logits.argmax(axis=1), trace.label)
    # Layer by layer: a bit of the integer model is the golden sign, inverted where the next block's pad is 0.
    x = torch.from_numpy(trace.normalised / 256.0)[:, None]
    for i, made in enumerate(net.blocks[:-1]):
        x = made(x).detach()
        bits = (x >= 0).numpy().astype(np.uint8).transpose(0, 2, 1)
        np.testing.assert_array_equal(trace.columns[i], np.where(packed.pads[i] == 1, bits, 1 - bits))
    # The canary: one changed weight of the golden model is noticed.
    with torch.no_grad():
        net.blocks[1].weight[0, 0, 0] *= -1
        net.blocks[1].weight[1] *= -1
    assert (fold.golden_logits(net, packed, samples) != trace.logits).any()


def test_ties_go_to_the_lowest_class():
    net = golden(2)
    task = tasks.Task("rhythm-17", tuple("abcde"), 400, lambda s: [])
    packed = fold.export("small", task, net, {})
    for values in (packed.head.positive, packed.head.negative, packed.head.offset):
        values[:] = 0
    samples = np.random.default_rng(1).integers(-500, 500, (3, 400)).astype(np.int16)
    assert integer.run(packed, samples).label.tolist() == [0, 0, 0]


def test_quantised_head_is_near_the_float_head():
    net = golden(3)
    made = net.blocks[-1]
    head, scale = fold.quantise_head(made)
    norm = made.norm
    k = (norm.weight / torch.sqrt(norm.running_var + norm.eps)).detach().numpy()
    assert np.abs(head.positive / scale - k).max() <= 0.5 / scale
    assert np.abs(head.positive).max() > 1 << (bundle.HEAD_BITS - 3), "the slopes do not use their bits"
