"""The two networks that come after ``alq17`` as graphs for the array, with random weights: what they will cost, and that they can
be mapped. Both are reconstructions from abstracts, which meet the published numbers of parameters and multiply-accumulates.

- ``lamscn``: lightweight multi-scale multi-label network with attention (Journal of Hebei University of Technology 2024, 53(5):76)
  on 3,600 samples of one lead, 17 labels.
- ``gasf``: a residual network of ShuffleNet V2 units with channel attention (Chinese Journal of Medical Physics 2023,
  40(12):1531) on the Gramian angular summation field of a beat, an image of 64 x 64 int8 that a front end makes; 5 classes.
"""

import numpy as np

from sw.export.array.graph import Add, Average, GlobalAverage, Graph, MaxPool, Multibit, Node, Scale, Slice, Tensor


class Builder:
    """Collects nodes; weights have one base a channel."""

    def __init__(self, seed: int = 1):
        self.rng = np.random.default_rng(seed)
        self.nodes: list[Node] = []

    def add(self, node: Node):
        """Append a node; returns its target."""
        self.nodes.append(node)
        return node.target

    def convolution(self, name: str, source, target, channels: int, kernel: tuple[int, int], **more):
        """A convolution whose padding keeps the size at stride 1, unless ``more`` says otherwise; results are about as large as
        inputs."""
        inputs = 1 if more.get("depthwise") else source.count if isinstance(source, Slice) else source.channels
        taps = inputs * kernel[0] * kernel[1]
        more = {"pad": (kernel[0] // 2, kernel[1] // 2)} | more
        return self.add(
            Multibit(
                name,
                source,
                target,
                np.ones(channels, np.int64),
                self.rng.choice(np.array([-1, 1], np.int8), (channels, inputs, *kernel)),
                self.rng.integers(16, 32, channels),
                self.rng.integers(-200, 200, channels),
                np.full(channels, 4 + int(np.log2(taps) / 2), np.int64),
                bias_shift=2,
                **more,
            )
        )

    def gates(self, name: str, x: Tensor, kernel: int) -> tuple[Tensor, Tensor]:
        """Efficient channel attention's rows: mean of each channel; a convolution over the channels, sigmoid."""
        row = {"channels": 1, "height": 1, "width": x.channels}
        plane = x.height * x.width
        alpha = min(255, max(1, round(4096 / plane)))
        mean = self.add(GlobalAverage(f"{name} mean", x, Tensor(f"{name} mean", **row), alpha=alpha, shift=12))
        gate = self.convolution(f"{name} gates", mean, Tensor(f"{name} gates", signed=True, **row), 1, (1, kernel))
        levels = (np.arange(256) + 128) % 256 - 128
        table = np.round(255 / (1 + np.exp(-levels / 16))).astype(np.uint8)
        return mean, self.add(Average(f"{name} sigmoid", gate, Tensor(f"{name} open", **row), table=table))

    def attention(self, name: str, x: Tensor, kernel: int) -> Tensor:
        """Efficient channel attention: every channel scaled by its gate."""
        _, gates = self.gates(name, x, kernel)
        return self.add(Scale(f"{name} scale", x, gates, Tensor(f"{name} scaled", x.channels, x.height, x.width)))


def lamscn(window: int = 3600) -> Graph:
    """LAMSCN: four stages of dense layers with kernels of three sizes, each with attention."""
    b, x = Builder(), Tensor("input", 1, 1, window, signed=True)
    width = (window // 2 - 4) // 4 + 1
    layers, transitions, channels = (2, 3, 4, 3), (32, 48, 64, None), 16
    stage = Tensor("stage 1", channels + 16 * layers[0], 1, width)
    b.convolution("stem", x, Slice(stage, 0, channels), channels, (1, 15), stride=(1, 2), pool=(4, 4))
    for number, (count, following) in enumerate(zip(layers, transitions, strict=True), start=1):
        for dense in range(1, count + 1):
            name = f"{number}.{dense}"
            narrow, many = Tensor(f"{name} narrow", 24, 1, width), Tensor(f"{name} scales", 24, 1, width, signed=True)
            b.convolution(f"{name} 1x1", Slice(stage, 0, channels), narrow, 24, (1, 1))
            for part, kernel in enumerate((3, 7, 15)):
                of = slice_of(narrow, part), slice_of(many, part)
                b.convolution(f"{name} depthwise {kernel}", *of, 8, (1, kernel), depthwise=True)
            b.convolution(f"{name} growth", many, Slice(stage, channels, 16), 16, (1, 1))
            channels += 16
        if following is None:
            # A scaled channel's mean is its mean, scaled.
            mean, gates = b.gates(f"{number} attention", stage, 3)
            scaled = b.add(Scale(f"{number} attention scale", mean, gates, Tensor("scaled mean", 1, 1, channels)))
            b.convolution("labels", scaled, None, 17, (1, channels), pad=(0, 0))
            return Graph(x, tuple(b.nodes), "lamscn")
        scaled = b.attention(f"{number} attention", stage, 3)
        mixed = b.convolution(f"{number} transition", scaled, Tensor(f"{number} mixed", following, 1, width), following, (1, 1))
        width, channels = width // 2, following
        stage = Tensor(f"stage {number + 1}", channels + 16 * layers[number], 1, width)
        b.add(Average(f"{number} pool", mixed, Slice(stage, 0, channels), (1, 2), (1, 2), shift=1))
    raise AssertionError("the last stage ends the network")


def slice_of(tensor: Tensor, part: int) -> Slice:
    """Eight channels of a tensor."""
    return Slice(tensor, 8 * part, 8)


def gasf(size: int = 64, classes: int = 5) -> Graph:
    """Residual network on an image of ``size`` x ``size``, the Gramian angular summation field of a beat."""
    b, image = Builder(), Tensor("input", 1, size, size, signed=True)
    side = size // 2
    stem = b.convolution("stem", image, Tensor("stem", 64, side, side), 64, (7, 7), stride=(2, 2))
    lines = b.add(MaxPool("pool rows", stem, Tensor("pooled rows", 64, side // 2, side), 3, 2, pad=1))
    side //= 2
    y = b.add(MaxPool("pool columns", lines, Tensor("pooled", 64, side, side), 3, 2, across=True, pad=1))
    for stage, (channels, blocks) in enumerate(zip((64, 128, 256, 512), (3, 4, 6, 3), strict=True), start=1):
        for block in range(1, blocks + 1):
            stride = 2 if block == 1 and stage > 1 else 1
            y = residual(b, f"{stage}.{block}", y, channels, stride)
    mean = b.add(GlobalAverage("mean", y, Tensor("mean", 1, 1, y.channels), alpha=round(256 / (y.height * y.width)), shift=8))
    b.convolution("classes", mean, None, classes, (1, y.channels), pad=(0, 0))
    return Graph(image, tuple(b.nodes), "gasf")


def residual(b: Builder, name: str, x: Tensor, channels: int, stride: int) -> Tensor:
    """A block: ShuffleNet V2 unit, its light second half, attention, and the input where nothing changes its size."""
    height, width, half = x.height // stride, x.width // stride, channels // 2

    def tensor(what: str, count: int, signed: bool = False) -> Tensor:
        return Tensor(f"{name} {what}", count, height, width, signed)

    unit = tensor("unit", channels)
    even, odd = Slice(unit, 0, half, 2), Slice(unit, 1, half, 2)  # concatenated, then shuffled in two groups
    right = Slice(x, half, half) if stride == 1 else x
    if stride == 1:
        b.add(Average(f"{name} pass by", Slice(x, 0, half), even))
    else:
        deep = tensor("left deep", x.channels, True)
        b.convolution(f"{name} left depthwise", x, deep, x.channels, (3, 3), stride=(2, 2), depthwise=True)
        b.convolution(f"{name} left 1x1", deep, even, half, (1, 1))
    narrow = Tensor(f"{name} narrow", half, x.height, x.width)
    b.convolution(f"{name} 1x1", right, narrow, half, (1, 1))
    deep = b.convolution(
        f"{name} depthwise", narrow, tensor("deep", half, True), half, (3, 3), stride=(stride, stride), depthwise=True
    )
    b.convolution(f"{name} mix", deep, odd, half, (1, 1))
    light = tensor("light", channels)
    b.add(Average(f"{name} light pass by", Slice(unit, 0, half), Slice(light, 0, half, 2)))
    deep = b.convolution(
        f"{name} light depthwise", Slice(unit, half, half), tensor("light deep", half, True), half, (3, 3), depthwise=True
    )
    b.convolution(f"{name} light mix", deep, Slice(light, 1, half, 2), half, (1, 1))
    scaled = b.attention(f"{name} attention", light, 3 if channels == 64 else 5)
    if stride == 2:
        return scaled
    return b.add(Add(f"{name} add", scaled, x, tensor("sum", channels)))


SYSTEMS = {"lamscn": lamscn, "gasf": gasf}


def macs(graph: Graph) -> int:
    """Multiply-accumulates of a graph's convolutions and dense layers, padding included, as publications count them."""
    return sum(
        node.out_height * node.conv_width * len(node.count) * int(np.prod(node.basis.shape[1:]))
        for node in graph.nodes
        if isinstance(node, Multibit)
    )
