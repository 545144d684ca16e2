from dataclasses import replace

import numpy as np
import pytest
import torch

from sw import files, networks
from sw.data import tasks
from sw.errors import PopbeatError
from sw.export import bundle
from sw.export.array import bundle as array
from sw.export.array import fold as multibit_fold
from sw.export.array import golden as array_golden
from sw.export.array import integer, packing
from sw.models.multibit import FloatNet, MultibitNet, calibrate, quantise_input, round_half_away
from tests.conftest import SMALL, random_multibit, random_windows

LIMIT = 13_865  # 13.54 KiB, the published size without its alpha and biases
WIDTH = 1.34
TASK = tasks.Task("rhythm-17", ("c0", "c1", "c2"), SMALL.window, lambda source: [])


def trained(seed: int) -> MultibitNet:
    """A small quantised network as training leaves it: some bases pruned away, a dead channel, batch norms folded."""
    torch.manual_seed(seed)
    twin = FloatNet(SMALL)
    with torch.no_grad():
        for norm in twin.norms:
            norm.weight.copy_(torch.randn_like(norm.weight))
            norm.bias.copy_(torch.randn_like(norm.bias))
        twin.train()
        for _ in range(30):
            twin(torch.randn(16, 1, SMALL.window))
        net = MultibitNet(SMALL)
        net.start(twin.eval(), torch.randn(16, 1, SMALL.window))
        for layer in net.layers:
            gone = torch.rand(layer.alpha.shape) < 0.4
            layer.alpha[gone] = 0
            layer.bases[gone] = 0
        net.layers[1].alpha[2], net.layers[1].bases[2] = 0, 0
        for layer in net.layers:
            layer.tidy()
    return net.set("fixed", rounding=True).eval()


def test_the_network_is_the_published_one():
    network = networks.get("alq17").network
    assert [layer.pool_length for layer in network.layers] == [449, 111, 54, 26, 13, 6, 3, 1, 1]
    assert [layer.conv_length for layer in network.layers[:3]] == [1800, 224, 111]
    assert (network.weights, network.macs, network.window, network.classes) == (80_576, 2_436_288, 3600, 17)
    ones = [layer.out_channels for layer in network.layers]
    assert network.average_width(ones) == network.mac_width(ones) == 1


def test_the_shipped_bundle_is_within_its_size():
    folder, network = bundle.SHIPPED / "alq17", networks.get("alq17").network
    packed = array.read(folder)
    shapes = [(n.basis.shape[1], len(n.count), n.basis.shape[3], n.stride[1], n.pad[1], *n.pool) for n in packed.convolutions]
    assert shapes == [(c.in_channels, c.out_channels, c.kernel, c.stride, c.pad, c.pool, c.pool_stride) for c in network.layers]
    assert (packed.front, packed.answer, packed.alpha_bits) == (array.WINDOW, array.ONE, network.alpha_bits)
    stored = packing.pack(packed)
    assert len(stored) == files.read_json(folder / "bundle.json")["stored_bytes"] <= LIMIT
    assert len(stored) == -(-network.stored_bits(packed.bases) // 8)
    assert packing.unpack(stored, packed).sha256 == packed.sha256
    assert packed.mac_width == network.mac_width(packed.bases) <= WIDTH
    assert packed.width == network.average_width(packed.bases)
    assert packed.training["protocol"] == "comparable" and packed.training["data"] == "mitdb"
    assert packed.training["widths"]["stored_bytes"] == len(stored)


def test_the_shipped_integers_are_the_shipped_golden_model(rhythm17):
    folder = bundle.SHIPPED / "alq17"
    windows, samples = rhythm17
    logits = array_golden.prove(array.read(folder), bundle.read_golden(folder), samples[::40])
    assert len(np.unique(logits.argmax(axis=1))) > 1


@pytest.mark.parametrize("seed", range(4))
def test_integers_are_the_golden_model(seed):
    net = trained(seed)
    packed = multibit_fold.export("small", TASK, net, {})
    samples = random_windows(seed, 24, SMALL.window)
    trace = integer.run(packed, samples)
    stored = multibit_fold.parameters(net)
    golden = array_golden.golden(packed, stored)
    golden.taps = {}
    np.testing.assert_array_equal(array_golden.golden_logits(golden, packed, samples), trace.logits)
    # Layer by layer, in the units of each, in the network that was trained and in the golden model.
    x = quantise_input(torch.from_numpy(trace.front / 256.0)[:, None])
    np.testing.assert_array_equal((16 * x).numpy(), trace.input)
    for layer, (name, seen) in zip(net.double().layers, trace.nodes.items(), strict=False):
        x = layer(x).detach()
        np.testing.assert_array_equal((x * 2**layer.fraction).numpy()[:, :, None], seen)
        np.testing.assert_array_equal((golden.taps[name] * 2**layer.fraction).numpy(), seen)
    assert len({tuple(t) for t in trace.logits.tolist()}) > 10, "the network does not look at its input"
    # Training's own forward pass in float32 says the same.
    z = torch.from_numpy(trace.front.astype(np.float32) / 256)[:, None]
    np.testing.assert_array_equal(net.float()(z).argmax(1).numpy()[~trace.flat], trace.label[~trace.flat])
    # Canaries: a base's sign, an alpha, a bias and a fraction of the golden model.
    for name, change in (
        ("convolution1.bases", np.invert),
        ("convolution3.alpha", lambda alpha: alpha * 1.5),
        ("convolution4.bias", lambda bias: bias + 2),
        ("fractions", lambda fractions: fractions + np.array([0, 1, 0, 0], np.int16)),
    ):
        wrong = array_golden.golden(packed, stored | {name: change(stored[name])})
        assert (array_golden.golden_logits(wrong, packed, samples) != trace.logits).any(), name


@pytest.mark.parametrize("seed", range(5))
def test_stored_bits_are_counted_before_they_are_packed(seed):
    packed = random_multibit(seed)
    assert len(packing.pack(packed)) == -(-SMALL.stored_bits(packed.bases) // 8)
    narrow = replace(packed.convolutions[0], shift=np.full(4, 16))
    wide = replace(packed, graph=replace(packed.graph, nodes=(narrow, *packed.graph.nodes[1:])))
    assert len(packing.pack(wide)) == -(-(SMALL.stored_bits(packed.bases) + sum(c.out_channels for c in SMALL.layers)) // 8)


def test_ties_and_flat_windows():
    packed = random_multibit(3)
    *hidden, last = packed.graph.nodes
    empty = replace(last, count=0 * last.count, basis=last.basis[:0], alpha=last.alpha[:0], bias=0 * last.bias)
    tied = replace(packed, graph=replace(packed.graph, nodes=(*hidden, empty)))
    samples = np.stack([np.arange(SMALL.window), np.full(SMALL.window, 7)]).astype(np.int16)
    assert integer.run(tied, samples).label.tolist() == [0, 255]
    assert integer.run(tied, samples).labels.tolist() == [[True, False, False], [False] * 3]
    assert integer.run(replace(tied, answer=array.SET), samples).labels.tolist() == [[True] * 3, [False] * 3]


@torch.no_grad()
def test_batch_norms_come_and_go():
    net = trained(1).set("fixed", rounding=False)
    windows = torch.randn(32, 1, SMALL.window)
    before = net(windows)
    net.insert_norms(windows)
    between = net.eval()(windows)
    net.layers[0].norm.weight.neg_()
    net.layers[1].norm.bias.add_(0.3)
    changed = net(windows)
    net.fold_norms()
    # A sum that lies near a half may round the other way in float32: one unit of a logit's fraction at most, and rarely.
    assert float((between - before).abs().max()) < 0.2
    assert float((net(windows) - changed).abs().max()) < 0.2
    assert float((changed - before).abs().max()) > 0.2


def test_scales_leave_few_values_saturated():
    torch.manual_seed(1)
    twin, windows = FloatNet(SMALL).eval(), torch.randn(64, 1, SMALL.window)
    for fraction, layer in zip(calibrate(twin, windows), range(3), strict=True):
        x = quantise_input(windows)
        for g, (weight, bias) in zip(SMALL.layers[: layer + 1], twin.folded(), strict=False):
            x = torch.nn.functional.relu(torch.nn.functional.conv1d(x, weight, bias, g.stride, g.pad))
            x = torch.nn.functional.max_pool1d(x, g.pool, g.pool_stride)
        assert float((x * 2**fraction > 255.5).float().mean()) < 0.01
        assert float((x * 2 ** (fraction + 1)).max()) > 255


def test_halves_go_away_from_zero():
    assert round_half_away(torch.tensor([-2.5, -0.5, 0.5, 1.5, 0.49])).tolist() == [-3, -1, 1, 2, 0]


def test_golden_parameters_of_another_network():
    net = trained(1)
    packed, stored = multibit_fold.export("small", TASK, net, {}), multibit_fold.parameters(net)
    shipped = array.read(bundle.SHIPPED / "alq17")
    for wrong in (
        stored | {"convolution5.alpha": stored["convolution1.alpha"]},
        {k: v for k, v in stored.items() if k != "convolution1.bias"},
        stored | {"convolution1.bias": stored["convolution2.bias"]},
        stored | {"fractions": stored["fractions"][1:]},
        stored | {"convolution2.bases": stored["convolution2.bases"][:-1]},
    ):
        with pytest.raises(PopbeatError, match="another network's parameters"):
            array_golden.golden(packed, wrong)
    with pytest.raises(PopbeatError, match="another network's parameters"):
        array_golden.golden(shipped, stored)
