"""Small arrays, and graphs and networks for them, which several tests share."""

import numpy as np

from hw.mac.params import ArrayParams
from sim.benches.mac import programs
from sw.export.array import compiler
from sw.export.array.bundle import GraphBundle
from sw.export.front.normaliser import NormaliserSpec
from tests.conftest import random_graph

SMALL = ArrayParams(2, memory=1 << 13, weights=1 << 13, tables=1 << 9, window=1000)
GRAPHS = (programs.row_graph, programs.square_graph)


def compiled(make, seed: int, groups: int = SMALL.groups, windows: bool = True, window: int = SMALL.window) -> compiler.Compiled:
    """A random graph on the small array."""
    return compiler.compile_graph(make(np.random.default_rng(seed), window), groups, SMALL.half, SMALL.memory, windows)


WINDOW = 64
# With fronts for windows and for images, and room for one network.
PARAMS = ArrayParams(groups=2, memory=1 << 15, window=4096, halves=False)


def network(seed: int, image: bool) -> GraphBundle:
    """A small network for windows or for images."""
    return random_graph(seed, image, NormaliserSpec(window=256 if image else WINDOW))
