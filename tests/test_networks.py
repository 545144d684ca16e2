"""Networks of both fronts in one simulated top, one after another."""

import numpy as np

from hw.mac.params import ArrayParams
from sim import networks
from sw import files
from sw.export.array.bundle import GraphBundle
from sw.export.array.graph import GlobalAverage, Graph, MaxPool, Tensor
from sw.export.array.systems import Builder
from sw.export.normaliser import NormaliserSpec

WINDOW = 64
PARAMS = ArrayParams(groups=2, memory=1 << 15, window=4096, halves=False)


def network(seed: int, image: bool) -> GraphBundle:
    """A small network with random weights for windows or for images."""
    b = Builder(seed)
    x = Tensor("input", 1, 64, 64, signed=True) if image else Tensor("input", 1, 1, WINDOW, signed=True)
    kernel, stride = ((7, 7), (2, 2)) if image else ((1, 7), (1, 2))
    stem = b.convolution("stem", x, Tensor("stem", 4, x.height // stride[0], x.width // 2), 4, kernel, stride=stride)
    if image:
        stem = b.add(MaxPool("rows", stem, Tensor("rows", 4, 16, 32), 3, 2, pad=1))
        stem = b.add(MaxPool("columns", stem, Tensor("columns", 4, 16, 16), 3, 2, across=True, pad=1))
    mean = b.add(GlobalAverage("mean", stem, Tensor("mean", 1, 1, 4), alpha=16, shift=10 if image else 7))
    b.convolution("classes", mean, None, 3, (1, 4), pad=(0, 0))
    front = {"front": "image", "input_fraction": 7} if image else {"front": "window"}
    spec = NormaliserSpec(window=256 if image else WINDOW)
    return GraphBundle("small", "toy", ("a", "b", "c"), Graph(x, tuple(b.nodes), "small"), normaliser=spec, **front)


def test_networks_one_after_another():
    rng = np.random.default_rng(1)
    windows, beats = (rng.integers(-2000, 2000, (3, n)).astype(np.int16) for n in (WINDOW, 256))
    beats[1] = 7  # a flat beat gets no call
    one, image, other = network(1, False), network(2, True), network(3, False)
    loads = [(one, windows), (image, beats), (other, windows[:2]), (image, beats[:1]), (one, windows[1:])]
    assert networks.packets(image, beats)[1, 0] >> 24 == 1
    networks.run(PARAMS, NormaliserSpec(window=WINDOW), loads, files.BUILD / "test-networks")
