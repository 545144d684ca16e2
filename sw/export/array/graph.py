"""A network as operations on int8 and uint8 tensors: what the compiler maps onto the multi-bit array, and its integer meaning.

A tensor is ``[channels, height, width]``; one-dimensional networks have height 1. Operations read and write slices of channels:
writing to slices of one tensor concatenates, reading a slice splits, and a slice with a step shuffles, all by address alone.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sw.errors import PopbeatError
from sw.export.array.machine import shift_round
from sw.export.array.program import LOGIT_BITS, LOGITS, SIGNED, UNSIGNED
from sw.export.rounding import saturate


@dataclass(frozen=True)
class Tensor:
    """``channels x height x width`` bytes; ``signed``: int8, else uint8. ``sortable``: the compiler may store its channels in
    another order."""

    name: str
    channels: int
    height: int
    width: int
    signed: bool = False
    sortable: bool = False


@dataclass(frozen=True)
class Slice:
    """``count`` channels of a tensor, from ``first`` on, every ``step``-th."""

    tensor: Tensor
    first: int = 0
    count: int | None = None
    step: int = 1

    def __post_init__(self):
        if self.count is None:
            object.__setattr__(self, "count", self.tensor.channels)
        if not (self.first >= 0 and self.count >= 1 and self.step >= 1) or self.last >= self.tensor.channels:
            raise PopbeatError(f"channels {self.first} to {self.last} of {self.tensor.name}, which has {self.tensor.channels}")

    @property
    def last(self) -> int:
        """The last channel."""
        return self.first + (self.count - 1) * self.step

    @property
    def channels(self) -> slice:
        """As an index."""
        return slice(self.first, self.last + 1, self.step)


def _all(part: Tensor | Slice) -> Slice:
    return part if isinstance(part, Slice) else Slice(part)


@dataclass(frozen=True)
class Node:
    """An operation with its name."""

    name: str

    @property
    def sources(self) -> tuple[Slice, ...]:
        """What it reads."""
        return (_all(self.source),)


@dataclass(frozen=True)
class Multibit(Node):
    """Convolution with multi-bit weights: clip(round((sum of alpha * S + bias * 2^bias_shift) / 2^shift)), then a max-pool along x.

    ``count`` ``[out]`` bases of each channel; ``basis`` ``int8[n, in, ky, kx]`` of -1 and +1 and ``alpha`` ``[n]``, channel after
    channel; ``bias``, ``shift`` ``[out]``. ``depthwise``: channel o sees input channel o alone (``basis`` has one). ``target``:
    None for logits. The output's kind follows the target: uint8 (with ReLU), int8, logits.
    """

    source: Tensor | Slice
    target: Tensor | Slice | None
    count: np.ndarray
    basis: np.ndarray
    alpha: np.ndarray
    bias: np.ndarray
    shift: np.ndarray
    bias_shift: int = 0
    stride: tuple[int, int] = (1, 1)
    pad: tuple[int, int] = (0, 0)
    pool: tuple[int, int] = (1, 1)
    depthwise: bool = False

    @property
    def out_height(self) -> int:
        """Rows of positions."""
        return (_all(self.source).tensor.height + 2 * self.pad[0] - self.basis.shape[2]) // self.stride[0] + 1

    @property
    def conv_width(self) -> int:
        """Positions of a row, before the pool."""
        return (_all(self.source).tensor.width + 2 * self.pad[1] - self.basis.shape[3]) // self.stride[1] + 1

    @property
    def out_width(self) -> int:
        """Positions of a row behind the pool."""
        return (self.conv_width - self.pool[0]) // self.pool[1] + 1

    @property
    def kind(self) -> int:
        """Kind of output."""
        if self.target is None:
            return LOGITS
        return SIGNED if _all(self.target).tensor.signed else UNSIGNED

    @cached_property
    def weight(self) -> np.ndarray:
        """Integers ``float64[out, in, ky, kx]``: the sum of a channel's bases times their alphas."""
        weight = np.zeros((len(self.count), *self.basis.shape[1:]))
        channel = np.repeat(np.arange(len(self.count)), self.count)
        np.add.at(weight, channel, np.asarray(self.alpha)[:, None, None, None] * self.basis)
        return weight

    def reference(self, x: np.ndarray) -> np.ndarray:
        """``int64[n, in, height, width]`` to ``int64[n, out, height, width]``."""
        (py, px), (sy, sx) = self.pad, self.stride
        ky, kx = self.basis.shape[2:]
        n, out, height, width = len(x), len(self.count), self.out_height, self.conv_width
        # Totals stay far below 2^53: products of float64 are exact.
        weight = self.weight
        padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (py, py), (px, px)))
        if self.depthwise:
            total = np.zeros((n, out, height, width))
            for y, x_ in np.ndindex(ky, kx):
                seen = padded[:, :, y : y + sy * (height - 1) + 1 : sy, x_ : x_ + sx * (width - 1) + 1 : sx]
                total += seen * weight[:, 0, y, x_, None, None]
        else:
            views = sliding_window_view(padded, (ky, kx), axis=(2, 3))[:, :, ::sy, ::sx]
            columns = views.transpose(0, 1, 4, 5, 2, 3).reshape(n, -1, height * width)
            total = (weight.reshape(out, -1) @ columns).reshape(n, out, height, width)
        total = total.astype(np.int64) + (np.asarray(self.bias, np.int64) << self.bias_shift)[:, None, None]
        y = clip(shift_round(total, np.asarray(self.shift)[:, None, None]), self.kind)
        if self.pool == (1, 1):
            return y
        return sliding_window_view(y, self.pool[0], axis=3)[..., :: self.pool[1], :].max(axis=-1)


def clip(value: np.ndarray, kind: int) -> np.ndarray:
    """To uint8, int8 or int16."""
    return np.clip(value, 0, 255) if kind == UNSIGNED else saturate(value, 8 if kind == SIGNED else LOGIT_BITS)


@dataclass(frozen=True)
class Add(Node):
    """clip(round((source * 2^up[0] + other * 2^up[1]) / 2^shift)): a residual connection whose scales are aligned by shifts."""

    source: Tensor | Slice
    other: Tensor | Slice
    target: Tensor | Slice
    up: tuple[int, int] = (0, 0)
    shift: int = 0

    @property
    def sources(self) -> tuple[Slice, ...]:
        """What it reads."""
        return _all(self.source), _all(self.other)

    def reference(self, x: np.ndarray, other: np.ndarray) -> np.ndarray:
        """``int64[n, channels, height, width]`` twice to once."""
        kind = SIGNED if _all(self.target).tensor.signed else UNSIGNED
        return clip(shift_round((x << self.up[0]) + (other << self.up[1]), self.shift), kind)


@dataclass(frozen=True)
class Average(Node):
    """clip(round(alpha * sum over ``kernel`` / 2^shift)): average and global average pools, and with a kernel of 1 a copy.

    ``table`` ``uint8[256]``: what leaves is looked up in it; before that it is clipped as the source's values are, so that a table
    sees the negative ones too.
    """

    source: Tensor | Slice
    target: Tensor | Slice
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    alpha: int = 1
    shift: int = 0
    table: np.ndarray | None = None

    @property
    def kind(self) -> int:
        """How sums are clipped."""
        part = self.target if self.table is None else self.source
        return SIGNED if _all(part).tensor.signed else UNSIGNED

    def reference(self, x: np.ndarray) -> np.ndarray:
        """``int64[n, channels, height, width]`` to the pooled ones."""
        views = sliding_window_view(x, self.kernel, axis=(2, 3))[:, :, :: self.stride[0], :: self.stride[1]]
        y = clip(shift_round(self.alpha * views.sum(axis=(4, 5)), self.shift), self.kind)
        return y if self.table is None else self.table.astype(np.int64)[y & 0xFF]


@dataclass(frozen=True)
class GlobalAverage(Node):
    """clip(round(alpha * sum of a channel / 2^shift)), written as a row: ``target`` is one channel of ``count`` values."""

    source: Tensor | Slice
    target: Tensor
    alpha: int = 1
    shift: int = 0

    def reference(self, x: np.ndarray) -> np.ndarray:
        """``int64[n, channels, height, width]`` to ``int64[n, 1, 1, channels]``."""
        total = shift_round(self.alpha * x.sum(axis=(2, 3)), self.shift)
        return clip(total, SIGNED if self.target.signed else UNSIGNED)[:, None, None]


@dataclass(frozen=True)
class MaxPool(Node):
    """Maximum over a column of ``kernel`` rows with a stride; along x it is part of :class:`Multibit`, or ``across``. ``pad`` zeros
    stand before the first value; uint8 alone is padded."""

    source: Tensor | Slice
    target: Tensor | Slice
    kernel: int
    stride: int
    across: bool = False
    pad: int = 0

    def reference(self, x: np.ndarray) -> np.ndarray:
        """``int64[n, channels, height, width]`` to the pooled ones."""
        axis = 3 if self.across else 2
        x = np.pad(x, [(self.pad if a == axis else 0, 0) for a in range(4)])
        views = sliding_window_view(x, self.kernel, axis=axis).max(axis=-1)
        return views[..., :: self.stride] if self.across else views[:, :, :: self.stride]


@dataclass(frozen=True)
class Scale(Node):
    """clip(round(source[c] * by[c] / 2^shift)): channel attention; ``by`` has one value a channel, along its x. A ``source`` of one
    row (1, 1, C) is scaled element by element, to such a row."""

    source: Tensor | Slice
    by: Tensor
    target: Tensor | Slice
    shift: int = 8

    @property
    def sources(self) -> tuple[Slice, ...]:
        """What it reads."""
        return _all(self.source), _all(self.by)

    @property
    def by_element(self) -> bool:
        """Whether a row is scaled by a row."""
        x = _all(self.source)
        return (x.count, x.tensor.height) == (1, 1) and x.tensor.width == self.by.width

    def reference(self, x: np.ndarray, by: np.ndarray) -> np.ndarray:
        """``int64[n, channels, height, width]`` and ``int64[n, 1, 1, channels]`` to the scaled ones, or a row by a row."""
        kind = SIGNED if _all(self.target).tensor.signed else UNSIGNED
        factors = by if self.by_element else by.transpose(0, 3, 1, 2)
        return clip(shift_round(x * factors, self.shift), kind)


@dataclass(frozen=True)
class Graph:
    """Operations in their order from ``source``, a window of samples or an image, to the logits of the last one."""

    source: Tensor
    nodes: tuple[Node, ...]
    name: str = "network"
    tensors: dict = field(init=False, compare=False)

    def __post_init__(self):
        seen = {self.source.name: self.source}
        for node in self.nodes:
            for part in (*node.sources, *([_all(node.target)] if node.target is not None else [])):
                if seen.setdefault(part.tensor.name, part.tensor) != part.tensor:
                    raise PopbeatError(f"{node.name}: there are two different tensors named {part.tensor.name!r}")
        object.__setattr__(self, "tensors", seen)
        if not self.nodes or self.nodes[-1].target is not None or any(n.target is None for n in self.nodes[:-1]):
            raise PopbeatError(f"{self.name}: the last operation, and only it, makes the logits")

    def run(self, window: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Every tensor's values ``int64[n, channels, height, width]`` and the logits ``int64[n, classes]`` for windows
        ``int[n, samples]``, an image row after row."""
        values, _, logits = self._walk(window, {})
        return values, logits

    def outputs(self, window: np.ndarray, keep: bool = True) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """What every node but the last wrote, by its name, ``int16[n, channels, height, width]`` (none without ``keep``), and the
        logits ``int64[n, classes]``."""
        _, made, logits = self._walk(window, {} if keep else None)
        return made or {}, logits

    def _walk(self, window: np.ndarray, made: dict | None):
        n = len(window)
        values = {name: np.zeros((n, t.channels, t.height, t.width), np.int64) for name, t in self.tensors.items()}
        values[self.source.name][:] = window.reshape(n, 1, self.source.height, self.source.width)
        logits = None
        for node in self.nodes:
            y = node.reference(*(values[s.tensor.name][:, s.channels] for s in node.sources))
            if node.target is None:
                logits = y.reshape(n, -1)
                continue
            target = _all(node.target)
            values[target.tensor.name][:, target.channels] = y
            if made is not None:
                made[node.name] = y.astype(np.int16)
        return values, made, logits
