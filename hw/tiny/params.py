"""What the tiny engine computes, as tables: a layer's counts of groups and steps, and the rows of its memories."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hw.binary.head import HeadParams
from hw.tiny import product, scaler
from hw.tiny.spram import BLOCK_DEPTH
from sw.errors import PopbeatError
from sw.export.bundle import Bundle
from sw.networks import BlockGeometry

NAME = "tiny"
FIRST_CHANNELS = 8  # block 1 has a lane for each of so many output channels
LANES = 4  # output channels at once in the blocks behind it
GROUP = 8  # input channels at once, in all of a kernel's columns
ROWS = 256  # of weights, an iCE40 block RAM's
LANE_CYCLES = 2  # a step of the pool behind the last block, whose counts go through it one by one
# Passes over a position's groups in which the window's rows are still those of the position before: a row that is written is read
# two cycles later, so with a single group the second pass comes too soon.
WRITE_TO_READ = 2


@dataclass(frozen=True)
class TinyConfig:
    """The one configuration: nothing is folded by hand."""

    name: str = NAME
    blocks: tuple = ()
    samples: int = 1  # of an input beat


@dataclass(frozen=True)
class FirstLayer:
    """Block 1: a sample a cycle, and one more at each position."""

    geometry: BlockGeometry

    @property
    def steps(self) -> int:
        """Cycles of a position."""
        return self.geometry.kernel + 1

    @property
    def cycles(self) -> int:
        """Steps of a window."""
        return self.geometry.positions * self.steps


@dataclass(frozen=True)
class Layer:
    """A block behind the first one. A step takes ``LANES`` output channels and one group of input channels; a pass takes all
    groups, and a position all passes."""

    geometry: BlockGeometry
    last: bool

    @property
    def groups(self) -> int:
        """Bytes of an input column."""
        return -(-self.geometry.in_channels // GROUP)

    @property
    def passes(self) -> int:
        """Sets of output channels: of whole bytes, but for the last block."""
        whole = LANES if self.last else GROUP
        return -(-self.geometry.out_channels // whole) * (whole // LANES)

    @property
    def parts(self) -> int:
        """Steps of a pass: the groups, and behind the last block time for its lanes to leave one by one."""
        return max(self.groups, LANES * LANE_CYCLES) if self.last else self.groups

    @property
    def shifting(self) -> int:
        """Passes in which the window's rows move on by a column while they are read."""
        return -(-WRITE_TO_READ // self.parts)

    @property
    def columns(self) -> int:
        """Columns that pass through the window, padding included."""
        return self.geometry.positions + self.geometry.kernel - 1

    @property
    def priming(self) -> int:
        """Passes of a column before the first position: enough to move the rows."""
        return self.shifting

    @property
    def cycles(self) -> int:
        """Steps, a cycle each, of a window."""
        full, before = self.geometry.positions, self.geometry.kernel - 1
        return (full * self.passes + before * self.priming) * self.parts

    @property
    def rows(self) -> int:
        """Rows of weights."""
        return self.passes * self.parts


class TinyParams:
    """The tiny engine of a bundle; ``checked``: constants in memory have parity (:mod:`hw.stream.parity`)."""

    def __init__(self, bundle: Bundle, config: TinyConfig, checked: bool = False):
        blocks = bundle.network.blocks
        self.bundle, self.config, self.checked = bundle, config, checked
        self.first = FirstLayer(blocks[0])
        self.layers = tuple(Layer(g, last=g is blocks[-1]) for g in blocks[1:])
        try:
            self._check()
            positions = blocks[-1].pool_length
            offset = positions * (bundle.head.offset.astype("int64") << bundle.head.offset_shift)
            self.head = HeadParams(
                blocks[-1].taps,
                positions,
                bundle.head.positive.astype("int64"),
                bundle.head.negative.astype("int64"),
                offset,
                checked=checked,
            )
        except ValueError as error:
            raise PopbeatError(f"{bundle.model} does not fit the configuration {NAME!r}: {error}") from None

    def _check(self) -> None:
        limits = (
            ("bits of a factor in the normaliser", scaler.widest(self.bundle.normaliser), product.BLOCK_BITS),
            ("output channels of block 1", self.first.geometry.out_channels, FIRST_CHANNELS),
            ("samples of a window", self.bundle.network.window, BLOCK_DEPTH // 2),
            ("rows of weights", sum(layer.rows for layer in self.layers), ROWS),
            ("bytes of a layer's output", max(layer.geometry.length * layer.groups for layer in self.layers), BLOCK_DEPTH),
        )
        for what, value, limit in limits:
            if value > limit:
                raise ValueError(f"it has {value:,} {what}, and the engine room for {limit:,}")

    @property
    def blocks(self) -> tuple[FirstLayer | Layer, ...]:
        """All layers."""
        return self.first, *self.layers

    @cached_property
    def kernel(self) -> int:
        """Columns of a window, the same in all layers."""
        return self.layers[0].geometry.kernel

    @cached_property
    def count_bits(self) -> int:
        """Bits of a sum of ones."""
        return max(layer.geometry.taps for layer in self.layers).bit_length()

    @cached_property
    def threshold_bits(self) -> int:
        """Bits of a threshold of the inner blocks: one beyond the largest sum among them."""
        return max((layer.geometry.taps + 1 for layer in self.layers if not layer.last), default=1).bit_length()

    @cached_property
    def max_parts(self) -> int:
        """Parts of the layer that has most."""
        return max(2, *(layer.parts for layer in self.layers))

    @cached_property
    def weight_rows(self) -> list[int]:
        """Rows of weights in the order of the steps: for each lane, column and channel a bit, the first lowest. A bit is 0 for
        +1 and for a channel that is not there, whose activation is 0 too: so activation XOR bit is 1 for a product of +1 alone."""
        rows = []
        for layer, weight in zip(self.layers, self.bundle.weights[1:], strict=True):
            g = layer.geometry
            bits = np.zeros((layer.passes * LANES, layer.parts * GROUP, g.kernel), np.uint8)
            bits[: g.out_channels, : g.in_channels] = weight < 0
            # [pass, lane, part, channel, column] to [pass, part][lane, column, channel]
            bits = bits.reshape(layer.passes, LANES, layer.parts, GROUP, g.kernel).transpose(0, 2, 1, 4, 3)
            rows += [_word(row) for row in bits.reshape(layer.rows, -1)]
        return rows

    @cached_property
    def threshold_rows(self) -> list[int]:
        """Thresholds of the inner blocks, ``LANES`` a row; a channel that is not there has one that no sum reaches."""
        rows = []
        for layer, thresholds in zip(self.layers[:-1], self.bundle.thresholds[1:], strict=True):
            filled = np.full(layer.passes * LANES, layer.geometry.taps + 1, np.int64)
            filled[: len(thresholds)] = thresholds
            for four in filled.reshape(-1, LANES):
                rows.append(sum(int(t) << (k * self.threshold_bits) for k, t in enumerate(four)))
        return rows or [0]

    @cached_property
    def pad_bytes(self) -> list[list[int]]:
        """What stands beyond the ends of each layer's input: ``[layer][group]``."""
        filled = []
        for layer, pad in zip(self.layers, self.bundle.pads, strict=True):
            bits = np.zeros(layer.groups * GROUP, np.uint8)
            bits[: len(pad)] = pad
            filled.append([_word(byte) for byte in bits.reshape(-1, GROUP)])
        return filled


def _word(bits: np.ndarray) -> int:
    """Bits, the lowest first, as an integer."""
    return int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little")
