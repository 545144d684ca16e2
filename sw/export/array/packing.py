"""Every stored bit of a graph: its tensors' shapes, its operations, and their integers, packed without gaps.

The size that is reported of a network is the length of what :func:`pack` gives; :func:`unpack` makes the graph of these bits alone
again, but for names.
"""

from dataclasses import replace

import numpy as np

from sw.errors import PopbeatError
from sw.export.array.graph import Add, Average, GlobalAverage, Graph, MaxPool, Multibit, Scale, Slice, Tensor, _all
from sw.export.array.program import BIAS_BITS, SHIFT_BITS
from sw.export.bundle import BitReader, BitWriter
from sw.networks import COUNT_BITS

CHANNELS, HEIGHT, WIDTH = 11, 7, 13  # bits of a tensor's sizes, each less one
PART = {"first": 10, "count": 11, "step": 2}
KINDS = (Multibit, Add, Average, GlobalAverage, MaxPool, Scale)
KIND_BITS, SMALL, KERNEL_Y, KERNEL_X, POOL = 3, 4, 7, 13, 8


def _index_bits(graph: Graph) -> int:
    return max(1, (len(graph.tensors) - 1).bit_length())


def pack(bundle) -> bytes:
    """All bits of a :class:`sw.export.array.bundle.GraphBundle`'s network.

    In order: the numbers of tensors and of nodes (10 bits each) and the bits of alpha (4). Of each tensor channels, height and
    width (less one), signed, and whether its channels may be stored in another order. Of each node its kind, what it reads and
    writes (a tensor's number; and where it is not the whole tensor first channel, count and step) and its own numbers; of a
    convolution then, for all channels, the number of bases, shift and bias, all alphas and all bases (1 for +1).
    """
    out, graph = BitWriter(), bundle.graph
    numbers = {name: i for i, name in enumerate(graph.tensors)}
    bits = _index_bits(graph)
    out.put(len(graph.tensors), 10)
    out.put(len(graph.nodes), 10)
    out.put(bundle.alpha_bits, SMALL)
    for t in graph.tensors.values():
        sizes = (t.channels - 1, CHANNELS), (t.height - 1, HEIGHT), (t.width - 1, WIDTH)
        for value, width in (*sizes, (t.signed, 1), (t.sortable, 1)):
            out.put(int(value), width)

    def put_part(part) -> None:
        part = _all(part)
        whole = (part.first, part.count, part.step) == (0, part.tensor.channels, 1)
        out.put(numbers[part.tensor.name], bits)
        out.put(int(whole), 1)
        if not whole:
            for name, width in PART.items():
                out.put(getattr(part, name), width)

    for node in graph.nodes:
        out.put(KINDS.index(type(node)), KIND_BITS)
        for part in node.sources:
            put_part(part)
        if isinstance(node, Multibit):
            out.put(int(node.target is not None), 1)
        if node.target is not None:
            put_part(node.target)
        for value, width in _numbers(node):
            out.put(int(value), width)
        if isinstance(node, Multibit):
            for values, width in ((node.count, COUNT_BITS), (node.shift, SHIFT_BITS), (node.bias, BIAS_BITS)):
                out.put(values, width)
            out.put(node.alpha, bundle.alpha_bits)
            out.put(node.basis > 0, 1)
        elif isinstance(node, Average):
            out.put(int(node.table is not None), 1)
            if node.table is not None:
                out.put(node.table, 8)
    return out.bytes()


def _numbers(node) -> list[tuple[int, int]]:
    """A node's own numbers with their widths."""
    if isinstance(node, Multibit):
        ky, kx = node.basis.shape[2:]
        channels = [(len(node.count), CHANNELS)] if node.target is None else []
        strides = [(s - 1, 1) for s in node.stride]
        pads, pools = [(p, SMALL) for p in node.pad], [(p, POOL) for p in node.pool]
        return [*channels, (ky, KERNEL_Y), (kx, KERNEL_X), *strides, *pads, *pools, (node.bias_shift, SMALL), (node.depthwise, 1)]
    if isinstance(node, Add):
        return [(node.up[0], SMALL), (node.up[1], SMALL), (node.shift, SHIFT_BITS)]
    if isinstance(node, Average):
        return [*((n, POOL) for n in (*node.kernel, *node.stride)), (node.alpha, 8), (node.shift, SHIFT_BITS)]
    if isinstance(node, GlobalAverage):
        return [(node.alpha, 8), (node.shift, SHIFT_BITS)]
    if isinstance(node, MaxPool):
        return [(node.kernel, SMALL), (node.stride, SMALL), (node.across, 1), (node.pad, SMALL)]
    return [(node.shift, SHIFT_BITS)]


def unpack(data: bytes, like):
    """The inverse of :func:`pack`: a bundle whose graph is made of the packed bits; names and front are those of ``like``."""
    stored = BitReader(data)

    def one(width: int) -> int:
        return int(stored.get((1,), width)[0])

    count, nodes_count, alpha_bits = one(10), one(10), one(SMALL)
    names = list(like.graph.tensors)
    if (count, nodes_count) != (len(names), len(like.graph.nodes)):
        raise PopbeatError(f"{count} tensors and {nodes_count} nodes are packed, not {len(names)} and {len(like.graph.nodes)}")
    tensors = [Tensor(n, one(CHANNELS) + 1, one(HEIGHT) + 1, one(WIDTH) + 1, bool(one(1)), bool(one(1))) for n in names]
    bits = _index_bits(like.graph)

    def part() -> Tensor | Slice:
        tensor, whole = tensors[one(bits)], one(1)
        return tensor if whole else Slice(tensor, **{name: one(width) for name, width in PART.items()})

    nodes = []
    for node in like.graph.nodes:
        kind, name = KINDS[one(KIND_BITS)], node.name
        source = part()
        other = part() if kind in (Add, Scale) else None
        target = part() if kind is not Multibit or one(1) else None
        if kind is Multibit:
            nodes.append(_convolution(stored, one, name, source, target, alpha_bits))
        elif kind is Add:
            nodes.append(Add(name, source, other, target, (one(SMALL), one(SMALL)), one(SHIFT_BITS)))
        elif kind is Average:
            kernel, stride = (one(POOL), one(POOL)), (one(POOL), one(POOL))
            alpha, shift = one(8), one(SHIFT_BITS)
            table = stored.get((256,), 8).astype(np.uint8) if one(1) else None
            nodes.append(Average(name, source, target, kernel, stride, alpha, shift, table))
        elif kind is GlobalAverage:
            nodes.append(GlobalAverage(name, source, target, one(8), one(SHIFT_BITS)))
        elif kind is MaxPool:
            nodes.append(MaxPool(name, source, target, one(SMALL), one(SMALL), bool(one(1)), one(SMALL)))
        else:
            nodes.append(Scale(name, source, other, target, one(SHIFT_BITS)))
    graph = Graph(tensors[names.index(like.graph.source.name)], tuple(nodes), like.graph.name)
    return replace(like, graph=graph, alpha_bits=alpha_bits)


def _convolution(stored: BitReader, one, name: str, source, target, alpha_bits: int) -> Multibit:
    out = one(CHANNELS) if target is None else _all(target).count
    kernel, stride = (one(KERNEL_Y), one(KERNEL_X)), (one(1) + 1, one(1) + 1)
    pad, pool = (one(SMALL), one(SMALL)), (one(POOL), one(POOL))
    bias_shift, depthwise = one(SMALL), bool(one(1))
    count, shift = stored.get((out,), COUNT_BITS), stored.get((out,), SHIFT_BITS)
    bias = stored.get((out,), BIAS_BITS, signed=True)
    n = int(count.sum())
    alpha = stored.get((n,), alpha_bits)
    inputs = 1 if depthwise else _all(source).count
    basis = (2 * stored.get((n, inputs, *kernel), 1) - 1).astype(np.int8)
    return Multibit(name, source, target, count, basis, alpha, bias, shift, bias_shift, stride, pad, pool, depthwise)
