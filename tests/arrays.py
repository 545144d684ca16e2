"""Small networks for the array, which several tests share."""

from hw.mac.params import ArrayParams
from sw.export.array.bundle import GraphBundle
from sw.export.front.normaliser import NormaliserSpec
from tests.conftest import random_graph

WINDOW = 64
# With fronts for windows and for images, and room for one network.
PARAMS = ArrayParams(groups=2, memory=1 << 15, window=4096, halves=False)


def network(seed: int, image: bool) -> GraphBundle:
    """A small network for windows or for images."""
    return random_graph(seed, image, NormaliserSpec(window=256 if image else WINDOW))
