"""The networks by name, and the geometry of their layers. No PyTorch here: the hardware reads this too."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

from sw.errors import PopbeatError

POOL = 7
POOL_STRIDE = 2
MAX_BLOCKS, MAX_CHANNELS, MAX_WINDOW = 16, 1024, 1 << 16
MAX_KERNEL, MAX_STRIDE = 255, 15
# What a multi-bit network stores (sw/export/array/packing.py) beside its bases and coefficients, in bits: a head; the sizes of
# every tensor; every layer's own numbers, beside the numbers of the tensors that it reads and writes, the last one's number of
# channels instead; and for every channel the number of its bases, its shift and its bias.
HEAD_BITS, TENSOR_BITS, LAYER_BITS, CHANNELS_BITS = 25, 32, 55, 11
COUNT_BITS, SHIFT_BITS, BIAS_BITS = 3, 4, 16
# A multi-bit network's input is a signed integer of so many bits, of which so many are behind the point.
INPUT_BITS, INPUT_FRACTION = 8, 4


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


# Rhythm bits compare (32 * one word) with (up to 63 * another); the word behind the last is the constant RHYTHM_UNIT, so that a
# comparison with it is one of a word with 8 * multiple samples.
RATIO_SHIFT, MULTIPLE_BITS = 5, 6
RHYTHM_UNIT = 256
MAX_WORDS, MAX_BITS = 15, 256


@dataclass(frozen=True)
class Rhythm:
    """What a network learns of a beat's rhythm and shape: binary channels that block ``block`` (from 2 on, counted from 1) takes
    beside the columns of the block before, behind them in this order.

    ``words`` words come in front of the window's samples. ``comparisons``: a bit each that is the same in all columns,
    (over, under, multiple): 32 * word[over] >= multiple * word[under], where word number ``words`` is 256. ``marks``: a bit each
    that tells where a column lies, 1 from column ``mark`` on. ``head``: each comparison's bit also adds to the logits, with
    a weight for each class. So do ``hidden`` further bits, a binary dense layer over those of the comparisons: what a bit says
    alone is not what it says beside others.
    """

    block: int
    words: int
    comparisons: tuple[tuple[int, int, int], ...]
    marks: tuple[int, ...] = ()
    head: bool = False
    hidden: int = 0

    def __post_init__(self):
        if type(self.head) is not bool:
            raise ValueError(f"head of a rhythm is true or false, not {self.head!r}")
        if type(self.hidden) is not int or not 0 <= self.hidden <= MAX_BITS * self.head:
            raise ValueError(
                f"a rhythm whose bits the head takes has 0 to {MAX_BITS} hidden bits, others none, not {self.hidden!r}"
            )
        numbers = (self.block, self.words, *self.marks, *(n for c in self.comparisons for n in c))
        if any(type(n) is not int or n < 0 for n in numbers) or any(len(c) != 3 for c in self.comparisons):
            raise ValueError("a rhythm has block and words, comparisons of three numbers, and marks, all of them natural numbers")
        if not 1 <= self.words <= MAX_WORDS or not 1 <= len(self.comparisons) <= MAX_BITS or len(self.marks) > MAX_BITS:
            raise ValueError(f"a rhythm has 1 to {MAX_WORDS} words, 1 to {MAX_BITS} comparisons and at most {MAX_BITS} marks")
        for over, under, multiple in self.comparisons:
            if max(over, under) > self.words or not 1 <= multiple < 1 << MULTIPLE_BITS:
                raise ValueError(
                    f"comparison {(over, under, multiple)}: words are 0 to {self.words}, multiples 1 to {(1 << MULTIPLE_BITS) - 1}"
                )

    @property
    def channels(self) -> int:
        """Channels that the block gets beside its own."""
        return len(self.comparisons) + len(self.marks)

    @property
    def bits(self) -> int:
        """Bits of a window: those of the comparisons, then the hidden ones."""
        return len(self.comparisons) + self.hidden


@dataclass(frozen=True)
class BinaryNetwork:
    """The binary network (``docs/dataflow.md``): blocks one after the other, then the sum over positions and the argmax.
    ``window`` samples; with ``rhythm``, RR words in front of them."""

    channels: tuple[int, ...]
    window: int = 3600
    rhythm: Rhythm | None = field(default=None, repr=False)  # bundles without it keep the hash that they have

    def __post_init__(self):
        if not 2 <= len(self.channels) <= MAX_BLOCKS:
            raise ValueError(f"a binary network has 2 to {MAX_BLOCKS} blocks, not {len(self.channels)}")
        if type(self.window) is not int or self.window > MAX_WINDOW or max(self.channels) > MAX_CHANNELS:
            raise ValueError(f"a window has at most {MAX_WINDOW} samples and a block {MAX_CHANNELS} channels")
        rhythm = self.rhythm
        if rhythm is None:
            return
        if not 2 <= rhythm.block <= len(self.channels):
            raise ValueError(f"rhythm bits go into block 2 to {len(self.channels)}, not {rhythm.block}")
        if any(mark >= self.blocks[rhythm.block - 1].length for mark in rhythm.marks):
            raise ValueError(f"marks {rhythm.marks} lie beyond the {self.blocks[rhythm.block - 1].length} columns of their block")

    @cached_property
    def blocks(self) -> tuple[BlockGeometry, ...]:
        """Geometry of each block; the first one has one input channel and stride 2."""
        blocks, length = [], self.window
        for index, (inputs, outputs) in enumerate(zip((1, *self.channels), self.channels, strict=False)):
            beside = self.rhythm.channels if self.rhythm and self.rhythm.block == index + 1 else 0
            blocks.append(BlockGeometry(inputs + beside, outputs, length, stride=2 if index == 0 else 1))
            length = blocks[-1].pool_length
        return tuple(blocks)

    @property
    def words(self) -> int:
        """RR words in front of a window's samples."""
        return self.rhythm.words if self.rhythm else 0

    @property
    def classes(self) -> int:
        """Channels of the last block."""
        return self.channels[-1]

    @property
    def macs(self) -> int:
        """Multiply-accumulates a window."""
        return sum(block.macs for block in self.blocks)


@dataclass(frozen=True)
class Convolution:
    """One layer of a multi-bit network: pad ``pad`` zeros each side, convolve, add a bias, then ReLU and max-pool ``pool`` with
    stride ``pool_stride`` where the layer has them. A dense layer is a convolution as long as its input, without padding.

    ``length`` counts input columns of ``in_channels`` each; a kernel covers ``kernel`` columns and moves by ``stride``.
    """

    in_channels: int
    out_channels: int
    length: int
    kernel: int
    stride: int = 1
    pad: int = 0
    pool: int = 1
    pool_stride: int = 1
    relu: bool = True

    def __post_init__(self):
        for name, value in vars(self).items():
            if name != "relu" and (type(value) is not int or value < (0 if name == "pad" else 1)):
                raise ValueError(f"{name} of a convolution is a positive integer, not {value!r}")
        if type(self.relu) is not bool:
            raise ValueError(f"relu of a convolution is true or false, not {self.relu!r}")
        if max(self.in_channels, self.out_channels) > MAX_CHANNELS or self.length > MAX_WINDOW:
            raise ValueError(f"a layer has at most {MAX_CHANNELS} channels and {MAX_WINDOW} columns")
        if self.kernel > MAX_KERNEL or self.stride > MAX_STRIDE or self.pool > MAX_KERNEL or self.pool_stride > MAX_STRIDE:
            raise ValueError(f"kernels and pools have at most {MAX_KERNEL} columns and strides of at most {MAX_STRIDE}")
        if not self.pad < self.kernel:
            raise ValueError(f"padding {self.pad} is as wide as the kernel {self.kernel}")
        if self.length + 2 * self.pad < self.kernel or self.conv_length < self.pool:
            raise ValueError(f"{self.length} columns are fewer than the kernel {self.kernel} or the pool {self.pool} needs")

    @cached_property
    def taps(self) -> int:
        """Weights of an output channel, products in one sum: kernel x input channels."""
        return self.kernel * self.in_channels

    @cached_property
    def conv_length(self) -> int:
        """Positions of the convolution."""
        return (self.length + 2 * self.pad - self.kernel) // self.stride + 1

    @cached_property
    def pool_length(self) -> int:
        """Columns that leave the layer."""
        return (self.conv_length - self.pool) // self.pool_stride + 1

    @cached_property
    def weights(self) -> int:
        """Weights, without biases."""
        return self.out_channels * self.taps

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates of the whole convolution, as publications count them (padding included)."""
        return self.conv_length * self.weights


@dataclass(frozen=True)
class MultibitNetwork:
    """A multi-bit network: layers one after the other on a window of int8 samples, the last one without ReLU on one column.

    Each output channel is a group of weights with its own number of sign bases, 0 to ``max_bases``, and as many unsigned
    coefficients (alpha) of ``alpha_bits`` bits.
    """

    layers: tuple[Convolution, ...]
    alpha_bits: int = 5
    max_bases: int = 4

    def __post_init__(self):
        if not 1 <= len(self.layers) <= MAX_BLOCKS:
            raise ValueError(f"a multi-bit network has 1 to {MAX_BLOCKS} layers, not {len(self.layers)}")
        if type(self.alpha_bits) is not int or not 4 <= self.alpha_bits <= 6:
            raise ValueError(f"coefficients have 4 to 6 bits, not {self.alpha_bits!r}")
        if type(self.max_bases) is not int or not 1 <= self.max_bases <= 7:
            raise ValueError(f"a channel has at most 1 to 7 bases, not {self.max_bases!r}")
        for before, after in pairwise(self.layers):
            if (before.out_channels, before.pool_length) != (after.in_channels, after.length):
                raise ValueError(
                    f"a layer gives {before.out_channels} x {before.pool_length} values, and the next one takes "
                    f"{after.in_channels} x {after.length}"
                )
        last = self.layers[-1]
        hidden = self.layers[:-1]
        if self.layers[0].in_channels != 1 or last.pool_length != 1 or last.relu or not all(c.relu for c in hidden):
            raise ValueError("the first layer has one channel; the last one, and no other, has one column and no ReLU")

    @property
    def window(self) -> int:
        """Samples a window."""
        return self.layers[0].length

    @property
    def words(self) -> int:
        """RR words in front of a window: none."""
        return 0

    def stored_bits(self, bases: Sequence[int]) -> int:
        """Every stored bit of the network whose layers have so many ``bases`` in all of their channels."""
        of_part = max(1, (len(self.layers) - 1).bit_length()) + 1
        fixed = HEAD_BITS + len(self.layers) * (TENSOR_BITS + LAYER_BITS + 2 * of_part) - of_part + CHANNELS_BITS
        fixed += sum(c.out_channels * (COUNT_BITS + SHIFT_BITS + BIAS_BITS) for c in self.layers)
        return fixed + sum(n * (c.taps + self.alpha_bits) for n, c in zip(bases, self.layers, strict=True))

    def average_width(self, bases: Sequence[int]) -> float:
        """Bases a weight."""
        return sum(n * c.taps for n, c in zip(bases, self.layers, strict=True)) / self.weights

    def mac_width(self, bases: Sequence[int]) -> float:
        """Bases a multiply-accumulate: what the array's time goes with."""
        return sum(n * c.taps * c.conv_length for n, c in zip(bases, self.layers, strict=True)) / self.macs

    @property
    def classes(self) -> int:
        """Channels of the last layer."""
        return self.layers[-1].out_channels

    @property
    def weights(self) -> int:
        """Weights of all layers, without biases."""
        return sum(layer.weights for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-accumulates a window."""
        return sum(layer.macs for layer in self.layers)


# Sun et al., arXiv 2202.12943: seven convolutions, a dense layer over all 72 x 3 values and the output.
ALQ17 = MultibitNetwork(
    (
        Convolution(1, 8, 3600, kernel=16, stride=2, pad=7, pool=8, pool_stride=4),
        Convolution(8, 12, 449, kernel=12, stride=2, pad=5, pool=4, pool_stride=2),
        Convolution(12, 32, 111, kernel=9, pad=4, pool=5, pool_stride=2),
        Convolution(32, 64, 54, kernel=7, pad=3, pool=4, pool_stride=2),
        Convolution(64, 64, 26, kernel=5, pad=2, pool=2, pool_stride=2),
        Convolution(64, 64, 13, kernel=3, pad=1, pool=2, pool_stride=2),
        Convolution(64, 72, 6, kernel=3, pad=1, pool=2, pool_stride=2),
        Convolution(72, 64, 3, kernel=3),
        Convolution(64, 17, 1, kernel=1, relu=False),
    )
)


# The ratios of a beat's words (in the order of sw/data/beats.py) that are asked for, in thirty-seconds. Words 0 to 5: RR before and
# behind, RR before that, means of 8 and of 64, deviation; 6: how irregular; 7 to 9: difference from the usual shape, usual area,
# area; 10: 256.
BEAT_RATIOS = {
    (0, 3): (20, 24, 26, 28, 30, 34, 38),
    (0, 4): (16, 20, 23, 26, 28, 30, 34, 40),
    (1, 4): (22, 26, 30, 34, 38, 44),
    (1, 0): (24, 29, 35, 40, 48),
    (0, 2): (22, 26, 30, 34, 40),
    (5, 3): (1, 2, 3, 5),
    (0, 10): (20, 26, 32, 40),
    (3, 4): (24, 28, 36),
    (6, 10): (4, 8, 12, 16, 24, 32, 40, 48),
    (7, 8): (3, 4, 5, 6, 8, 10, 13, 16, 20, 26, 34, 45),
    (9, 8): (20, 24, 28, 31, 34, 38, 44, 52),
}
# Columns of block 3, eight samples each: before the P wave, P wave, QRS complex (R at column 14), ST and T wave, behind it.
BEAT_MARKS = (9, 12, 17, 23)
BEAT_COMPARISONS = tuple((*pair, m) for pair, multiples in BEAT_RATIOS.items() for m in multiples)
BEAT_RHYTHM = Rhythm(3, 10, BEAT_COMPARISONS, BEAT_MARKS, head=True, hidden=60)


@dataclass(frozen=True)
class GraphNetwork:
    """A network that is a graph of the array: the name of its ``system`` (:mod:`sw.export.array.systems`), what the ``front`` makes
    of raw samples (``window`` or ``image``), whether the ``answer`` is ``one`` class or a ``set`` of labels, and how many bits of
    its input are behind the point."""

    system: str
    front: str
    answer: str
    input_fraction: int


@dataclass(frozen=True)
class Model:
    """A network for a task."""

    name: str
    task: str
    network: BinaryNetwork | MultibitNetwork | GraphNetwork


MODELS = {
    model.name: model
    for model in (
        Model("bnn5", "window-5", BinaryNetwork((8, 16, 32, 32, 64, 5))),
        Model("bnn17", "rhythm-17", BinaryNetwork((8, 16, 32, 32, 64, 17))),
        Model("bnnbeat5", "beat-5", BinaryNetwork((8, 20, 40, 5), 300, BEAT_RHYTHM)),
        Model("alq17", "rhythm-17", ALQ17),
        Model("lamscn17", "multilabel-17", GraphNetwork("lamscn", "window", "set", 4)),
        Model("gasf5", "beat-5-image", GraphNetwork("gasf", "image", "one", 7)),
    )
}


def of_kind(kind: type) -> list[str]:
    """Names of the models whose network is a ``kind`` (:class:`BinaryNetwork`, ...)."""
    return [name for name, model in MODELS.items() if isinstance(model.network, kind)]


def on_array() -> list[str]:
    """Names of the models that the multi-bit array works for."""
    return [*of_kind(MultibitNetwork), *of_kind(GraphNetwork)]


def get(name: str) -> Model:
    """The model called ``name``."""
    if name not in MODELS:
        raise PopbeatError(f"unknown model {name!r}; there are {', '.join(MODELS)}")
    return MODELS[name]
