"""LAMSCN and the GASF network in PyTorch: sizes, quantisation, and integers that are the golden model's."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sw.export.array import bundle, golden, integer, packing, systems
from sw.export.array.graph import Add, Average, GlobalAverage, Graph, MaxPool, Multibit, Scale, Slice, Tensor
from sw.models.graph_net import GraphNet, Quantise
from sw.training import graphs
from sw.training.graphs import Phase, Recipe


def small(image: bool = False) -> Graph:
    """A graph with every kind of node, on 48 samples or an image of 8 x 8."""
    b = systems.Builder()
    x = Tensor("input", 1, 8, 8, signed=True) if image else Tensor("input", 1, 1, 48, signed=True)
    stem = b.convolution("stem", x, Tensor("stem", 8, x.height, x.width), 8, (3, 3) if image else (1, 7))
    pooled = b.add(MaxPool("pool", stem, Tensor("pooled", 8, x.height, x.width // 2), 3, 2, across=True, pad=1))
    side = pooled.height, pooled.width
    wide = Tensor("wide", 16, *side)
    b.add(Average("left", Slice(pooled, 0, 4), Slice(wide, 0, 4, 2)))
    deep = b.convolution("deep", Slice(pooled, 4, 4), Tensor("deep", 4, *side, signed=True), 4, (1, 3), depthwise=True)
    b.convolution("mix", deep, Slice(wide, 1, 4, 2), 4, (1, 1))
    b.convolution("grow", pooled, Slice(wide, 8, 8), 8, (1, 1))
    scaled = b.attention("attention", wide, 3)
    both = b.add(Add("add", scaled, wide, Tensor("sum", 16, *side)))
    mean = b.add(GlobalAverage("mean", both, Tensor("mean", 1, 1, 16)))
    _, gates = b.gates("last", both, 3)
    last = b.add(Scale("last scale", mean, gates, Tensor("last", 1, 1, 16)))
    b.convolution("classes", last, None, 3, (1, 16), pad=(0, 0))
    return Graph(x, tuple(b.nodes), "small")


class Toy:
    """Windows whose class is the sign of a slope, or neither."""

    mark = "toy"

    def batches(self, count, batch, generator):
        for _ in range(count):
            label = torch.randint(0, 3, (batch,), generator=generator)
            slope = torch.linspace(-1, 1, 48) * (label - 1)[:, None]
            yield (slope + 0.2 * torch.randn(batch, 48, generator=generator))[:, None, None], label

    def loss(self, logits, target, teacher):
        loss = torch.nn.functional.cross_entropy(logits, target)
        return loss if teacher is None else loss + 0.1 * (logits - teacher).square().mean()

    def validate(self, net):
        (x, target), *_ = self.batches(1, 128, torch.Generator().manual_seed(9))
        with torch.no_grad():
            return float((net(x).argmax(1) == target).float().mean())


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


PHASE = Phase(4, 1280, 1e-2, 2e-2)
RECIPE = Recipe(PHASE, PHASE, PHASE, PHASE, most=3, width=2.0, mac_width=2.0, batch=32, calibration=64)


def trained(folder, recipe=RECIPE):
    """The toy's training."""
    return graphs.train(small(), recipe, Toy(), folder, lambda stage, total, completed: lambda value: None)


def as_bundle(net: GraphNet, **more) -> bundle.GraphBundle:
    """A bundle of a small network."""
    shape = net.graph.source
    return bundle.GraphBundle(
        "small",
        "toy",
        ("down", "flat", "up"),
        net.integers("small"),
        normaliser=replace(bundle.NormaliserSpec(), window=shape.width),
        **more,
    )


@pytest.mark.parametrize(
    ("graph", "parameters", "macs"),
    [
        (systems.lamscn(), 40_861, 6_465_224),
        (systems.lamscn(leads=2), 41_101, 6_897_224),
        (systems.gasf(), 1_093_711, 20_039_232),
        (systems.gasf(224, 5, 3), 1_099_983, 323_919_680),
    ],
    ids=["lamscn", "lamscn of two leads", "gasf", "gasf as published"],
)
def test_sizes(graph, parameters, macs):
    assert (GraphNet(graph).parameter_count(), systems.macs(graph)) == (parameters, macs)


def resnet34(classes: int = 5) -> tuple[int, int]:
    """Parameters and multiply-accumulates of ResNet-34 on 224 x 224 x 3 (He et al. 2016)."""
    parameters, macs, side, inputs = 64 * 3 * 49 + 128, 64 * 3 * 49 * 112**2, 56, 64
    for channels, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(blocks):
            if block == 0 and channels > 64:
                side //= 2
                parameters, macs = parameters + inputs * channels + 2 * channels, macs + inputs * channels * side**2
            for seen in (inputs, channels):
                parameters, macs = parameters + 9 * seen * channels + 2 * channels, macs + 9 * seen * channels * side**2
            inputs = channels
    return parameters + 512 * classes + classes, macs + 512 * classes


def test_the_reductions_are_the_published_ones():
    parameters, macs = resnet34()
    graph = systems.gasf(224, 5, 3)
    assert parameters == 21_287_237
    assert round(100 * (GraphNet(graph).parameter_count() / parameters - 1), 2) == -94.83
    assert round(100 * (systems.macs(graph) / macs - 1), 2) == -91.16


@pytest.mark.parametrize(("low", "high"), [(0, 255), (-128, 127)])
def test_quantised_values(low, high):
    x = torch.tensor([-300.0, -2.5, -1.5, -0.5, -0.49, 0.0, 0.49, 0.5, 1.5, 2.5, 126.5, 300.0], dtype=torch.float64) / 4
    x.requires_grad_(True)
    y = Quantise.apply(x, 4.0, low, high)
    wanted = np.clip(np.sign(x.detach().numpy()) * np.floor(np.abs(x.detach().numpy() * 4) + 0.5), low, high) / 4
    np.testing.assert_array_equal(y.detach().numpy(), wanted)
    y.sum().backward()
    assert x.grad.tolist() == [float(low <= v * 4 <= high) for v in x.tolist()]


def test_training_counts_bases_and_its_integers_are_the_golden_model(tmp_path):
    made = trained(tmp_path)
    packed = as_bundle(made.net)
    assert made.told["float_validation"] > 0.9 and made.told["validation"] > 0.9
    # So many bits were to go. With a base its alphas go, too, and count: in small layers the width may stay above the recipe's.
    gone = sum(
        (end - begin) * (RECIPE.most - count) * (unit.latent.shape[1] + graphs.ALPHA_BITS)
        for unit in made.net.units
        for (begin, end), count in zip(graphs.chunks(unit.shape[0]), graphs.chunk_counts(unit), strict=True)
    )
    assert gone >= (RECIPE.most - RECIPE.width) * sum(unit.latent.numel() for unit in made.net.units)
    assert packed.width < RECIPE.most
    assert packed.mac_width <= RECIPE.mac_width  # no alphas in this one
    raw = np.random.default_rng(3).integers(-400, 400, (40, 48)).astype(np.int16)
    stored = golden.parameters(made.net)
    logits = golden.prove(packed, stored, raw)
    # A golden model with one wrong sign that matters must not be the integers.
    changed = {k: v.copy() for k, v in stored.items()}
    changed["convolution1.bases"][0] ^= 0x80
    with pytest.raises(AssertionError, match="differ in a window"):
        golden.prove(packed, changed, raw)
    # Every node of the golden model, not its logits alone.
    net = golden.golden(packed, stored)
    net.taps = {}
    golden.golden_logits(net, packed, raw)
    trace = integer.run(packed, raw)
    np.testing.assert_array_equal(trace.logits, logits)
    for node in packed.graph.nodes[:-1]:
        part = node.target if isinstance(node.target, Slice) else Slice(node.target)
        unit = 2.0 ** net.fractions[net.classes[part.tensor.name]]
        np.testing.assert_array_equal(net.taps[node.name].numpy() * unit, trace.nodes[node.name], err_msg=node.name)
    assert packing.unpack(packing.pack(packed), packed).sha256 == packed.sha256


def test_training_goes_on_where_it_stopped(tmp_path):
    class Stopped(Exception):
        pass

    calls = []

    def line(stage, total, completed):
        def advance(value):
            calls.append(stage)
            if len(calls) == 5:
                raise Stopped

        return advance

    short = Phase(2, 96, 1e-2, 2e-2)
    brief = replace(RECIPE, float_phase=short, prune_phase=short, basis_phase=short, final_phase=short)
    with pytest.raises(Stopped):
        graphs.train(small(), brief, Toy(), tmp_path / "a", line)
    first = as_bundle(trained(tmp_path / "a", brief).net).sha256
    assert first == as_bundle(trained(tmp_path / "b", brief).net).sha256
    assert first != as_bundle(trained(tmp_path / "c", replace(brief, seed=2)).net).sha256


def test_images_are_graphs_too():
    torch.manual_seed(1)
    net = GraphNet(small(image=True), 2, 7)
    x = torch.randint(-128, 128, (16, 1, 8, 8)) / 128
    net.train()(x)
    net.calibrate(x)
    net.start()
    net.fold_norms()
    net.set("fixed", rounding=True).eval()
    graph = net.integers("small")
    logits = graph.outputs((x * 128).numpy().astype(np.int64).reshape(16, -1))[1]
    with torch.no_grad():
        told = net.set("fixed", rounding=True).double()(x.double())
    np.testing.assert_array_equal((told * 64).numpy(), logits)


def test_all_operations_are_there():
    kinds = {type(node) for node in small().nodes}
    assert kinds == {Multibit, Add, Average, GlobalAverage, MaxPool, Scale}
