"""The compiler of the multi-bit array: a graph becomes a layer program, with a place for every tensor.

Each operation is lowered to descriptors; what the array can't do is refused by name. Channels whose weights have more bases than
others' cost more passes, and the lanes in lockstep wait for the longest: so a tensor's channels are stored in the order of their
numbers of bases, where nothing depends on the order. Tensors live from the operation that makes them to the last that reads them.
"""

from dataclasses import dataclass, replace

import numpy as np

from sw.errors import PopbeatError
from sw.export.array import program as layer_program
from sw.export.array.graph import Add, Angles, Average, GlobalAverage, Graph, MaxPool, Multibit, Node, Scale, Slice, Tensor, _all
from sw.export.array.program import LOGITS, SIGNED, UNSIGNED, Descriptor, Operation, Program, least_period, operation_cycles

MAX_POOL = 15


@dataclass(frozen=True)
class Place:
    """Where a tensor lies: byte address; ``order[i]`` is the channel that is stored as the i-th."""

    address: int
    order: np.ndarray


@dataclass(frozen=True)
class Compiled:
    """A program with the ``places`` of all tensors by name, the operations' ``nodes`` (one each) and the ``bytes`` of memory that
    it needs."""

    program: Program
    places: dict[str, Place]
    nodes: tuple[Node, ...]
    graph: Graph
    bytes: int

    def listing(self) -> list[dict]:
        """A row for each operation: name, cycles, useful additions, their share of lanes x cycles, slots, passes, bytes of weights
        as stored."""
        rows = []
        for op, node in zip(self.program.operations, self.nodes, strict=True):
            cycles = operation_cycles(op, self.program.groups)
            useful = additions(node)
            rows.append(
                {
                    "operation": op.name,
                    "cycles": cycles,
                    "additions": useful,
                    "utilisation": useful / (cycles * self.program.groups * layer_program.LANES),
                    "slots": op.descriptor.slots,
                    "passes": sum(op.passes),
                    "taps": op.descriptor.taps,
                    "weight_bytes": sum(-(-b.shape[0] * b.shape[1] * b.shape[2] // 8) for b in op.weights),
                }
            )
        return rows

    @property
    def utilisation(self) -> float:
        """Useful additions over lanes x cycles, start to logits. Useful: of an unpruned base on an input that is no padding."""
        useful = sum(additions(node) for node in self.nodes)
        return useful / (layer_program.cycles(self.program) * self.program.groups * layer_program.LANES)


def additions(node: Node) -> int:
    """Weight-basis additions on inputs that are no padding, over the positions that the pool looks at."""
    if not isinstance(node, Multibit):
        return 0
    tensor = _all(node.source).tensor
    inside = np.pad(np.ones((tensor.height, tensor.width), np.int64), ((node.pad[0],) * 2, (node.pad[1],) * 2))
    views = np.lib.stride_tricks.sliding_window_view(inside, node.basis.shape[2:])[:: node.stride[0], :: node.stride[1]]
    return int(views[:, : positions(node)].sum()) * len(node.basis) * node.basis.shape[1]


def positions(node: Multibit) -> int:
    """Positions of a row that the pool looks at."""
    return (node.out_width - 1) * node.pool[1] + node.pool[0]


def compile_graph(graph: Graph, groups: int, half: int, memory: int) -> Compiled:
    """Map a graph onto an array of ``groups`` whose input buffers are ``half`` bytes apart and whose memory has ``memory`` bytes.
    Raises :class:`PopbeatError` for what can't be mapped."""
    if graph.source.channels != 1 or not graph.source.signed or _size(graph.source) > half:
        raise PopbeatError(f"{graph.name}: the array takes one window or image of at most {half} int8 samples, not {graph.source}")
    places = _allocate(graph, groups, half, memory)
    operations, nodes, tables = [], [], []
    for node in graph.nodes:
        for op in _lower(node, graph, places, groups, tables):
            passes = min(op.passes)
            descriptor = replace(op.descriptor, period=least_period(op.descriptor, groups, passes))
            operations.append(replace(op, descriptor=descriptor))
            nodes.append(node)
    operations[-1] = replace(operations[-1], descriptor=replace(operations[-1].descriptor, end=1))
    table = np.stack(tables) if tables else np.zeros((0, 256), np.uint8)
    used = max(2 * half, *(p.address + _size(graph.tensors[n]) for n, p in places.items()))
    return Compiled(Program(groups, tuple(operations), table), places, tuple(nodes), graph, used)


def _size(tensor: Tensor) -> int:
    return tensor.channels * tensor.height * tensor.width


def _allocate(graph: Graph, groups: int, half: int, memory: int) -> dict[str, Place]:
    """First fit, in the order in which tensors come to life."""
    born, dies = {graph.source.name: -1}, {graph.source.name: -1}
    order = {name: np.arange(t.channels) for name, t in graph.tensors.items()}
    for number, node in enumerate(graph.nodes):
        for part in node.sources:
            if part.tensor.name not in born:
                raise PopbeatError(f"{node.name} reads {part.tensor.name}, which nothing has written")
            dies[part.tensor.name] = number
        if node.target is not None:
            target = _all(node.target)
            born.setdefault(target.tensor.name, number)
            dies[target.tensor.name] = number
            if (
                target.tensor.sortable
                and isinstance(node, Multibit)
                and not node.depthwise
                and target.count == target.tensor.channels
            ):
                order[target.tensor.name] = np.argsort(-np.asarray(node.count), kind="stable")
    places = {graph.source.name: Place(0, order[graph.source.name])}
    for name in sorted(born, key=born.get):
        if name == graph.source.name:
            continue
        size, address = _size(graph.tensors[name]), 2 * half
        others = [o for o in places if o != graph.source.name and born[o] <= dies[name] and dies[o] >= born[name]]
        for start, end in sorted((places[o].address, places[o].address + _size(graph.tensors[o])) for o in others):
            if address + size <= start:
                break
            address = max(address, end)
        if address + size > memory:
            raise PopbeatError(
                f"{graph.name}: no room for {name} ({size} bytes) in a memory of {memory} bytes; take an array with more"
            )
        places[name] = Place(address, order[name])
    return places


def _address(part: Slice, places: dict[str, Place]) -> int:
    return places[part.tensor.name].address + part.first * part.tensor.height * part.tensor.width


def _stride(part: Slice) -> int:
    return part.step * part.tensor.height * part.tensor.width


def _natural(node: Node, part: Slice, places: dict[str, Place]) -> None:
    order = places[part.tensor.name].order
    if (np.diff(order) != 1).any():
        raise PopbeatError(f"{node.name} needs the channels of {part.tensor.name} in their order; declare it not sortable")


def _same(node: Node, *parts: Slice) -> None:
    shapes = {(p.count, p.tensor.height, p.tensor.width) for p in parts}
    if len(shapes) != 1:
        raise PopbeatError(f"{node.name} takes tensors of one shape, not {sorted(shapes)}")


def _flat(part: Slice) -> dict[str, int]:
    """A tensor as one long row a channel, for what looks at single values."""
    return {"width": part.tensor.height * part.tensor.width, "out_w": part.tensor.height * part.tensor.width}


def _kind(part: Slice) -> int:
    return SIGNED if part.tensor.signed else UNSIGNED


def _out(part: Slice, places: dict[str, Place]) -> dict[str, int]:
    return {
        "out_base": _address(part, places),
        "out_chan": _stride(part),
        "out_row": part.tensor.width,
        "channels": part.count,
        "kind": _kind(part),
    }


def _ones(channels: int, taps: int, signs=(1,), alphas=(1,)) -> dict:
    """Weights of one block a channel that are the same everywhere: ``signs[pass]`` is a sign or a list of one a tap."""
    weights = np.ones((len(signs), 1, taps), np.int8)
    for number, sign in enumerate(signs):
        weights[number, 0] = sign
    alpha = np.array(alphas, np.int64)[:, None]
    return {"weights": (weights,) * channels, "alphas": (alpha,) * channels, "bias": np.zeros(channels, np.int64)}


def _lower(node: Node, graph: Graph, places: dict[str, Place], groups: int, tables: list) -> list[Operation]:
    """The operations of a node."""
    sources = node.sources
    base = {"input": int(sources[0].tensor == graph.source), "in_signed": int(sources[0].tensor.signed)}
    if isinstance(node, Multibit):
        return [_convolution(node, base, places, groups)]
    target = _all(node.target)
    for part in (*sources, target):
        _natural(node, part, places)
    x = sources[0]
    plane = x.tensor.height * x.tensor.width
    if isinstance(node, Add):
        _same(node, *sources, target)
        other = sources[1]
        if other.tensor.signed != x.tensor.signed or _stride(x) != _stride(other):
            raise PopbeatError(f"{node.name} adds tensors of one signedness and one step between channels; copy one of them first")
        a, b = (1 << up for up in node.up)
        if a == b:
            signs, alphas, shift = (1,), (a,), node.shift
        else:
            signs, alphas, shift = (1, (1, -1) if a > b else (-1, 1)), (a + b, abs(a - b)), node.shift + 1
        descriptor = Descriptor(
            in_base=_address(x, places),
            in_chan=(_address(other, places) - _address(x, places)) % (1 << 17),
            in_block=_stride(x),
            taps_c=2,
            single=1,
            **_flat(x),
            **_out(target, places),
            **base,
        )
        return [_operation(node, descriptor, _ones(x.count, 2, signs, alphas), shift)]
    if isinstance(node, Average):
        ky, kx = node.kernel
        table = 0
        if node.table is not None:
            values = np.asarray(node.table, np.uint8)
            if not any(np.array_equal(values, t) for t in tables):
                tables.append(values)
            table = 1 + next(i for i, t in enumerate(tables) if np.array_equal(values, t))
        one = node.kernel == node.stride == (1, 1)
        shape = (
            _flat(x)
            if one
            else {
                "width": x.tensor.width,
                "height": x.tensor.height,
                "in_row": x.tensor.width,
                "taps_y": ky,
                "taps_x": kx,
                "stride_y": node.stride[0] if x.tensor.height > ky else 1,
                "stride_x": node.stride[1] if x.tensor.width > kx else 1,
                "out_h": (x.tensor.height - ky) // node.stride[0] + 1,
                "out_w": (x.tensor.width - kx) // node.stride[1] + 1,
            }
        )
        descriptor = Descriptor(
            in_base=_address(x, places), in_block=_stride(x), single=1, table=table, **shape, **_out(target, places), **base
        )
        return [_operation(node, descriptor, _ones(x.count, ky * kx, (1,), (node.alpha,)), node.shift)]
    if isinstance(node, GlobalAverage):
        if (target.tensor.channels, target.tensor.height, target.tensor.width) != (1, 1, x.count):
            raise PopbeatError(f"{node.name} writes one row of {x.count} values, not {target.tensor.name}")
        shape = _out(target, places) | {"out_chan": 1, "channels": x.count}
        descriptor = Descriptor(
            in_base=_address(x, places), in_block=_stride(x), single=1, taps_x=plane, width=plane, **shape, **base
        )
        return [_operation(node, descriptor, _ones(x.count, plane, (1,), (node.alpha,)), node.shift)]
    if isinstance(node, MaxPool):
        return _max_pool(node, x, target, base, places)
    if isinstance(node, Scale):
        _same(node, x, target)
        by = sources[1].tensor
        count = by.width if node.by_element else x.count
        if (by.channels, by.height, by.width) != (1, 1, count) or by.signed != x.tensor.signed:
            raise PopbeatError(f"{node.name} scales by a row of {count} values of the same signedness, not by {by.name}")
        shape, out = {"in_block": _stride(x), **_flat(x)}, _out(target, places)
        if node.by_element:  # as channels of one value
            shape, out = {"in_block": 1}, out | {"out_chan": 1, "channels": count}
        descriptor = Descriptor(
            in_base=_address(x, places), single=1, alpha_memory=1, alpha_base=places[by.name].address, **shape, **out, **base
        )
        return [_operation(node, descriptor, _ones(count, 1), node.shift)]
    if isinstance(node, Angles):
        size = x.tensor.width
        if not x.tensor.signed or x.count != 2 or (target.tensor.height, target.tensor.width) != (size, size):
            raise PopbeatError(f"{node.name} makes a square of two rows of int8")
        descriptor = Descriptor(
            in_base=_address(x, places),
            in_pass=plane,
            width=size,
            height=size,  # every row of the square reads the same row
            out_w=size,
            out_h=size,
            single=1,
            alpha_memory=1,
            alpha_base=_address(x, places),
            alpha_pass=plane,
            **_out(target, places),
            **base,
        )
        return [_operation(node, descriptor, _ones(1, 1, (1, -1), (1, 1)), node.shift)]
    raise PopbeatError(f"{node.name}: the array has no {type(node).__name__}")


def _operation(node: Node, descriptor: Descriptor, parameters: dict, shift: int) -> Operation:
    """An operation whose blocks, of one channel each, all have the same parameters."""
    shifts = np.full(descriptor.channels, shift, np.int64)
    return Operation(replace(descriptor, shared=1), **parameters, shift=shifts, name=node.name)


def _max_pool(node: MaxPool, x: Slice, target: Slice, base: dict, places: dict[str, Place]) -> list[Operation]:
    """Along x with the pool of the post-processing, along y by passes that are combined by their maximum. What is padded sees fewer
    values: that is an operation of its own."""
    after = target.tensor.width if node.across else target.tensor.height
    if node.pad and (x.tensor.signed or not node.pad < min(node.kernel, node.stride + 1)):
        raise PopbeatError(f"{node.name}: uint8 alone is padded, by at most the stride and less than the kernel")
    if not node.pad:
        return [_pool_part(node, x, target, base, places, node.kernel, (0, after), 0)]
    first = _pool_part(node, x, target, base, places, node.kernel - node.pad, (0, 1), 0)
    if after == 1:
        return [first]
    return [first, _pool_part(node, x, target, base, places, node.kernel, (1, after), node.stride - node.pad)]


def _pool_part(
    node: MaxPool, x: Slice, target: Slice, base: dict, places: dict, kernel: int, results: tuple[int, int], start: int
) -> Operation:
    """The ``results`` (first, end) of a max-pool, the first of them over ``kernel`` values from ``start`` on."""
    source, made = x.tensor, results[1] - results[0]
    out = _out(target, places)
    shape = {"width": source.width, "height": source.height, "in_row": source.width}
    if node.across:
        pool = _pool(node, kernel, node.stride if made > 1 else kernel)
        out["out_base"] += results[0]
        descriptor = Descriptor(
            in_base=_address(x, places) + start,
            in_block=_stride(x),
            single=1,
            out_w=(made - 1) * node.stride + kernel,
            out_h=target.tensor.height,
            **pool,
            **shape | {"width": source.width - start},
            **out,
            **base,
        )
        return _operation(node, descriptor, _ones(x.count, 1), 0)
    if node.stride > 2:
        raise PopbeatError(f"{node.name}: rows are pooled with a stride of 1 or 2, not {node.stride}")
    out["out_base"] += results[0] * target.tensor.width
    descriptor = Descriptor(
        in_base=_address(x, places) + start * source.width,
        in_block=_stride(x),
        in_pass=source.width,
        single=1,
        largest=1,
        stride_y=node.stride,
        out_w=source.width,
        out_h=made,
        **shape | {"height": source.height - start},
        **out,
        **base,
    )
    return _operation(node, descriptor, _ones(x.count, 1, (1,) * kernel, (1,) * kernel), 0)


def _pool(node: Node, size: int, stride: int) -> dict[str, int]:
    chunks, rest = divmod(size, stride)
    if chunks not in (1, 2) or rest > 1 or stride > MAX_POOL:
        raise PopbeatError(
            f"{node.name}: a pool of {size} with stride {stride} can't be mapped; its size is one or two strides, or one more"
        )
    return {"pool_stride": stride, "pool_chunks": chunks, "pool_rest": rest}


def _convolution(node: Multibit, base: dict, places: dict[str, Place], groups: int) -> Operation:
    """A convolution with the number of slots that takes the fewest cycles."""
    x = _all(node.source)
    tensor, (ky, kx) = x.tensor, node.basis.shape[2:]
    out = len(node.count)
    if max(node.stride) > 2 or node.basis.shape[1] != (1 if node.depthwise else x.count):
        raise PopbeatError(f"{node.name}: strides are 1 or 2 and weights fit the {x.count} channels; not {node.stride}")
    if node.depthwise and x.count != out:
        raise PopbeatError(f"{node.name}: a depthwise convolution has as many outputs as inputs, not {out} of {x.count}")
    target = None if node.target is None else _all(node.target)
    order = np.arange(out) if target is None or target.count != target.tensor.channels else places[target.tensor.name].order
    stored = places[tensor.name].order  # of the inputs
    if node.depthwise or x.count != tensor.channels:
        _natural(node, x, places)
    start = np.concatenate([[0], np.cumsum(node.count)])
    taps = ky * kx * (1 if node.depthwise else x.count)
    basis = node.basis if node.depthwise or x.count != tensor.channels else node.basis[:, stored]
    shape = dict(
        in_base=(_address(x, places) - node.pad[1] - node.pad[0] * tensor.width) % (1 << 17),
        in_row=tensor.width,
        width=tensor.width,
        height=tensor.height,
        taps_y=ky,
        taps_x=kx,
        pad_y=node.pad[0],
        pad_x=node.pad[1],
        stride_y=node.stride[0],
        stride_x=node.stride[1],
        out_w=positions(node),
        out_h=node.out_height,
        bias_shift=node.bias_shift,
        **_pool(node, *node.pool),
        **base,
    )
    shape |= {"channels": out, "kind": LOGITS} if target is None else _out(target, places)
    if node.depthwise:
        shape |= {"single": 1, "in_block": _stride(x)}
    else:
        shape |= {"taps_c": x.count, "in_chan": _stride(x)}
    best = None
    for slots in (1,) if node.depthwise else (1, 2, 4):
        descriptor = Descriptor(**shape, slots=slots)
        rows = descriptor.rows(groups)
        weights, alphas = [], []
        for block in range(descriptor.blocks(groups)):
            channels = order[block * rows : (block + 1) * rows]
            passes = max(1, int(np.max(node.count[channels])))
            w, a = np.ones((passes, rows, taps), np.int8), np.zeros((passes, rows), np.int64)
            for row, channel in enumerate(channels):
                count = int(node.count[channel])
                w[:count, row] = basis[start[channel] : start[channel] + count].reshape(count, taps)
                a[:count, row] = node.alpha[start[channel] : start[channel] + count]
            weights.append(w)
            alphas.append(a)
        bias, shift = np.asarray(node.bias, np.int64)[order], np.asarray(node.shift, np.int64)[order]
        passes = min(len(w) for w in weights)
        timed = replace(descriptor, period=least_period(descriptor, groups, passes))
        op = Operation(timed, tuple(weights), tuple(alphas), bias, shift, node.name)
        if best is None or operation_cycles(op, groups) < operation_cycles(best, groups):
            best = op
    return best


def read_back(compiled: Compiled, name: str, memory: np.ndarray) -> np.ndarray:
    """A tensor's values ``int64[n, channels, height, width]`` from the array's memory ``uint8[n, bytes]``, in channel order."""
    tensor, place = compiled.graph.tensors[name], compiled.places[name]
    flat = memory[:, place.address : place.address + _size(tensor)].astype(np.int64)
    stored = flat.reshape(len(memory), tensor.channels, tensor.height, tensor.width)
    values = np.empty_like(stored)
    values[:, place.order] = stored
    return np.where(values > 127, values - 256, values) if tensor.signed else values
