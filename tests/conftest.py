"""Fixtures: the recordings where they are, small random networks, and shipped bundles."""

import os
import subprocess
import sys

import numpy as np
import pytest

from hw.fpga import flow
from hw.verilog import RUN_YOSYS
from sim.drawn import random_bundle as random_bundle
from sim.drawn import random_rhythm as random_rhythm
from sim.drawn import random_windows as random_windows
from sw import files
from sw.data import source, tasks
from sw.export.array.bundle import GraphBundle
from sw.export.array.graph import GlobalAverage, Graph, MaxPool, Tensor
from sw.export.array.systems import Builder
from sw.export.front.normaliser import NormaliserSpec
from sw.networks import Convolution, MultibitNetwork, Rhythm

# Tests compile their models for longer than they simulate.
os.environ.setdefault("POPBEAT_OPTIMISE", "-O1")


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
    "hw/mac/test_array.py",
    "sim/test_run.py",
    "hw/test_generate_readers.py",
    "docs/generate/test_pages.py",
    "hw/mac/test_array_networks.py",
    "hw/package/test_delivery.py",
    "hw/board/test_top.py",
    "hw/fpga/test_flow.py",
    "docs/test_tutorials.py",
    "hw/images/test_gasf.py",
    "sim/test_networks.py",
    "sim/bulk/test_board.py",
    "hw/mac/test_array_damage.py",
    "sim/upset/test_bed.py",
    "hw/images/test_top.py",
    "hw/fpga/test_flow_gowin.py",
    "sw/data/test_multilabel.py",
    "sw/training/test_multibit.py",
)


def pytest_collection_modifyitems(items):
    """The longest files first, all else as it was (``--no-loadscope-reorder`` leaves it so)."""
    order = {files.ROOT / "tests" / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path, len(order)))


@pytest.fixture(scope="module")
def compiled_fast():
    """Models are compiled as fast as they can be, where next to nothing is simulated."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POPBEAT_OPTIMISE", "-O0")
        yield


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
