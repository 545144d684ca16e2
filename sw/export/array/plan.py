"""From a graph to the work that is left for the array: what needs no operation of its own goes into its neighbours.

- A copy is an address: channels of its target are those of its source, where all that read them can reach them.
- A mean of channels is made by the operations that put the channels out; a scale by the one that reads them; a table, a mean of two
  along x and a padded pool by the one that makes what they take.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from sw.export.array.graph import Add, Average, GlobalAverage, Graph, MaxPool, Multibit, Node, Scale, Slice, Tensor, _all
from sw.export.array.program import GATE_SHIFT, MAX_TAPS

Channel = tuple[str, int]  # a tensor's name and a channel of it


@dataclass(frozen=True)
class Work:
    """A node with what else its operations do: ``target`` of the last thing that they do; ``gate``: the row that scales their
    (first) input; ``table``; ``mean_of_two`` along x; ``pool`` along x behind it (kernel, stride, pad) instead of the node's;
    ``means``: nodes whose means are made of what is put out."""

    node: Node
    target: Slice | None
    source: Slice
    gate: Tensor | None = None
    table: np.ndarray | None = None
    mean_of_two: bool = False
    pool: tuple[int, int, int] | None = None
    means: tuple[GlobalAverage, ...] = ()


@dataclass
class Plan:
    """``work`` in its order; ``alias``: channels that are those of another tensor."""

    graph: Graph
    work: list[Work] = field(default_factory=list)
    alias: dict[Channel, Channel] = field(default_factory=dict)

    def real(self, tensor: Tensor, channel: int) -> Channel:
        """Where a channel really is."""
        place = tensor.name, int(channel)
        while place in self.alias:
            place = self.alias[place]
        return place

    def channels(self, part: Slice) -> list[Channel]:
        """Where the channels of a slice really are."""
        return [self.real(part.tensor, c) for c in range(part.tensor.channels)[part.channels]]


def readers(graph: Graph, tensor: Tensor) -> list[Node]:
    """Nodes that read a tensor."""
    return [n for n in graph.nodes if any(s.tensor == tensor for s in n.sources)]


def writers(graph: Graph, tensor: Tensor) -> list[Node]:
    """Nodes that write to a tensor."""
    return [n for n in graph.nodes if n.target is not None and _all(n.target).tensor == tensor]


def _whole(part: Slice) -> bool:
    return part.count == part.tensor.channels


def is_copy(node: Node) -> bool:
    """Whether a node changes nothing."""
    plain = isinstance(node, Average) and node.kernel == node.stride == (1, 1) and (node.alpha, node.shift) == (1, 0)
    return plain and node.table is None and _all(node.source).tensor.signed == _all(node.target).tensor.signed


def _reachable(plan: Plan, part: Slice) -> bool:
    """Whether a convolution can read these channels: they lie in one tensor, at equal distances."""
    places = plan.channels(part)
    numbers = np.sort([c for _, c in places])
    return len({name for name, _ in places}) == 1 and len(set(np.diff(numbers))) <= 1


def _aliases(plan: Plan, graph: Graph) -> None:
    """Copies that are addresses; one that a convolution can't reach is taken back."""
    for node in filter(is_copy, graph.nodes):
        source, target = _all(node.source), _all(node.target)
        if source.tensor == graph.source:
            continue
        for a, b in zip(range(target.tensor.channels)[target.channels], plan.channels(source), strict=True):
            plan.alias[target.tensor.name, a] = b
    while True:
        dense = [n for n in graph.nodes if isinstance(n, Multibit) and not n.depthwise]
        bad = [n for n in dense if not _reachable(plan, _all(n.source))]
        if not bad:
            return
        name = _all(bad[0].source).tensor.name
        plan.alias = {k: v for k, v in plan.alias.items() if k[0] != name}


def _one_maker(graph: Graph, node: Node) -> Multibit | None:
    """The convolution that makes all that a node takes and nothing else does, where no other node reads it."""
    source = _all(node.source)
    made = writers(graph, source.tensor)
    alone = len(made) == 1 and len(readers(graph, source.tensor)) == 1 and _whole(source) and isinstance(made[0], Multibit)
    return made[0] if alone and made[0].target is not None and _whole(_all(made[0].target)) else None


def _into_maker(graph: Graph) -> dict[int, tuple[int, dict]]:
    """Nodes that the convolution before them does, by their identity: which one, and what it does."""
    found = {}
    for node in graph.nodes:
        maker = _one_maker(graph, node) if isinstance(node, Average | MaxPool) else None
        if maker is None or maker.pool != (1, 1):
            continue
        kernel = (node.kernel, node.stride) if isinstance(node, Average) else None
        source = _all(node.source).tensor
        if kernel == ((1, 1), (1, 1)) and node.table is not None and (node.alpha, node.shift) == (1, 0):
            if len(maker.count) == 1 and not maker.depthwise and source.height == 1:
                found[id(node)] = id(maker), {"table": np.asarray(node.table, np.uint8)}
        elif kernel == ((1, 2), (1, 2)) and (node.alpha, node.shift, node.table) == (1, 1, None) and not source.signed:
            found[id(node)] = id(maker), {"mean_of_two": True}
        elif isinstance(node, MaxPool) and not node.across and not source.signed:
            # Rows before columns or columns before rows: the same maximum.
            after = readers(graph, _all(node.target).tensor)
            if len(after) == 1 and isinstance(after[0], MaxPool) and after[0].across and after[0].pad <= (after[0].stride > 1):
                found[id(after[0])] = id(maker), {"pool": (after[0].kernel, after[0].stride, after[0].pad), "rows": node}
    return found


def plan(graph: Graph) -> Plan:
    """The work of a graph."""
    out = Plan(graph)
    _aliases(out, graph)
    into = _into_maker(graph)
    scales = _scales(graph)
    work: dict[int, Work] = {}
    for node in graph.nodes:
        target = None if node.target is None else _all(node.target)
        source = _all(node.source)
        if (
            is_copy(node)
            and target is not None
            and all((target.tensor.name, c) in out.alias for c in range(target.tensor.channels)[target.channels])
        ):
            continue
        if id(node) in into:
            maker, what = into[id(node)]
            rows = what.get("rows")
            if rows is None:
                work[maker] = replace(work[maker], target=target, **what)
            else:
                # The convolution pools along x; then come the rows, into the target of both.
                between = Tensor(
                    f"{rows.name} across", source.tensor.channels, _all(rows.source).tensor.height, target.tensor.width
                )
                work[maker] = replace(work[maker], target=Slice(between), pool=what["pool"])
                work[id(rows)] = Work(replace(rows, source=between, target=node.target), target, Slice(between))
            continue
        if id(node) in {id(s) for s in scales.values()}:
            continue
        made = Work(node, target, source)
        first = next((s for s in node.sources if (id(node), s.tensor.name) in scales), None)
        if first is not None:
            scale = scales[id(node), first.tensor.name]
            inner = _all(scale.source)
            part = Slice(inner.tensor, inner.first + first.first * inner.step, first.count, inner.step * first.step)
            made = replace(made, source=part, gate=scale.by)
            if isinstance(node, Add) and first == node.sources[1]:
                flipped = replace(node, source=node.other, other=node.source, up=node.up[::-1])
                made = replace(made, node=flipped)
        elif isinstance(node, Scale):
            made = replace(made, gate=node.by)
        work[id(node)] = made
    out.work = list(work.values())
    _means(out)
    return out


def _scales(graph: Graph) -> dict[tuple[int, str], Scale]:
    """Scales that the one operation does which reads the scaled channels: by the reader's identity and the name of what it
    reads."""
    found = {}
    for scale in graph.nodes:
        if not isinstance(scale, Scale) or scale.shift != GATE_SHIFT:
            continue
        target, source = _all(scale.target), _all(scale.source)
        after = readers(graph, target.tensor)
        if len(after) != 1 or source.tensor.signed or target.tensor.signed or not _whole(target):
            continue
        reader = after[0]
        parts = [s for s in reader.sources if s.tensor == target.tensor]
        dense = (
            isinstance(reader, Multibit)
            and not reader.depthwise
            and (not scale.by_element or (reader.basis.shape[2:] == (1, source.tensor.width) and reader.pad == (0, 0)))
        )
        if len(parts) == 1 and _whole(parts[0]) and (dense or (isinstance(reader, Add) and not scale.by_element)):
            found[id(reader), target.tensor.name] = scale
    return found


def _means(out: Plan) -> None:
    """Means that are made by the operations whose channels they are of."""
    graph = out.graph
    for number, work in enumerate(out.work):
        node = work.node
        if not isinstance(node, GlobalAverage):
            continue
        x = work.source
        wanted = set(out.channels(x))
        plane = x.tensor.height * x.tensor.width
        makers = [i for i, w in enumerate(out.work[:number]) if w.target is not None and wanted & set(out.channels(w.target))]
        there = set().union(*(out.channels(out.work[i].target) for i in makers)) if makers else set()
        possible = (
            wanted <= there
            and len(wanted) == x.count
            and plane <= MAX_TAPS
            and node.target.signed == x.tensor.signed
            and 0 <= node.alpha < 256
            and all(not out.work[i].means and out.work[i].table is None for i in makers)
            and not any(isinstance(out.work[i].node, GlobalAverage) for i in makers)
            and not any(graph.tensors.get(n, x.tensor).sortable for n, _ in wanted)
        )
        if possible:
            for i in makers:
                out.work[i] = replace(out.work[i], means=(node,))
            out.work[number] = replace(work, means=(node,))
    out.work = [w for w in out.work if not (isinstance(w.node, GlobalAverage) and w.means)]
