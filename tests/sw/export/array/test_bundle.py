"""Bundles of graphs: written and read, packed and unpacked, damaged; integer model = a slow oracle = the golden model."""

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from hw.mac import design as mac_design
from hw.mac.params import CONFIGS
from sim import compare
from sim.benches.mac import programs
from sim.bulk import array
from sw import files
from sw.data import tasks
from sw.errors import PopbeatError
from sw.export import bundle as common
from sw.export import bundles
from sw.export.array import bundle, golden, integer, packing
from sw.export.array.graph import Add, Average, GlobalAverage, Graph, MaxPool, Multibit, Scale, Slice, Tensor, _all
from sw.export.front import image
from sw.export.front.normaliser import NormaliserSpec
from sw.models.graph_net import GraphNet
from tests.conftest import random_windows

WINDOW = 40
CLASSES = ("a", "b", "c")
TASK = tasks.Task("rhythm-17", CLASSES, WINDOW, lambda source: [])


def row_graph(rng) -> Graph:
    """A graph on one row with every operation: slices with steps, depthwise kernels, dense connections, a residual addition,
    channel attention of tensors and of a row, pools of every kind."""
    x = Tensor("input", 1, 1, WINDOW, signed=True)
    width = (WINDOW // 2 - 4) // 2 + 1
    stem = Tensor("stem", 4, 1, width, sortable=bool(rng.integers(2)))
    grown = Tensor("grown", 6, 1, width)
    deep, sums = Tensor("deep", 2, 1, width, signed=True), Tensor("sums", 2, 1, width)
    copy = Tensor("copy", 2, 1, width, signed=True)
    mean, gates = Tensor("mean", 1, 1, 6), Tensor("gates", 1, 1, 6, signed=True)
    opened, scaled, of_mean = Tensor("open", 1, 1, 6), Tensor("scaled", 6, 1, width), Tensor("of mean", 1, 1, 6)
    halved, pooled = Tensor("halved", 6, 1, width // 2), Tensor("pooled", 6, 1, (width // 2 + 1 - 3) // 2 + 1)
    kernel = int(rng.choice([1, 3, 5]))

    def conv(name, source, target, channels, size, **more):
        return programs.multibit(rng, name, source, target, channels, size, **more)

    return Graph(
        x,
        (
            conv("stem", x, stem, 4, (1, 3), stride=(1, 2), pad=(0, 1), pool=(4, 2)),
            conv("dense 1", stem, Slice(grown, 0, 3, 2), 3, (1, 1)),
            conv("dense 2", stem, Slice(grown, 1, 3, 2), 3, (1, 3), pad=(0, 1)),
            conv("depthwise", Slice(grown, 1, 2, 3), deep, 2, (1, kernel), pad=(0, kernel // 2), depthwise=True),
            Average("copied", deep, copy),
            Add("sum", deep, copy, sums, up=tuple(rng.integers(0, 4, 2).tolist()), shift=int(rng.integers(0, 4))),
            GlobalAverage("mean", grown, mean, alpha=int(rng.integers(1, 256)), shift=int(rng.integers(4, 12))),
            conv("gates", mean, gates, 1, (1, 3), pad=(0, 1)),
            Average("sigmoid", gates, opened, table=GraphNet.table()),
            Scale("scale", grown, opened, scaled, shift=8),
            Scale("gated mean", mean, opened, of_mean, shift=8),
            Average("halve", scaled, halved, (1, 2), (1, 2), shift=1),
            MaxPool("pool", halved, pooled, 3, 2, across=True, pad=1),
            conv("logits", pooled, None, 3, (1, pooled.width)),
        ),
        "row",
    )


def square_graph(rng, size: int = 12) -> Graph:
    """The same on an image: kernels and strides in two dimensions, a shuffle, pools along both axes."""
    x = Tensor("input", 1, size, size, signed=True)
    half = size // 2
    stem, down = Tensor("stem", 4, half, half), Tensor("down", 4, half // 2, half)
    pooled, mixed = Tensor("pooled", 4, half // 2, half // 2), Tensor("mixed", 4, half // 2, half // 2)
    deep, sums = Tensor("deep", 2, half // 2, half // 2, signed=True), Tensor("sums", 4, half // 2, half // 2)
    side = tuple(rng.permutation([2, 1]).tolist())

    def conv(name, source, target, channels, kernel, **more):
        return programs.multibit(rng, name, source, target, channels, kernel, **more)

    return Graph(
        x,
        (
            conv("stem", x, stem, 4, (3, 5), stride=(2, 2), pad=(1, 2)),
            MaxPool("rows pooled", stem, down, 3, 2, pad=1),
            MaxPool("columns pooled", down, pooled, 2, 2, across=True),
            conv("depthwise", Slice(pooled, 2, 2), deep, 2, (3, 3), pad=(1, 1), depthwise=True),
            conv("mix", deep, Slice(mixed, 1, 2, 2), 2, (1, 1)),
            Average("pass by", Slice(pooled, 0, 2), Slice(mixed, 0, 2, 2)),
            Add("sum", mixed, pooled, sums),
            conv("logits", sums, None, 3, (half // 2, half // 2), stride=side),
        ),
        "square",
    )


def of_graph(graph: Graph, **more) -> bundle.GraphBundle:
    """A bundle of a row graph."""
    spec = NormaliserSpec(window=graph.source.width)
    return bundle.GraphBundle("random", "rhythm-17", CLASSES, graph, normaliser=spec, **more)


def random_bundle(seed: int, **more) -> bundle.GraphBundle:
    """A row graph of random integers, some of them at the ends of their range."""
    return of_graph(row_graph(np.random.default_rng(seed)), **more)


# The oracle: docs/bundle.md in Python's own integers, one value after the other.


def rounded(value: int, shift: int) -> int:
    """value / 2^shift to the nearest integer, halves away from zero."""
    return -rounded(-value, shift) if value < 0 else (2 * value + (1 << shift)) >> (shift + 1)


def clipped(value: int, signed: bool) -> int:
    return max(-128, min(127, value)) if signed else max(0, min(255, value))


def oracle(graph: Graph, samples: list[list[int]]) -> tuple[dict, list[int]]:
    """What every node writes for one input ``[row][column]``, as nested lists ``[channel][row][column]``, and the logits."""
    held = {name: [None] * t.channels for name, t in graph.tensors.items()}
    held[graph.source.name][0] = samples
    made = {}
    for node in graph.nodes:
        x = [held[s.tensor.name][s.first + k * s.step] for s in node.sources[:1] for k in range(s.count)]
        signed = node.target is not None and _all(node.target).tensor.signed
        if isinstance(node, Multibit):
            y = slow_convolution(node, x, signed)
        elif isinstance(node, Add):
            part = node.sources[1]
            other = [held[part.tensor.name][part.first + k * part.step] for k in range(part.count)]
            y = slow_add(node, x, other, signed)
        elif isinstance(node, Average):
            y = [slow_average(node, c, signed if node.table is None else node.sources[0].tensor.signed) for c in x]
            if node.table is not None:
                y = [[[int(node.table[v % 256]) for v in row] for row in c] for c in y]
        elif isinstance(node, GlobalAverage):
            y = [[[clipped(rounded(node.alpha * sum(map(sum, c)), node.shift), signed) for c in x]]]
        elif isinstance(node, MaxPool):
            y = [slow_pool(node, c) for c in x]
        else:
            by = held[node.by.name][0][0]
            y = slow_scale(node, x, by, signed)
        if node.target is None:
            return made, [c[0][0] for c in y]
        target = _all(node.target)
        for k, c in enumerate(y):
            held[target.tensor.name][target.first + k * target.step] = c
        made[node.name] = y
    raise AssertionError("no logits")


def slow_convolution(node: Multibit, x, signed: bool):
    (sy, sx), (py, px), (pool, step) = node.stride, node.pad, node.pool
    ky, kx = node.basis.shape[2:]
    height, width = len(x[0]), len(x[0][0])
    out, base = [], 0
    for o in range(len(node.count)):
        own = range(base, base + int(node.count[o]))
        base = own.stop
        seen = [x[o]] if node.depthwise else x
        rows = []
        for i in range(-py, height + py - ky + 1, sy):
            row = []
            for j in range(-px, width + px - kx + 1, sx):
                total = int(node.bias[o]) << node.bias_shift
                for n in own:
                    for c, plane in enumerate(seen):
                        for a in range(max(0, -i), min(ky, height - i)):
                            for b in range(max(0, -j), min(kx, width - j)):
                                total += int(node.alpha[n]) * int(node.basis[n, c, a, b]) * plane[i + a][j + b]
                value = rounded(total, int(node.shift[o]))
                row.append(max(-32768, min(32767, value)) if node.target is None else clipped(value, signed))
            rows.append([max(row[p : p + pool]) for p in range(0, len(row) - pool + 1, step)])
        out.append(rows)
    return out


def each(function, x, y):
    """A function of two values, of nested lists ``[channel][row][column]``."""
    return [
        [[function(p, q) for p, q in zip(*row, strict=True)] for row in zip(*channel, strict=True)]
        for channel in zip(x, y, strict=True)
    ]


def slow_add(node: Add, x, other, signed: bool):
    return each(lambda p, q: clipped(rounded(p * 2 ** node.up[0] + q * 2 ** node.up[1], node.shift), signed), x, other)


def slow_scale(node: Scale, x, by, signed: bool):
    if len(x) == 1 and len(x[0]) == 1 and len(x[0][0]) == len(by):
        factors = [[by]]
    else:
        factors = [[[by[k]] * len(row) for row in c] for k, c in enumerate(x)]
    return each(lambda value, factor: clipped(rounded(value * factor, node.shift), signed), x, factors)


def slow_average(node: Average, c, signed: bool):
    (ky, kx), (sy, sx) = node.kernel, node.stride
    rows = []
    for i in range(0, len(c) - ky + 1, sy):
        sums = [sum(c[i + a][j + b] for a in range(ky) for b in range(kx)) for j in range(0, len(c[0]) - kx + 1, sx)]
        rows.append([clipped(rounded(node.alpha * total, node.shift), signed) for total in sums])
    return rows


def turned(c):
    """Columns for rows."""
    return [list(line) for line in zip(*c, strict=True)]


def slow_pool(node: MaxPool, c):
    lines = [[0] * node.pad + list(line) for line in (c if node.across else turned(c))]
    lines = [[max(line[p : p + node.kernel]) for p in range(0, len(line) - node.kernel + 1, node.stride)] for line in lines]
    return lines if node.across else turned(lines)


def assert_is_the_oracle(graph: Graph, made: np.ndarray, nodes: dict, logits: np.ndarray) -> None:
    for n in range(len(made)):
        expected, last = oracle(graph, made[n].astype(int).tolist())
        assert list(nodes) == list(expected)
        for name, values in expected.items():
            assert nodes[name][n].tolist() == values, name
        assert logits[n].tolist() == last


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_the_integers_are_the_oracle(seed):
    rng = np.random.default_rng(seed)
    packed = random_bundle(seed % 1000)
    samples = random_windows(seed, 4, WINDOW)
    trace = integer.run(packed, samples)
    assert_is_the_oracle(packed.graph, trace.input, trace.nodes, trace.logits)
    square = square_graph(rng)
    pixels = rng.integers(-128, 128, (2, 12, 12))
    nodes, logits = square.outputs(pixels.reshape(2, -1))
    assert_is_the_oracle(square, pixels, nodes, logits)


def test_the_oracle_can_fail():
    packed = random_bundle(1)
    trace = integer.run(packed, random_windows(1, 2, WINDOW))
    for name in trace.nodes:
        wrong = {k: v.copy() for k, v in trace.nodes.items()}
        wrong[name][-1, -1, -1, -1] += 1
        with pytest.raises(AssertionError):
            assert_is_the_oracle(packed.graph, trace.input, wrong, trace.logits)
    with pytest.raises(AssertionError):
        assert_is_the_oracle(packed.graph, trace.input, trace.nodes, trace.logits + 1)


@torch.no_grad()
def trained(graph: Graph, seed: int, samples: torch.Tensor) -> GraphNet:
    """A network of a graph as training leaves it: norms folded, some bases pruned away, a channel without bases."""
    torch.manual_seed(seed)
    net = GraphNet(graph, most=3)
    for unit in net.units:
        if unit.norm is not None:
            unit.norm.weight.copy_(torch.randn_like(unit.norm.weight))
            unit.norm.bias.copy_(torch.randn_like(unit.norm.bias))
    net.train()
    net(samples)
    net.calibrate(samples)
    net.start()
    net.fold_norms()
    for unit in net.units:
        gone = torch.rand(unit.alpha.shape) < 0.3
        unit.alpha[gone], unit.bases[gone] = 0, 0
    net.units[1].alpha[2], net.units[1].bases[2] = 0, 0
    return net.set("fixed", rounding=True).eval()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1 << 31))
def test_the_integers_are_the_golden_model(seed):
    samples = random_windows(seed, 12, WINDOW)
    spec = NormaliserSpec(window=WINDOW)
    normalised = spec.normalise(samples)[0]
    net = trained(row_graph(np.random.default_rng(seed)), seed, torch.from_numpy(normalised / 256.0).float()[:, None, None])
    packed = golden.export("small", TASK, net, {})
    stored = golden.parameters(net)
    model = golden.golden(packed, stored)
    model.taps = {}
    trace = integer.run(packed, samples)
    np.testing.assert_array_equal(golden.golden_logits(model, packed, samples), trace.logits)
    for node in packed.graph.nodes[:-1]:
        unit = model._unit(_all(node.target).tensor)
        np.testing.assert_array_equal((model.taps[node.name] * unit).numpy(), trace.nodes[node.name], err_msg=node.name)
    assert_is_the_oracle(packed.graph, trace.input[:2], {k: v[:2] for k, v in trace.nodes.items()}, trace.logits[:2])
    np.testing.assert_array_equal(golden.prove(packed, stored, samples), trace.logits)
    assert packing.unpack(packing.pack(packed), packed).sha256 == packed.sha256


def test_a_wrong_golden_model_is_noticed():
    samples = random_windows(3, 16, WINDOW)
    normalised = NormaliserSpec(window=WINDOW).normalise(samples)[0]
    net = trained(row_graph(np.random.default_rng(3)), 3, torch.from_numpy(normalised / 256.0).float()[:, None, None])
    packed, stored = golden.export("small", TASK, net, {}), golden.parameters(net)
    golden.prove(packed, stored, samples)
    last = f"convolution{len(net.units)}"
    for name, change in (
        (f"{last}.bases", np.invert),
        (f"{last}.alpha", lambda alpha: alpha * 2),
        (f"{last}.bias", lambda bias: bias + np.float32(0.25)),
    ):
        with pytest.raises(AssertionError, match="golden model and the integers differ"):
            golden.prove(packed, stored | {name: change(stored[name])}, samples)


def test_answers():
    packed = random_bundle(2)
    samples = random_windows(2, 8, WINDOW)
    one, several = integer.run(packed, samples), integer.run(replace(packed, answer=bundle.SET), samples)
    assert one.flat.any() and not one.flat.all()
    np.testing.assert_array_equal(several.labels, (several.logits >= 0) & ~several.flat[:, None])
    np.testing.assert_array_equal(one.labels.sum(axis=1), (~one.flat).astype(int))
    assert one.label[one.flat].tolist() == [255] * int(one.flat.sum())
    logits = np.array([-1, 0, 5])
    assert [bundles.told(p, k, logits) for p in (packed, replace(packed, answer=bundle.SET)) for k in (2, 255)] == [
        "c",
        "no call",
        "b, c",
        "no call",
    ]
    assert bundles.told(replace(packed, answer=bundle.SET), 1, logits - 6) == "no label"


def test_a_network_of_sets_and_a_task_of_classes():
    task = tasks.get("multilabel-17")
    assert "multilabel-17" in tasks.TASKS and task.sets
    assert task.named(0) == "no label" and task.named(0b101) == f"{task.classes[0]}, {task.classes[2]}"
    with pytest.raises(PopbeatError, match="answers with one class, and multilabel-17 asks for a set of labels"):
        tasks.for_network("multilabel-17", 3600, 12, task.classes)
    assert tasks.for_network("multilabel-17", 3600, 12, task.classes, sets=True) is task


def image_bundle() -> bundle.GraphBundle:
    size = image.POINTS
    source, small = Tensor("input", 1, size, size, signed=True), Tensor("small", 2, 2, 8)
    rng = np.random.default_rng(1)
    nodes = (
        programs.multibit(rng, "stem", source, Tensor("stem", 2, 16, 16), 2, (3, 3), stride=(2, 2), pad=(1, 1), pool=(2, 2)),
        programs.multibit(rng, "logits", small, None, 3, (2, 8)),
    )
    stem = Tensor("stem", 2, size // 2, size // 4)
    nodes = (
        replace(nodes[0], target=stem),
        MaxPool("rows", stem, Tensor("rows", 2, 2, size // 4), 16, 16),
        replace(
            nodes[1], source=Tensor("rows", 2, 2, size // 4), basis=np.ones((int(nodes[1].count.sum()), 2, 2, size // 4), np.int8)
        ),
    )
    spec = NormaliserSpec(window=image.SAMPLES)
    graph = Graph(source, nodes, "image")
    return bundle.GraphBundle("image", "beat-5-image", CLASSES, graph, bundle.IMAGE, input_fraction=7, normaliser=spec)


@pytest.mark.parametrize("make", [lambda: random_bundle(4), lambda: random_bundle(5, answer=bundle.SET), image_bundle])
def test_round_trip(tmp_path, make):
    packed = make()
    bundles.write(packed, tmp_path, save({"x": np.zeros(1, np.float32)}))
    again = bundles.read(tmp_path)
    assert isinstance(again, bundle.GraphBundle) and again.sha256 == packed.sha256
    assert bundle.description(again) == bundle.description(packed)
    assert files.read_json(tmp_path / "bundle.json")["stored_bytes"] == len(packing.pack(packed)) == bundles.stored_bytes(again)
    assert common.read_golden(tmp_path).keys() == {"x"}
    length = packed.network.window
    samples = random_windows(1, 4, length)
    before, after = integer.run(packed, samples), integer.run(again, samples)
    for name in before.nodes:
        np.testing.assert_array_equal(before.nodes[name], after.nodes[name])
    np.testing.assert_array_equal(before.logits, after.logits)
    with pytest.raises(PopbeatError, match="'graph' can't be used here.* bnn5, bnn17"):
        common.read(tmp_path)


def test_images_need_an_array_with_a_front_for_them():
    with pytest.raises(PopbeatError, match="image takes images of beats, and mac128 has no front that makes them; take mac128l"):
        mac_design.compile_bundle(image_bundle(), CONFIGS["mac128"])
    with pytest.raises(PopbeatError, match="inputs in units of 2\\^-5; the top's are 2\\^-4"):
        mac_design.compile_bundle(random_bundle(1, input_fraction=5), CONFIGS["mac128"])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_packed_bits_are_the_whole_network(seed):
    packed = random_bundle(seed)
    again = packing.unpack(packing.pack(packed), packed)
    assert again.sha256 == packed.sha256
    assert bundle.description(again) == bundle.description(packed)


def test_every_integer_is_in_the_hash_and_in_the_packed_bits():
    """One number changed anywhere changes both: what is not stored would not."""
    packed = random_bundle(7)
    seen = {(packed.sha256, packing.pack(packed))}
    graph = packed.graph

    def changed(number: int, **more) -> bundle.GraphBundle:
        nodes = list(graph.nodes)
        nodes[number] = replace(nodes[number], **more)
        return replace(packed, graph=replace(graph, nodes=tuple(nodes)))

    variants = [replace(packed, alpha_bits=7)]
    for number, node in enumerate(graph.nodes):
        if isinstance(node, Multibit):
            for name in ("bias", "shift", "alpha"):
                value = getattr(node, name).copy()
                if len(value):
                    value[-1] ^= 1
                    variants.append(
                        changed(number, **{name: np.maximum(value, 1) if name == "alpha" and value[-1] == 0 else value})
                    )
            if len(node.basis):
                basis = node.basis.copy()
                basis[-1, -1, -1, -1] *= -1
                variants.append(changed(number, basis=basis))
            variants.append(changed(number, bias_shift=node.bias_shift ^ 1))
        elif not isinstance(node, MaxPool):
            variants.append(changed(number, shift=node.shift + 1))
        if isinstance(node, Average) and node.table is not None:
            table = node.table.copy()
            table[-1] ^= 1
            variants.append(changed(number, table=table))
    for variant in variants:
        pair = variant.sha256, packing.pack(variant)
        assert pair[0] not in {a for a, _ in seen} and pair[1] not in {b for _, b in seen}
        seen.add(pair)
    assert len(seen) > 25


@pytest.mark.parametrize("seed", range(3))
def test_broken_packed_bits_are_refused_or_another_network(seed):
    packed = random_bundle(seed)
    stored = packing.pack(packed)
    with pytest.raises(PopbeatError, match="packed network ends"):
        packing.unpack(stored[:-1], packed)
    rng = np.random.default_rng(seed)
    for place in rng.integers(0, 8 * (len(stored) - 1), 60).tolist():
        broken = bytearray(stored)
        broken[place // 8] ^= 0x80 >> place % 8
        with suppress(PopbeatError):
            assert packing.unpack(bytes(broken), packed).sha256 != packed.sha256, place


# Broken bundles: the file and the value are named.


@pytest.fixture
def written(tmp_path):
    """A bundle of a row graph in a folder, and its graph as stored."""
    bundle.write(random_bundle(6), tmp_path)
    return tmp_path


def rewrite(folder, change) -> None:
    """``change`` the stored member ``network`` in place."""
    stored = files.read_json(folder / "bundle.json")
    change(stored["network"])
    files.write_json(folder / "bundle.json", stored)


def in_node(called: str, /, **changes):
    def change(network):
        node = next(n for n in network["nodes"] if n["name"] == called)
        for key, value in changes.items():
            if value is None:
                del node[key]
            else:
                node[key] = value

    return change


def in_tensor(called: str, /, **changes):
    return lambda network: next(t for t in network["tensors"] if t["name"] == called).update(changes)


PART = {"tensor": "stem", "first": 0, "count": 4, "step": 1}
UNUSED = {"name": "idle", "channels": 1, "height": 1, "width": 1, "signed": False, "sortable": False}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda n: n.update(kind="other"), "network kind 'other' is unknown; known are 'binary' and 'graph'"),
        (lambda n: n.update(kind="multibit"), "network kind 'multibit' is unknown"),
        (lambda n: n.update(front="sound"), "front 'sound' or answer 'one' is unknown"),
        (lambda n: n.update(answer="both"), "front 'window' or answer 'both' is unknown"),
        (lambda n: n.update(front="image"), "images have 64 x 64 values, and the graph takes 1 x 40"),
        (lambda n: n.update(input_fraction=8), "input_fraction is 8; allowed are 0 to 7"),
        (lambda n: n.update(input_fraction=4.0), "input_fraction is 4.0"),
        (lambda n: n.update(input_fraction=True), "input_fraction is True"),
        (lambda n: n.update(alpha_bits=3), "alpha_bits is 3; allowed are 4 to 8"),
        (lambda n: n.update(alpha_bits=9), "alpha_bits is 9"),
        (lambda n: n.update(alpha_bits=4), "alpha holds"),
        (lambda n: n.update(source="stem"), "a graph takes one channel of int8 values|two different|nothing has written"),
        (lambda n: n.update(source="nothing"), "there is no tensor called 'nothing'"),
        (lambda n: n.update(surplus=1), "network has other members than it should; missing or too many: surplus"),
        (lambda n: n.update(nodes=n["nodes"] * 100), "at most 1023 nodes and 1023 tensors"),
        (lambda n: n.update(tensors=n["tensors"] * 100), "at most 1023 nodes and 1023 tensors"),
        (lambda n: n.update(nodes=n["nodes"][:-1]), "the last operation, and only it, makes the logits|other tensors"),
        (lambda n: n.update(nodes=[]), "the last operation, and only it, makes the logits|other tensors"),
        (lambda n: n.update(nodes=None), "is malformed"),
        (lambda n: n.pop("front"), "is malformed: KeyError\\('front'\\)"),
        (lambda n: n["tensors"].append(UNUSED), "no node reads or writes tensor 'idle'"),
        (lambda n: n["tensors"].append(n["tensors"][1]), "there are two tensors called 'stem'"),
        (in_tensor("stem", channels=0), "channels of tensor 'stem' is 0|channels 0 to"),
        (in_tensor("sums", height=0), "height of tensor 'sums' is 0; allowed are 1 to 128"),
        (in_tensor("sums", width=8193), "width of tensor 'sums' is 8193; allowed are 1 to 8192"),
        (in_tensor("sums", width=1.5), "width of tensor 'sums' is 1.5"),
        (in_tensor("sums", channels=1025), "channels of tensor 'sums' is 1025; allowed are 1 to 1024"),
        (in_tensor("sums", channels=1024, height=2, width=65), "of \\(1024, 2, 65\\) values is larger than any array's memory"),
        (in_tensor("sums", signed=0), "signed of tensor 'sums' is 0; allowed are false and true"),
        (in_tensor("sums", sortable="no"), "sortable of tensor 'sums' is 'no'"),
        (in_tensor("sums", name=""), "a tensor is called ''|no tensor called"),
        (in_tensor("sums", name="x" * 65), "names have 1 to 64 printable characters"),
        (in_tensor("sums", name=7), "a tensor is called 7"),
        (in_tensor("sums", colour=7), "is malformed"),
        (in_tensor("input", signed=False), "a graph takes one channel of int8 values"),
        (in_tensor("input", height=2), "a window is one row, and the graph takes 2"),
        (in_node("stem", name="dense 1"), "there are two nodes called 'dense 1'"),
        (in_node("stem", name=""), "a node is called ''"),
        (in_node("stem", op="guess"), "operation 'guess' is unknown; known are convolution, add"),
        (in_node("stem", op=None), "is malformed: KeyError\\('op'\\)"),
        (in_node("stem", mood="good"), "node 'stem' has other members than it should; missing or too many: mood"),
        (in_node("stem", target="nowhere"), "there is no tensor called 'nowhere'"),
        (in_node("stem", target=PART | {"first": 1024}), "first of stem is 1024; allowed are 0 to 1023"),
        (in_node("stem", target=PART | {"count": 0}), "count of stem is 0"),
        (in_node("stem", target=PART | {"step": 5}), "step of stem is 5; allowed are 1 to 4"),
        (in_node("stem", target=PART | {"step": "1"}), "step of stem is '1'"),
        (in_node("stem", target=PART | {"count": 5}), "channels 0 to 4 of stem, which has 4"),
        (in_node("stem", target={"tensor": "stem"}), "is no part of a tensor"),
        (in_node("stem", target=PART | {"last": 4}), "is no part of a tensor"),
        (in_node("stem", target=5), "5 is no part of a tensor"),
        (in_node("stem", target=None), "the last operation, and only it, makes the logits|3, 1, 1"),
        (in_node("sum", target=None), "sum has no target; a convolution alone makes the logits"),
        (in_node("stem", kernel=[1, 4]), "needs uint8\\[|makes"),
        (in_node("stem", kernel=[0, 3]), "kernel\\[0\\] of stem is 0; allowed are 1 to 128"),
        (in_node("stem", kernel=[1, 8193]), "kernel\\[1\\] of stem is 8193; allowed are 1 to 8192"),
        (in_node("stem", kernel=[3]), "is malformed"),
        (in_node("stem", channels=5), "tensor node1.count is uint8\\[4\\], and the network needs uint8\\[5\\]"),
        (in_node("stem", channels=0), "channels of stem is 0"),
        (in_node("stem", depthwise=1), "depthwise of stem is 1; allowed are false and true|weights for 1 channels"),
        (in_node("stem", stride=[1, 3]), "stride\\[1\\] of stem is 3; allowed are 1 to 2"),
        (in_node("stem", stride=[0, 1]), "stride\\[0\\] of stem is 0"),
        (in_node("stem", pad=[0, 16]), "pad\\[1\\] of stem is 16; allowed are 0 to 15"),
        (in_node("stem", pad=[0, -1]), "pad\\[1\\] of stem is -1"),
        (in_node("stem", pad=[0, 7]), "stem makes"),
        (in_node("stem", pool=[0, 1]), "pool\\[0\\] of stem is 0; allowed are 1 to 256"),
        (in_node("stem", pool=[257, 1]), "pool\\[0\\] of stem is 257"),
        (in_node("stem", pool=[100, 2]), "stem does not fit what it reads"),
        (in_node("stem", bias_shift=16), "bias_shift of stem is 16; allowed are 0 to 15"),
        (in_node("stem", bias_shift=1.5), "bias_shift of stem is 1.5"),
        (in_node("sum", up=[16, 0]), "up\\[0\\] of sum is 16; allowed are 0 to 15"),
        (in_node("sum", up=[0, -1]), "up\\[1\\] of sum is -1"),
        (in_node("sum", shift=32), "shift of sum is 32; allowed are 0 to 31"),
        (in_node("sum", other="grown"), "sum does not fit what it reads|sum makes"),
        (in_node("sum", other="scaled"), "sum does not fit what it reads"),
        (in_node("mean", source="scaled"), "mean reads channels of scaled that nothing has written"),
        (in_node("halve", kernel=[1, 0]), "kernel\\[1\\] of halve is 0; allowed are 1 to 256"),
        (in_node("halve", stride=[1, 257]), "stride\\[1\\] of halve is 257"),
        (in_node("halve", alpha=256), "alpha of halve is 256; allowed are 0 to 255"),
        (in_node("halve", shift=-1), "shift of halve is -1"),
        (in_node("halve", table=True), "has no node12.table"),
        (in_node("sigmoid", table=False), "other tensors than the network; missing or too many: node9.table"),
        (in_node("mean", alpha=-1), "alpha of mean is -1"),
        (in_node("mean", target="open"), "mean makes|already|nothing has written"),
        (in_node("mean", target="sums"), "that are written already|mean makes"),
        (in_node("pool", kernel=17), "kernel of pool is 17; allowed are 1 to 16"),
        (in_node("pool", kernel=16), "pool does not fit what it reads"),
        (in_node("pool", stride=0), "stride of pool is 0; allowed are 1 to 16"),
        (in_node("pool", pad=16), "pad of pool is 16; allowed are 0 to 15"),
        (in_node("pool", across=1), "across of pool is 1; allowed are false and true"),
        (in_node("pool", across=False), "pool does not fit what it reads|pool makes"),
        (in_node("scale", shift=32), "shift of scale is 32"),
        (in_node("scale", by="nothing"), "there is no tensor called 'nothing'"),
        (in_node("scale", by="stem"), "scale does not fit what it reads"),
        (in_node("copied", target="input"), "copied writes channels of input that are written already|copied makes"),
        (in_node("copied", target="sums"), "sum reads channels of copy that nothing has written|copied makes"),
        (in_node("dense 2", target={"tensor": "grown", "first": 0, "count": 3, "step": 1}), "that are written already"),
        (in_node("depthwise", depthwise=False), "tensor node4.basis is"),
    ],
)
def test_wrong_graphs(written, change, message):
    bundle.read(written)  # whole
    rewrite(written, change)
    with pytest.raises(PopbeatError, match=message) as seen:
        bundles.read(written)
    assert str(written) in str(seen.value), "the message does not name the bundle"


@pytest.mark.parametrize(
    ("member", "value", "message"),
    [
        ("model", "Capital", "model name 'Capital' is no short lower-case identifier"),
        ("classes", ["a", "b"], "logits makes|class names"),
        ("classes", ["a", "b", "b"], "class names"),
        ("training", [], "not an object"),
        ("normaliser", {"window": 41, "raw_bits": 12, "z_bits": 12, "z_fraction": 8}, "normaliser window 41"),
        (
            "normaliser",
            {"window": 40, "raw_bits": 12, "z_bits": 12, "z_fraction": 4},
            "z_fraction is 4; the graph needs more than 4",
        ),
        ("version", 2, "this popbeat reads version 1"),
    ],
)
def test_wrong_heads(written, member, value, message):
    stored = files.read_json(written / "bundle.json")
    files.write_json(written / "bundle.json", stored | {member: value})
    with pytest.raises(PopbeatError, match=message):
        bundle.read(written)


def with_first(value):
    def change(tensor):
        tensor = tensor.copy()
        tensor[0] = value
        return tensor

    return change


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("node1.count", with_first(8), "tensor node1.count holds 0 to 8|tensor node1.count holds \\d to 8; allowed are 0 to 7"),
        ("node1.count", lambda t: t.astype(np.int16), "tensor node1.count is int16"),
        ("node1.count", lambda t: t[:-1], "tensor node1.count is uint8\\[3\\], and the network needs uint8\\[4\\]"),
        ("node1.basis", lambda t: np.append(t, 0).astype(np.uint8), "tensor node1.basis is uint8"),
        ("node1.basis", lambda t: t.astype(np.int8), "tensor node1.basis is int8"),
        ("node1.alpha", with_first(0), "tensor node1.alpha holds 0 to \\d+; allowed are 1 to 255"),
        ("node1.alpha", lambda t: t[:-1], "tensor node1.alpha is"),
        ("node1.shift", with_first(32), "tensor node1.shift holds \\d+ to 32; allowed are 0 to 31"),
        ("node1.bias", lambda t: t.astype(np.int32), "tensor node1.bias is int32"),
        ("node9.table", lambda t: t[:-1], "tensor node9.table is uint8\\[255\\]"),
        ("node9.table", lambda t: t.astype(np.int8), "tensor node9.table is int8"),
        ("node9.table", None, "tensors.safetensors has no node9.table"),
        ("node1.alpha", None, "tensors.safetensors has no node1.alpha"),
        ("surplus", lambda t: np.zeros(1, np.uint8), "missing or too many: surplus"),
    ],
)
def test_wrong_tensors(written, name, change, message):
    tensors = load((written / "tensors.safetensors").read_bytes())
    if change is None:
        del tensors[name]
    else:
        tensors[name] = np.ascontiguousarray(change(tensors.get(name)))
    content = save(tensors)
    (written / "tensors.safetensors").write_bytes(content)
    stored = files.read_json(written / "bundle.json")
    files.write_json(written / "bundle.json", stored | {"files": {"tensors.safetensors": files.sha256(content)}})
    with pytest.raises(PopbeatError, match=message):
        bundle.read(written)


def test_a_damaged_file_is_named(written):
    path = written / "tensors.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(PopbeatError, match="tensors.safetensors has SHA-256 .* damaged or changed"):
        bundle.read(written)
    path.unlink()
    with pytest.raises(PopbeatError, match="bundle file not found: .*tensors.safetensors"):
        bundle.read(written)


def test_sums_and_accumulators_that_do_not_fit():
    def network(width: int, channels: int = 4, **more) -> bundle.GraphBundle:
        source = Tensor("input", 1, 1, width, signed=True)
        values = {"count": np.full(3, 7), "basis": np.ones((21, 1, 1, width), np.int8), "alpha": np.full(21, 255)}
        values |= {"bias": np.full(3, -32768), "shift": np.full(3, 31), "bias_shift": 15} | more
        return of_graph(Graph(source, (Multibit("logits", source, None, **values),), "one"))

    # The largest accumulator that the format knows still fits into 32 bits.
    packed = network(1023)
    assert 7 * 255 * 128 * 1023 + (1 << 30) < 1 << 31
    trace = integer.run(packed, np.stack([np.arange(1023), np.arange(1023)[::-1]]).astype(np.int16) - 512)
    assert_is_the_oracle(packed.graph, trace.input, trace.nodes, trace.logits)
    with pytest.raises(PopbeatError, match="logits sums 1024 values, which can need more than 18 bits"):
        network(1024)
    packed = random_bundle(1)
    wide = [replace(n, kernel=(1, 200)) if n.name == "halve" else n for n in packed.graph.nodes]
    with pytest.raises(PopbeatError, match="halve does not fit"):
        replace(packed, graph=replace(packed.graph, nodes=tuple(wide)))


def test_operations_that_bundles_do_not_hold():
    class Other(MaxPool):
        """A kind of node that the format does not know."""

    x, rows = Tensor("input", 1, 1, WINDOW, signed=True), Tensor("rows", 2, 1, 8)
    half = Tensor("half", 2, 1, 4)
    rng = np.random.default_rng(1)
    nodes = (
        programs.multibit(rng, "rows", x, rows, 2, (1, WINDOW - 7)),
        Other("other", rows, half, 2, 2, across=True),
        programs.multibit(rng, "logits", half, None, 3, (1, 4)),
    )
    with pytest.raises(PopbeatError, match="other is a Other, which bundles do not hold"):
        of_graph(Graph(x, nodes, "other"))


def observed(trace: integer.Trace, hidden=()) -> array.Observed:
    """What hardware that agrees with a trace would show, but for the nodes that it never writes."""
    n = len(trace.flat)
    nodes = {name: values for name, values in trace.nodes.items() if name not in hidden}
    flags = trace.flat.astype(np.int64)
    return array.Observed(trace.front, nodes, frozenset(hidden), trace.logits, trace.label, np.arange(n), flags, {})


def test_every_node_is_compared_by_its_name():
    trace = integer.run(random_bundle(1), random_windows(1, 3, WINDOW))
    assert compare.check(observed(trace), trace) == len(trace.nodes) + 3
    # What a program never writes is left out by name, and by nothing else.
    assert compare.check(observed(trace, ("copied", "scale")), trace) == len(trace.nodes) + 1
    seen = observed(trace)
    for name in trace.nodes:
        wrong = seen.nodes | {name: seen.nodes[name] + np.int16(1)}
        with pytest.raises(compare.Mismatch, match=f"{name}: "):
            compare.check(replace(seen, nodes=wrong), trace)
        lost = {k: v for k, v in seen.nodes.items() if k != name}
        with pytest.raises(compare.Mismatch, match=f"{name}: the model has it, and the hardware says nothing of it"):
            compare.check(replace(seen, nodes=lost), trace)
    for nodes, hidden in ((seen.nodes | {"other": trace.front}, ()), (seen.nodes, ("stem",)), (seen.nodes, ("other",))):
        with pytest.raises(compare.Mismatch, match="the hardware has it, and the model does not, or says of it both"):
            compare.check(replace(seen, nodes=nodes, hidden=frozenset(hidden)), trace)
