"""The networks by name, and the geometry of their layers. No PyTorch here: the hardware reads this too."""

from dataclasses import dataclass
from functools import cached_property

from sw.errors import PopbeatError

POOL = 7
POOL_STRIDE = 2
MAX_BLOCKS, MAX_CHANNELS, MAX_WINDOW = 16, 1024, 1 << 16


@dataclass(frozen=True)
class BlockGeometry:
    """One block: pad ``pad`` columns each side, convolve (no bias), max-pool 7 with stride 2.

    ``length`` counts input columns of ``in_channels`` each; a kernel covers ``kernel`` columns and moves by ``stride``.
    """

    in_channels: int
    out_channels: int
    length: int
    kernel: int = 7
    stride: int = 1
    pad: int = 5

    def __post_init__(self):
        for name, value in vars(self).items():
            if type(value) is not int or value < (0 if name == "pad" else 1):
                raise ValueError(f"{name} of a block is a positive integer, not {value!r}")
        if not self.pad < self.kernel:
            raise ValueError(f"padding {self.pad} is as wide as the kernel {self.kernel}")
        if self.conv_length < POOL:
            raise ValueError(f"{self.length} columns leave {self.conv_length} positions, fewer than the pool's {POOL}")

    @cached_property
    def taps(self) -> int:
        """Products in one sum: kernel x input channels."""
        return self.kernel * self.in_channels

    @cached_property
    def conv_length(self) -> int:
        """Positions of the convolution."""
        return (self.length + 2 * self.pad - self.kernel) // self.stride + 1

    @cached_property
    def pool_length(self) -> int:
        """Columns that leave the block."""
        return (self.conv_length - POOL) // POOL_STRIDE + 1

    @cached_property
    def positions(self) -> int:
        """Positions of the convolution that a pool looks at: the hardware computes no others."""
        return POOL_STRIDE * (self.pool_length - 1) + POOL

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates of the whole convolution, as publications count them."""
        return self.conv_length * self.out_channels * self.taps


@dataclass(frozen=True)
class BinaryNetwork:
    """The binary network (``docs/dataflow.md``): blocks one after the other, then the sum over positions and the argmax."""

    channels: tuple[int, ...]
    window: int = 3600

    def __post_init__(self):
        if not 2 <= len(self.channels) <= MAX_BLOCKS:
            raise ValueError(f"a binary network has 2 to {MAX_BLOCKS} blocks, not {len(self.channels)}")
        if type(self.window) is not int or self.window > MAX_WINDOW or max(self.channels) > MAX_CHANNELS:
            raise ValueError(f"a window has at most {MAX_WINDOW} samples and a block {MAX_CHANNELS} channels")

    @cached_property
    def blocks(self) -> tuple[BlockGeometry, ...]:
        """Geometry of each block; the first one has one input channel and stride 2."""
        blocks, length = [], self.window
        for index, (inputs, outputs) in enumerate(zip((1, *self.channels), self.channels, strict=False)):
            blocks.append(BlockGeometry(inputs, outputs, length, stride=2 if index == 0 else 1))
            length = blocks[-1].pool_length
        return tuple(blocks)

    @property
    def classes(self) -> int:
        """Channels of the last block."""
        return self.channels[-1]

    @property
    def macs(self) -> int:
        """Multiply-accumulates a window."""
        return sum(block.macs for block in self.blocks)


@dataclass(frozen=True)
class Model:
    """A network for a task."""

    name: str
    task: str
    network: BinaryNetwork


MODELS = {
    model.name: model
    for model in (
        Model("bnn5", "window-5", BinaryNetwork((8, 16, 32, 32, 64, 5))),
        Model("bnn17", "rhythm-17", BinaryNetwork((8, 16, 32, 32, 64, 17))),
    )
}


def get(name: str) -> Model:
    """The model called ``name``."""
    if name not in MODELS:
        raise PopbeatError(f"unknown model {name!r}; there are {', '.join(MODELS)}")
    return MODELS[name]
