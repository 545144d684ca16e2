"""Fixtures: the recordings where they are, small random networks, and shipped bundles."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from hw.fpga import flow
from hw.verilog import RUN_YOSYS
from sw import files
from sw.data import source, tasks
from sw.export.array.bundle import GraphBundle
from sw.export.array.graph import GlobalAverage, Graph, MaxPool, Tensor
from sw.export.array.systems import Builder
from sw.export.bundle import Bundle, Head
from sw.export.front.normaliser import NormaliserSpec
from sw.networks import MULTIPLE_BITS, BinaryNetwork, Convolution, MultibitNetwork, Rhythm


def pytest_configure(config):
    """Before tests run side by side: yosys and nextpnr, which are WebAssembly, compile themselves at their first start."""
    if not hasattr(config, "workerinput") and getattr(config.option, "numprocesses", None):
        tools = [
            f"import sys, {package} as tool; sys.exit(tool.run_{package.removeprefix('yowasp_')}(sys.argv[1:]))"
            for package in flow.TOOLS.values()
        ]
        for tool in (RUN_YOSYS, *tools):
            subprocess.run([sys.executable, "-c", tool, "--version"], check=True, capture_output=True)


# Half a minute to two each, so they begin first: no worker is left alone with one of them at the end.
LONGEST = (
    "hw/mac/test_array_networks.py",
    "hw/mac/test_array.py",
    "hw/test_generate_readers.py",
    "docs/generate/test_pages.py",
    "hw/board/test_top.py",
    "hw/fpga/test_flow.py",
    "sim/test_run.py",
    "docs/test_tutorials.py",
    "hw/package/test_delivery.py",
    "hw/images/test_gasf.py",
    "hw/fpga/test_flow_gowin.py",
    "sim/test_networks.py",
    "sw/data/test_multilabel.py",
    "sw/training/test_multibit.py",
)


def pytest_collection_modifyitems(items):
    """The longest files first, all else as it was (``--no-loadscope-reorder`` leaves it so)."""
    order = {files.ROOT / "tests" / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path, len(order)))


@pytest.fixture(scope="session")
def recordings() -> source.Source:
    """The recordings that the commands would use, or synthetic ones."""
    return source.find(download=False)


@pytest.fixture(scope="session")
def rhythm17(recordings):
    """Windows of rhythm-17 and their raw samples."""
    task = tasks.get("rhythm-17")
    windows = task.windows(recordings)
    return windows, task.samples(recordings, windows)


def random_bundle(
    seed: int, channels=(3, 4, 2), window: int = 61, thresholds: str = "middle", rhythm: Rhythm | None = None
) -> Bundle:
    """A small network of random integers. ``thresholds``: 'middle' of each block's range, 'extremes' (always, never and the ends),
    or 'any'."""
    rng = np.random.default_rng(seed)
    network, spec = BinaryNetwork(tuple(channels), window, rhythm), NormaliserSpec(window=window)
    weights = tuple(rng.choice(np.array([-1, 1], np.int8), (b.out_channels, b.in_channels, b.kernel)) for b in network.blocks)
    drawn = []
    for i, block in enumerate(network.blocks[:-1]):
        reach = block.taps << (spec.z_bits - 1)
        low, high = (-reach, reach + 1) if i == 0 else (0, block.taps + 1)
        middle = (600, 500) if i == 0 else (block.taps // 2 + 2, 2)
        value = {
            "middle": rng.integers(middle[0] - middle[1], middle[0] + middle[1] + 1, block.out_channels),
            "extremes": rng.choice([low, low + 1, high - 1, high], block.out_channels),
            "any": rng.integers(low, high + 1, block.out_channels),
        }[thresholds]
        drawn.append(value.astype(np.int32))
    pads = tuple(rng.integers(0, 2, b.in_channels).astype(np.uint8) for b in network.blocks[1:])
    constants = [rng.integers(-8192, 8192, channels[-1]).astype(np.int32) for _ in range(3)]
    names = tuple(f"c{k}" for k in range(channels[-1]))
    head = Head(*constants, 3)
    if rhythm and rhythm.head:
        of_bits = rng.integers(-128, 128, (channels[-1], rhythm.bits)).astype(np.int32)
        head = Head(*constants, 3, of_bits, 11)
        if rhythm.hidden:
            count = len(rhythm.comparisons)
            hidden = rng.choice(np.array([-1, 1], np.int8), (rhythm.hidden, count))
            head = replace(head, hidden=hidden, hidden_threshold=rng.integers(1, count + 1, rhythm.hidden).astype(np.int32))
    return Bundle("random", "rhythm-17", names, network, weights, tuple(drawn), pads, head, spec)


def random_rhythm(
    seed: int, block: int, words: int, comparisons: int, marks: tuple[int, ...] = (), head: bool = False, hidden: int = 0
) -> Rhythm:
    """Comparisons of random words, the constant one among them, with small and large multiples."""
    rng = np.random.default_rng(seed)
    drawn = [(*rng.integers(0, words + 1, 2).tolist(), int(rng.integers(1, 1 << MULTIPLE_BITS))) for _ in range(comparisons)]
    return Rhythm(block, words, tuple(drawn), marks, head, hidden)


def random_windows(seed: int, count: int, window: int) -> np.ndarray:
    """Raw windows: noise, steps, constants and the ends of the range."""
    rng = np.random.default_rng(seed)
    out = rng.integers(-2048, 2048, (count, window))
    out[1::4] = np.cumsum(rng.integers(-9, 10, out[1::4].shape), axis=1)
    out[2::4] = rng.integers(-2048, 2048, out[2::4].shape[:1])[:, None]
    out[3::4] = np.where(rng.random(out[3::4].shape) < 0.5, -2048, 2047)
    return np.clip(out, -2048, 2047).astype(np.int16)


RULE_LABELS, RULE_RIGHT = 968, 966  # windows of rhythm-17's 989 that its rule labels, and labels as published

TOY_RHYTHM = Rhythm(2, 2, ((0, 1, 32), (1, 2, 10)), (1, 4))

SMALL = MultibitNetwork(
    (
        Convolution(1, 4, 120, kernel=8, stride=2, pad=3, pool=4, pool_stride=2),
        Convolution(4, 6, 29, kernel=5, pad=2, pool=2, pool_stride=2),
        Convolution(6, 5, 14, kernel=14),
        Convolution(5, 3, 1, kernel=1, relu=False),
    )
)


def random_multibit(seed: int, network: MultibitNetwork = SMALL) -> GraphBundle:
    """A small multi-bit network of random integers: channels without bases, shifts and alpha at both ends."""
    from sw.export.array import fold  # with PyTorch, for whose start most tests need not wait

    rng = np.random.default_rng(seed)
    layers = []
    for shape in network.layers:
        count = rng.integers(0, network.max_bases + 1, shape.out_channels)
        n = int(count.sum())
        layers.append(
            {
                "count": count,
                "basis": rng.choice(np.array([-1, 1], np.int8), (n, shape.in_channels, 1, shape.kernel)),
                "alpha": rng.integers(1, 1 << network.alpha_bits, n),
                "shift": rng.choice([0, 3, 5, 7, 9, 15], shape.out_channels),
                "bias": rng.integers(-(1 << 15), 1 << 15, shape.out_channels),
                "bias_shift": int(rng.integers(0, 4)),
            }
        )
    names = tuple(f"c{k}" for k in range(network.classes))
    spec = NormaliserSpec(window=network.window)
    graph = fold.graph(network, layers, "random")
    return GraphBundle("random", "rhythm-17", names, graph, alpha_bits=network.alpha_bits, normaliser=spec)


def random_graph(seed: int, image: bool, spec: NormaliserSpec, classes: tuple[str, ...] = ("a", "b", "c"), **more) -> GraphBundle:
    """A small network of random integers for the array, for windows or for images of beats; ``more`` goes into the bundle."""
    b, width = Builder(seed), 64 if image else spec.window
    x = Tensor("input", 1, 64 if image else 1, width, signed=True)
    kernel, stride = ((7, 7), (2, 2)) if image else ((1, 7), (1, 2))
    pool = (4, 4) if width > 1000 else (1, 1)
    stem = Tensor("stem", 4, x.height // stride[0], width // 2 // pool[0])
    b.convolution("stem", x, stem, 4, kernel, stride=stride, pool=pool)
    if image:
        stem = b.add(MaxPool("rows", stem, Tensor("rows", 4, 16, 32), 3, 2, pad=1))
        stem = b.add(MaxPool("columns", stem, Tensor("columns", 4, 16, 16), 3, 2, across=True, pad=1))
    shift = 10 if image else 7 if width < 1000 else 11
    mean = b.add(GlobalAverage("mean", stem, Tensor("mean", 1, 1, 4), alpha=16, shift=shift))
    b.convolution("classes", mean, None, len(classes), (1, 4), pad=(0, 0))
    front = {"front": "image", "input_fraction": 7} if image else {"front": "window"}
    named = {"model": "small", "task": "toy"} | more
    return GraphBundle(classes=classes, graph=Graph(x, tuple(b.nodes), named["model"]), normaliser=spec, **front, **named)
