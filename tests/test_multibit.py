from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.numpy import load, save

from sw import files, networks
from sw.data import tasks
from sw.errors import PopbeatError
from sw.export import bundle, multibit, multibit_fold, multibit_integer
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
    folder = bundle.SHIPPED / "alq17"
    packed = multibit.read(folder)
    assert packed.model == "alq17" and packed.network == networks.get("alq17").network
    stored = multibit.pack(packed)
    assert len(stored) == files.read_json(folder / "bundle.json")["stored_bytes"] <= LIMIT
    assert multibit.unpack(stored, packed).sha256 == packed.sha256
    assert packed.network.mac_width(packed.bases) <= WIDTH
    assert packed.training["protocol"] == "comparable" and packed.training["data"] == "mitdb"


def test_the_shipped_integers_are_the_shipped_golden_model(rhythm17):
    from sw.train_alq import prove

    folder = bundle.SHIPPED / "alq17"
    windows, samples = rhythm17
    labels = prove(multibit.read(folder), bundle.read_golden(folder), samples[::40])
    assert len(np.unique(labels)) > 1


@pytest.mark.parametrize("seed", range(4))
def test_integers_are_the_golden_model(seed):
    net = trained(seed)
    packed = multibit_fold.export("small", TASK, net, {})
    samples = random_windows(seed, 24, SMALL.window)
    trace = multibit_integer.run(packed, samples)
    stored = multibit_fold.parameters(net)
    golden = multibit_fold.golden(SMALL, stored)
    np.testing.assert_array_equal(multibit_fold.golden_logits(golden, packed, samples), trace.logits)
    # Layer by layer, in the units of each.
    x = quantise_input(torch.from_numpy(trace.normalised / 256.0)[:, None])
    np.testing.assert_array_equal((16 * x[:, 0]).numpy(), trace.input)
    for layer, seen in zip(golden.layers, trace.layers, strict=False):
        x = layer(x).detach()
        np.testing.assert_array_equal((x * 2**layer.fraction).numpy().transpose(0, 2, 1), seen)
    assert len({tuple(t) for t in trace.logits.tolist()}) > 10, "the network does not look at its input"
    # Training's own forward pass in float32 says the same.
    z = torch.from_numpy(trace.normalised.astype(np.float32) / 256)[:, None]
    np.testing.assert_array_equal(net(z).argmax(1).numpy()[~trace.flat], trace.label[~trace.flat])
    # Canaries: a base's sign and an alpha of the golden model.
    for name, change in (("layers.0.bases", -1), ("layers.2.alpha", 1.5), ("layers.3.bias", 2)):
        wrong = {k: v.copy() for k, v in stored.items()}
        wrong[name][0] = wrong[name][0] * np.array(change, wrong[name].dtype) if change != 2 else wrong[name][0] + 2
        if np.array_equal(wrong[name], stored[name]):
            wrong[name][1] = wrong[name][1] * np.array(change, wrong[name].dtype)
        changed = multibit_fold.golden_logits(multibit_fold.golden(SMALL, wrong), packed, samples)
        assert (changed != trace.logits).any(), name


@pytest.mark.parametrize("seed", range(3))
def test_integers_by_hand(seed):
    """The formula of docs/bundle.md in Python's own integers."""
    packed = random_multibit(seed)
    samples = random_windows(seed + 10, 3, SMALL.window)
    trace = multibit_integer.run(packed, samples)

    def rounded(value: int, shift: int) -> int:
        return -rounded(-value, shift) if value < 0 else (2 * value + (1 << shift)) >> (shift + 1)

    for n in range(len(samples)):
        x = [[max(-128, min(127, rounded(int(z), 4)))] for z in trace.normalised[n]]
        for i, (g, layer) in enumerate(zip(SMALL.layers, packed.layers, strict=True)):
            zeros = [[0] * g.in_channels] * g.pad
            padded, rows = zeros + x + zeros, []
            for position in range(0, g.conv_length * g.stride, g.stride):
                row = []
                for o in range(g.out_channels):
                    total = int(layer.bias[o]) << layer.bias_shift
                    for b in range(layer.start[o], layer.start[o + 1]):
                        basis = layer.basis[b].tolist()
                        s = sum(basis[c][k] * padded[position + k][c] for c in range(g.in_channels) for k in range(g.kernel))
                        total += int(layer.alpha[b]) * s
                    row.append(rounded(total, int(layer.shift[o])))
                rows.append(row)
            if not g.relu:
                assert [max(-32768, min(32767, v)) for v in rows[0]] == trace.logits[n].tolist()
                continue
            rows = [[max(0, min(255, v)) for v in row] for row in rows]
            starts = range(0, g.pool_length * g.pool_stride, g.pool_stride)
            x = [[max(rows[p + k][o] for k in range(g.pool)) for o in range(g.out_channels)] for p in starts]
            assert x == trace.layers[i][n].tolist()


def test_ties_and_flat_windows():
    packed = random_multibit(3)
    last = packed.layers[-1]
    empty = multibit.StoredLayer(0 * last.count, last.basis[:0], last.alpha[:0], last.shift, 0 * last.bias, last.bias_shift)
    samples = np.stack([np.arange(SMALL.window), np.full(SMALL.window, 7)]).astype(np.int16)
    assert multibit_integer.run(replace(packed, layers=(*packed.layers[:-1], empty)), samples).label.tolist() == [0, 255]


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


@pytest.mark.parametrize("seed", range(5))
def test_packed_bits_are_the_whole_network(seed):
    packed = random_multibit(seed)
    again = multibit.unpack(multibit.pack(packed), packed)
    assert again.sha256 == packed.sha256
    assert again.network == SMALL
    assert len(multibit.pack(packed)) == -(-SMALL.stored_bits(packed.bases) // 8)
    with pytest.raises(PopbeatError, match="packed network ends"):
        multibit.unpack(multibit.pack(packed)[:-1], packed)


def test_round_trip(tmp_path):
    packed = random_multibit(1)
    multibit.write(packed, tmp_path)
    again = multibit.read(tmp_path)
    assert again.sha256 == packed.sha256
    assert files.read_json(tmp_path / "bundle.json")["stored_bytes"] == len(multibit.pack(packed))
    assert bundle.read_golden(tmp_path) is None
    with pytest.raises(PopbeatError, match="'multibit' can't be used here.* bnn5, bnn17"):
        bundle.read(tmp_path)


def rewrite(folder, **changes):
    graph = files.read_json(folder / "bundle.json")
    files.write_json(folder / "bundle.json", graph | {"network": graph["network"] | changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "binary"}, "is not 'multibit'"),
        ({"kind": "other"}, "network kind 'other' is not"),
        ({"alpha_bits": 3}, "4 to 6 bits"),
        ({"alpha_bits": 4}, "alpha holds"),
        ({"max_bases": 1}, "count holds"),
        ({"max_bases": "4"}, "malformed"),
        ({"input_fraction": 5}, "input_fraction is 5"),
        ({"layers": []}, "other tensors"),
        ({"layers": None}, "malformed"),
    ],
)
def test_wrong_graphs(tmp_path, changes, message):
    multibit.write(random_multibit(1), tmp_path)
    rewrite(tmp_path, **changes)
    with pytest.raises(PopbeatError, match=message):
        multibit.read(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kernel": 9}, "needs int8|malformed"),
        ({"kernel": 0}, "positive integer"),
        ({"pad": 8}, "as wide as the kernel"),
        ({"pool": 300}, "at most 255"),
        ({"relu": 1}, "true or false"),
        ({"relu": False}, "and no other"),
        ({"out_channels": 5}, "the next one takes"),
        ({"length": 10**6}, "at most"),
        ({"bias_shift": 16}, "allowed are 0 to 15"),
        ({"bias_shift": 1.5}, "bias_shift of layer 1"),
        ({"nonsense": 1}, "malformed"),
    ],
)
def test_wrong_layers(tmp_path, changes, message):
    multibit.write(random_multibit(1), tmp_path)
    layers = files.read_json(tmp_path / "bundle.json")["network"]["layers"]
    rewrite(tmp_path, layers=[layers[0] | changes, *layers[1:]])
    with pytest.raises(PopbeatError, match=message):
        multibit.read(tmp_path)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("layer1.basis", lambda t: t * 0, "basis holds 0"),
        ("layer1.basis", lambda t: t[1:], "needs int8"),
        ("layer1.alpha", lambda t: t * 0, "allowed are 1 to 31"),
        ("layer2.alpha", lambda t: t * 0 + 32, "allowed are 1 to 31"),
        ("layer2.shift", lambda t: t + 16, "allowed are 0 to 15"),
        ("layer2.bias", lambda t: t.astype(np.int32), "needs int16"),
        ("layer3.count", lambda t: t * 0 + 5, "allowed are 0 to 4"),
        ("layer3.count", lambda t: t[::-1] * 0, "needs int8"),
    ],
)
def test_wrong_tensors(tmp_path, name, change, message):
    multibit.write(random_multibit(1), tmp_path)
    tensors = load((tmp_path / "tensors.safetensors").read_bytes())
    tensors[name] = np.ascontiguousarray(change(tensors[name]))
    content = save(tensors)
    (tmp_path / "tensors.safetensors").write_bytes(content)
    graph = files.read_json(tmp_path / "bundle.json")
    files.write_json(tmp_path / "bundle.json", graph | {"files": {"tensors.safetensors": files.sha256(content)}})
    with pytest.raises(PopbeatError, match=message):
        multibit.read(tmp_path)


def test_a_damaged_file_is_named(tmp_path):
    multibit.write(random_multibit(1), tmp_path)
    path = tmp_path / "tensors.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(PopbeatError, match="damaged or changed"):
        multibit.read(tmp_path)


def test_sums_and_accumulators_that_do_not_fit():
    def network(channels: int) -> networks.MultibitNetwork:
        first = networks.Convolution(1, channels, 64, 64)
        return networks.MultibitNetwork((first, networks.Convolution(channels, 2, 1, 1, relu=False)))

    with pytest.raises(PopbeatError, match="more than 18 bits"):
        random_multibit(1, network(515))
    packed = random_multibit(1, network(514))
    last = replace(packed.layers[1], bias=np.full(2, -32768, np.int16), bias_shift=15)
    assert replace(packed, layers=(packed.layers[0], last))
    # 514 x 255 x 31 x 4 + 2^15 x 2^15 still fits; nothing that the format can say does not.
    with pytest.raises(PopbeatError, match="allowed are 0 to 15"):
        replace(packed, layers=(packed.layers[0], replace(last, bias_shift=16)))


def test_golden_parameters_of_another_network():
    stored = multibit_fold.parameters(trained(1))
    with pytest.raises(PopbeatError, match="another network's parameters"):
        multibit_fold.golden(networks.get("alq17").network, stored)
