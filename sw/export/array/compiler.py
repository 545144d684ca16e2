"""The compiler of the multi-bit array: a graph becomes a layer program, with a place for every tensor.

What is left of the graph (:mod:`sw.export.array.plan`) is lowered to descriptors; what the array can't do is refused by name.
Channels whose weights have more bases than others' cost more passes, and the lanes in lockstep wait for the longest: so a tensor's
channels are stored in the order of their numbers of bases, where nothing depends on the order. Tensors live from the operation that
makes them to the last that reads them.
"""

from dataclasses import dataclass, replace

import numpy as np

from sw.errors import PopbeatError
from sw.export.array import program as layer_program
from sw.export.array.graph import Graph, Multibit, Node, Slice, _all
from sw.export.array.lower import Lowering, Made
from sw.export.array.plan import Plan, plan
from sw.export.array.program import Program, operation_cycles
from sw.export.array.schedule import delayed

# Means of channels that nobody asked for are written behind those that are wanted, at most so many bytes.
MEAN_SLACK = 512


@dataclass(frozen=True)
class Place:
    """Where a tensor lies: the byte ``address`` of each of its channels, -1 for one that is another tensor's; ``order[i]`` is the
    channel that is stored as the i-th."""

    channel: np.ndarray
    order: np.ndarray

    @property
    def address(self) -> int:
        """The tensor's first byte."""
        return int(self.channel[self.channel >= 0].min())


@dataclass(frozen=True)
class Compiled:
    """A program with the ``places`` of all tensors by name, what was ``made`` of each node, and the ``bytes`` of memory that it
    needs."""

    program: Program
    places: dict[str, Place]
    made: tuple[Made, ...]
    graph: Graph
    bytes: int

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The node of each operation."""
        return tuple(m.node for m in self.made)

    def listing(self) -> list[dict]:
        """A row for each operation: name, cycles, useful additions, their share of lanes x cycles, slots, passes, bytes of weights
        as stored."""
        rows = []
        for op, made in zip(self.program.operations, self.made, strict=True):
            cycles = operation_cycles(op, self.program.groups)
            rows.append(
                {
                    "operation": op.name,
                    "cycles": cycles,
                    "additions": made.additions,
                    "utilisation": made.additions / (cycles * self.program.groups * layer_program.LANES),
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
        useful = sum(made.additions for made in self.made)
        return useful / (layer_program.cycles(self.program) * self.program.groups * layer_program.LANES)


def compile_graph(graph: Graph, groups: int, half: int, memory: int, windows: bool = True) -> Compiled:
    """Map a graph onto an array of ``groups``, with or without ``windows``, whose input buffers are ``half`` bytes apart and whose
    memory has ``memory`` bytes. Raises :class:`PopbeatError` for what can't be mapped."""
    size = graph.source.height * graph.source.width
    if graph.source.channels != 1 or not graph.source.signed or size > half:
        raise PopbeatError(f"{graph.name}: the array takes one window or image of at most {half} int8 samples, not {graph.source}")
    planned = plan(graph)
    places, used = _allocate(planned, half, memory)
    lowering = Lowering(
        planned, {n: p.channel for n, p in places.items()}, {n: p.order for n, p in places.items()}, groups, windows
    )
    for work in planned.work:
        lowering.lower(work)
    operations = delayed([m.operation for m in lowering.made], groups, memory)
    operations[-1] = replace(operations[-1], descriptor=replace(operations[-1].descriptor, end=1))
    table = np.stack(lowering.tables) if lowering.tables else np.zeros((0, 256), np.uint8)
    front = layer_program.FRONTS["normalised window" if graph.source.height == 1 else "GASF image"]
    program = Program(groups, tuple(operations), table, size, front)
    return Compiled(program, places, tuple(lowering.made), graph, used)


def _orders(planned: Plan) -> dict[str, np.ndarray]:
    """In which order the channels of tensors are stored: by their bases, or as the channels lie that they are made from."""
    order = {}
    graph = planned.graph
    for work in planned.work:
        node, target = work.node, work.target
        if target is None or not isinstance(node, Multibit) or target.count != target.tensor.channels:
            continue
        if target.tensor.sortable and not node.depthwise:
            order[target.tensor.name] = np.argsort(-np.asarray(node.count), kind="stable")
        elif node.depthwise and all(
            isinstance(n, Multibit) and not n.depthwise and _all(n.source).count == target.count
            for n in graph.nodes
            if any(s.tensor == target.tensor for s in n.sources)
        ):
            places = planned.channels(work.source)
            order[target.tensor.name] = np.array(sorted(range(target.count), key=lambda c: places[c]))
    return order


def _allocate(planned: Plan, half: int, memory: int) -> tuple[dict[str, Place], int]:
    """First fit, the largest first, among those that live at the same time; and the bytes that are used."""
    source, graph = planned.graph.source, planned.graph
    tensors, born, dies, made = {source.name: source}, {source.name: -1}, {source.name: -1}, {source.name: {0}}
    size = {}
    for number, work in enumerate(planned.work):
        reads = [planned.channels(s) for s in (*work.node.sources[1:], work.source)]
        reads += [planned.channels(Slice(work.gate))] if work.gate is not None else []
        for name, _ in (place for part in reads for place in part):
            if name not in born:
                raise PopbeatError(f"{work.node.name} reads {name}, which nothing has written")
            dies[name] = number
        targets = [work.target] if work.target is not None else []
        for part in (*targets, *(_all(mean.target) for mean in work.means)):
            name = part.tensor.name
            tensors[name] = part.tensor
            born.setdefault(name, number)
            dies[name] = number
            made.setdefault(name, set()).update(c for _, c in planned.channels(part))
            size[name] = MEAN_SLACK if part is not work.target else size.get(name, 0)
    order = _orders(planned)
    stored = {n: np.array([c for c in order.get(n, range(t.channels)) if c in made[n]]) for n, t in tensors.items()}
    plane = {n: t.height * t.width for n, t in tensors.items()}
    bytes_ = {n: len(stored[n]) * plane[n] + size.get(n, 0) for n in tensors}
    places, spans, used = {source.name: Place(np.zeros(1, np.int64), np.zeros(1, np.int64))}, {}, 2 * half
    # The largest first: they leave gaps that others fit into.
    for name in sorted(born, key=lambda n: (-bytes_[n], born[n])):
        if name == source.name:
            continue
        total, address = bytes_[name], 2 * half
        others = [o for o in spans if born[o] <= dies[name] and dies[o] >= born[name]]
        for start, end in sorted(spans[o] for o in others):
            if address + total <= start:
                break
            address = max(address, end)
        if address + total > memory:
            raise PopbeatError(
                f"{graph.name}: no room for {name} ({total} bytes) in a memory of {memory} bytes; take an array with more"
            )
        spans[name], used = (address, address + total), max(used, address + total)
        channel = np.full(tensors[name].channels, -1, np.int64)
        channel[stored[name]] = address + plane[name] * np.arange(len(stored[name]))
        places[name] = Place(channel, stored[name])
    return places, used
