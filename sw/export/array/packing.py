"""Every stored bit of a graph: its tensors' shapes, its operations, and their integers, packed without gaps.

The size that is reported of a network is the length of what :func:`pack` gives; :func:`unpack` makes the graph of these bits alone
again, but for names.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sw.errors import PopbeatError
from sw.export.array.graph import Add, Average, GlobalAverage, Graph, MaxPool, Multibit, Node, Scale, Slice, Tensor, _all
from sw.export.array.program import ALPHA_BITS, BIAS_BITS, SHIFT_BITS
from sw.export.bundle import BitReader, BitWriter
from sw.networks import COUNT_BITS

COUNTED = 10  # bits of the numbers of tensors and nodes
KINDS = (Multibit, Add, Average, GlobalAverage, MaxPool, Scale)
KIND_BITS, SMALL, KERNEL_Y, KERNEL_X, POOL, CHANNELS = 3, 4, 7, 13, 8, 11
NARROW_SHIFT = 4  # bits of a shift, where no convolution has one of 16 or more


@dataclass(frozen=True)
class Number:
    """A whole number as it is stored: called ``name``, from ``low`` on in ``bits`` bits; ``flag``: false or true."""

    name: str
    bits: int
    low: int = 0
    flag: bool = False

    @property
    def high(self) -> int:
        """The largest one."""
        return self.low + (1 << self.bits) - 1

    def check(self, value: Any, of: str) -> None:
        """Raise :class:`PopbeatError` unless ``value`` can be stored."""
        if type(value) is not (bool if self.flag else int) or not self.low <= value <= self.high:
            allowed = "false and true" if self.flag else f"{self.low} to {self.high}"
            raise PopbeatError(f"{self.name} of {of} is {value!r}; allowed are {allowed}")


def _pair(name: str, bits: int, low: int = 0) -> tuple[Number, Number]:
    return Number(f"{name}[0]", bits, low), Number(f"{name}[1]", bits, low)


TENSOR = (
    Number("channels", 10, 1),
    Number("height", 7, 1),
    Number("width", 13, 1),
    Number("signed", 1, flag=True),
    Number("sortable", 1, flag=True),
)
PART = Number("first", 10), Number("count", 10, 1), Number("step", 2, 1)
SHIFT = Number("shift", SHIFT_BITS)
ALPHA = Number("alpha", 8)
NUMBERS = {
    Multibit: (
        Number("kernel[0]", KERNEL_Y, 1),
        Number("kernel[1]", KERNEL_X, 1),
        *_pair("stride", 1, 1),
        *_pair("pad", SMALL),
        *_pair("pool", POOL, 1),
        Number("bias_shift", SMALL),
        Number("depthwise", 1, flag=True),
    ),
    Add: (*_pair("up", SMALL), SHIFT),
    Average: (*_pair("kernel", POOL, 1), *_pair("stride", POOL, 1), ALPHA, SHIFT),
    GlobalAverage: (ALPHA, SHIFT),
    MaxPool: (Number("kernel", SMALL, 1), Number("stride", SMALL, 1), Number("across", 1, flag=True), Number("pad", SMALL)),
    Scale: (SHIFT,),
}


def numbers(node: Node) -> list[tuple[Number, Any]]:
    """A node's own numbers in the order in which they are stored, as :data:`NUMBERS` has them, with their values."""
    if isinstance(node, Multibit):
        values = (*node.basis.shape[2:], *node.stride, *node.pad, *node.pool, node.bias_shift, node.depthwise)
    elif isinstance(node, Add):
        values = (*node.up, node.shift)
    elif isinstance(node, Average):
        values = (*node.kernel, *node.stride, node.alpha, node.shift)
    elif isinstance(node, GlobalAverage):
        values = (node.alpha, node.shift)
    elif isinstance(node, MaxPool):
        values = (node.kernel, node.stride, node.across, node.pad)
    else:
        values = (node.shift,)
    return list(zip(NUMBERS[type(node)], values, strict=True))


def whole(part: Slice) -> bool:
    """Whether a part is all of its tensor."""
    return (part.first, part.count, part.step) == (0, part.tensor.channels, 1)


def _index_bits(count: int) -> int:
    """Bits of a tensor's number."""
    return max(1, (count - 1).bit_length())


def _shift_bits(graph: Graph) -> int:
    """Bits of a convolution's shifts."""
    most = max(int(np.max(node.shift)) for node in graph.nodes if isinstance(node, Multibit))
    return NARROW_SHIFT if most < 1 << NARROW_SHIFT else SHIFT_BITS


def pack(bundle) -> bytes:
    """All bits of a :class:`sw.export.array.bundle.GraphBundle`'s network.

    In order: the numbers of tensors and of nodes (10 bits each), the bits of alpha (4), whether shifts have 5 bits or 4. Of each
    tensor the numbers of :data:`TENSOR`. Of each node its kind, what it reads and writes (a tensor's number, whether it is the
    whole tensor, and where not :data:`PART`; of a convolution first whether it writes a tensor or makes the logits) and its own
    :data:`NUMBERS`. Of a convolution then, where it makes the logits, their number, and for all channels the number of bases, shift
    and bias, all alphas and all bases (1 for +1); of an average whether it has a table, and the table.
    """
    out, graph = BitWriter(), bundle.graph
    place = {name: i for i, name in enumerate(graph.tensors)}
    bits, shift_bits = _index_bits(len(place)), _shift_bits(graph)
    out.put(len(graph.tensors), COUNTED)
    out.put(len(graph.nodes), COUNTED)
    out.put(bundle.alpha_bits, SMALL)
    out.put(int(shift_bits == SHIFT_BITS), 1)

    def put(number: Number, value: Any, of: str) -> None:
        number.check(value, of)
        out.put(int(value) - number.low, number.bits)

    def put_part(part: Tensor | Slice, of: str) -> None:
        part = _all(part)
        out.put(place[part.tensor.name], bits)
        out.put(int(whole(part)), 1)
        if not whole(part):
            for number in PART:
                put(number, getattr(part, number.name), of)

    for tensor in graph.tensors.values():
        for number in TENSOR:
            put(number, getattr(tensor, number.name), tensor.name)
    for node in graph.nodes:
        out.put(KINDS.index(type(node)), KIND_BITS)
        for part in node.sources:
            put_part(part, node.name)
        if isinstance(node, Multibit):
            out.put(int(node.target is not None), 1)
        if node.target is not None:
            put_part(node.target, node.name)
        for number, value in numbers(node):
            put(number, value, node.name)
        if isinstance(node, Multibit):
            if node.target is None:
                out.put(len(node.count), CHANNELS)
            for values, width in ((node.count, COUNT_BITS), (node.shift, shift_bits), (node.bias, BIAS_BITS)):
                out.put(values, width)
            out.put(node.alpha, bundle.alpha_bits)
            out.put(node.basis > 0, 1)
        elif isinstance(node, Average):
            out.put(int(node.table is not None), 1)
            if node.table is not None:
                out.put(node.table, 8)
    return out.bytes()


def unpack(data: bytes, like):
    """The inverse of :func:`pack`: a bundle whose graph is made of the packed bits; names and front are those of ``like``. Bits
    that are no network, or one of other sizes, are a :class:`PopbeatError`."""
    stored = BitReader(data)

    def one(width: int) -> int:
        return int(stored.get((1,), width)[0])

    def get(number: Number) -> int | bool:
        value = one(number.bits) + number.low
        return bool(value) if number.flag else value

    count, nodes_count, alpha_bits, wide = one(COUNTED), one(COUNTED), one(SMALL), one(1)
    names = list(like.graph.tensors)
    if (count, nodes_count) != (len(names), len(like.graph.nodes)) or not 4 <= alpha_bits <= ALPHA_BITS:
        raise PopbeatError(
            f"{count} tensors and {nodes_count} nodes with alphas of {alpha_bits} bits are packed, not {len(names)} and "
            f"{len(like.graph.nodes)} with 4 to {ALPHA_BITS}"
        )
    tensors = [Tensor(name, *(get(number) for number in TENSOR)) for name in names]
    bits, shift_bits = _index_bits(count), SHIFT_BITS if wide else NARROW_SHIFT

    def part() -> Tensor | Slice:
        number, all_of_it = one(bits), one(1)
        if number >= count:
            raise PopbeatError(f"there are {count} tensors, and one with the number {number} is packed")
        return tensors[number] if all_of_it else Slice(tensors[number], *(get(n) for n in PART))

    nodes = []
    for node in like.graph.nodes:
        kind = one(KIND_BITS)
        if kind >= len(KINDS):
            raise PopbeatError(f"an operation of the kind {kind} is packed; there are {len(KINDS)}")
        nodes.append(_node(stored, KINDS[kind], node.name, part, one, get, alpha_bits, shift_bits))
    graph = Graph(tensors[names.index(like.graph.source.name)], tuple(nodes), like.graph.name)
    return replace(like, graph=graph, alpha_bits=alpha_bits)


def _node(
    stored: BitReader, kind: type, name: str, part: Callable, one: Callable, get: Callable, alpha_bits: int, shift_bits: int
) -> Node:
    """The next node, whose ``kind`` was read."""
    source = part()
    other = part() if kind in (Add, Scale) else None
    target = part() if kind is not Multibit or one(1) else None
    own = [get(number) for number in NUMBERS[kind]]
    if kind is Add:
        return Add(name, source, other, target, tuple(own[:2]), own[2])
    if kind is Average:
        table = stored.get((256,), 8).astype(np.uint8) if one(1) else None
        return Average(name, source, target, tuple(own[:2]), tuple(own[2:4]), *own[4:], table)
    if kind is GlobalAverage:
        return GlobalAverage(name, source, target, *own)
    if kind is MaxPool:
        return MaxPool(name, source, target, *own)
    if kind is Scale:
        return Scale(name, source, _tensor(other), target, *own)
    kernel, (stride, pad, pool), (bias_shift, depthwise) = own[:2], (tuple(own[i : i + 2]) for i in (2, 4, 6)), own[8:]
    out = one(CHANNELS) if target is None else _all(target).count
    count, shift = stored.get((out,), COUNT_BITS), stored.get((out,), shift_bits)
    bias = stored.get((out,), BIAS_BITS, signed=True)
    n = int(count.sum())
    alpha = stored.get((n,), alpha_bits)
    inputs = 1 if depthwise else _all(source).count
    basis = (2 * stored.get((n, inputs, *kernel), 1) - 1).astype(np.int8)
    return Multibit(name, source, target, count, basis, alpha, bias, shift, bias_shift, stride, pad, pool, depthwise)


def _tensor(part: Tensor | Slice) -> Tensor:
    if isinstance(part, Slice):
        raise PopbeatError(f"a scale's factors are a whole tensor, not channels of {part.tensor.name}")
    return part
