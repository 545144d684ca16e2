"""The bundle of a network for the multi-bit array: a graph of integer operations with its tensors (``docs/bundle.md``).

Everything that :mod:`sw.export.bundle` says of hashes, versions and pickles holds here too.
"""

import math
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from sw import files
from sw.errors import PopbeatError
from sw.export import bundle as common
from sw.export.array import packing
from sw.export.array.graph import Add, Average, GlobalAverage, Graph, MaxPool, Multibit, Node, Scale, Slice, Tensor, _all
from sw.export.array.program import BIAS_BITS, FIELDS, SHIFT_BITS, SUM_BITS
from sw.export.front import image
from sw.export.front.normaliser import NormaliserSpec
from sw.networks import COUNT_BITS

KIND = "graph"
WINDOW, IMAGE = FRONTS = ("window", "image")
ONE, SET = ANSWERS = ("one", "set")
MAX_NODES, MAX_TENSORS, MAX_NAME = 1023, 1023, 64
OPERATIONS = {
    "convolution": Multibit,
    "add": Add,
    "average": Average,
    "global average": GlobalAverage,
    "max pool": MaxPool,
    "scale": Scale,
}
TENSORS = ("count", "basis", "alpha", "shift", "bias")
TYPES = {"count": np.uint8, "basis": np.uint8, "alpha": np.uint8, "shift": np.uint8, "bias": np.int16}


@dataclass(frozen=True)
class Shape:
    """``classes`` logits; raw samples a ``window`` or beat; multiply-accumulates (``macs``) of all convolutions and dense layers,
    padding included, as publications count them; ``words`` in front of a window's samples."""

    classes: int
    window: int
    macs: int
    words: int = 0


@dataclass(frozen=True)
class GraphBundle:
    """A network for the array, in integers.

    ``graph``: its operations. ``front``: what makes the graph's input of raw samples: ``window`` (z-scores of a window by the
    ``normaliser``, rounded to ``input_fraction`` bits behind the point and clipped to int8) or ``image`` (the Gramian angular
    summation field of a beat, :mod:`sw.export.front.image`). ``answer``: ``one`` class, that of the largest logit, or a ``set`` of
    labels, those whose logit is 0 or more. ``alpha_bits``: bits of every coefficient.
    """

    model: str
    task: str
    classes: tuple[str, ...]
    graph: Graph
    front: str = WINDOW
    answer: str = ONE
    input_fraction: int = 4
    alpha_bits: int = 8
    normaliser: NormaliserSpec = NormaliserSpec()
    training: dict = field(default_factory=dict)

    def __post_init__(self):
        _validate(self)

    @cached_property
    def network(self) -> "Shape":
        """What all kinds of bundles say of their networks."""
        window = image.SAMPLES if self.front == IMAGE else self.graph.source.width
        return Shape(len(self.graph.nodes[-1].count), window, sum(_macs(node) for node in self.graph.nodes))

    @cached_property
    def convolutions(self) -> tuple[Multibit, ...]:
        """The nodes with weights."""
        return tuple(node for node in self.graph.nodes if isinstance(node, Multibit))

    @cached_property
    def width(self) -> float:
        """Bases a weight."""
        stored = sum(node.basis.size for node in self.convolutions)
        return stored / sum(len(node.count) * int(np.prod(node.basis.shape[1:])) for node in self.convolutions)

    @cached_property
    def mac_width(self) -> float:
        """Bases a multiply-accumulate: what the array's time goes with."""
        return sum(_macs(node) * len(node.alpha) / len(node.count) for node in self.convolutions) / self.network.macs

    @property
    def bases(self) -> list[int]:
        """Bases of each convolution, over all of its channels."""
        return [len(node.alpha) for node in self.convolutions]

    @cached_property
    def input_shift(self) -> int:
        """Bits by which a normalised sample is shifted to become an input of the graph (front ``window``)."""
        return self.normaliser.z_fraction - self.input_fraction

    @cached_property
    def sha256(self) -> str:
        """Hash of the integers and the graph: bundles with equal hashes are the same hardware."""
        described = (description(self), self.normaliser)
        return files.sha256(repr(described).encode() + save(self.tensors()))

    def tensors(self) -> dict[str, np.ndarray]:
        """The tensors of ``tensors.safetensors`` by name, nodes numbered from 1. Bases are packed: eight signs a byte, the first in
        the highest bit, 1 for +1."""
        out = {}
        for number, node in enumerate(self.graph.nodes, start=1):
            if isinstance(node, Multibit):
                for name in TENSORS:
                    value = np.asarray(getattr(node, name))
                    value = np.packbits(value.reshape(-1) > 0) if name == "basis" else value.astype(TYPES[name])
                    out[f"node{number}.{name}"] = value
            elif isinstance(node, Average) and node.table is not None:
                out[f"node{number}.table"] = np.asarray(node.table, np.uint8)
        return out


def _macs(node: Node) -> int:
    if not isinstance(node, Multibit):
        return 0
    return node.out_height * node.conv_width * len(node.count) * int(np.prod(node.basis.shape[1:]))


def _validate(bundle: GraphBundle) -> None:
    graph, source = bundle.graph, bundle.graph.source
    if bundle.front not in FRONTS or bundle.answer not in ANSWERS:
        raise PopbeatError(
            f"front {bundle.front!r} or answer {bundle.answer!r} is unknown; known are {', '.join(FRONTS)} and {', '.join(ANSWERS)}"
        )
    if type(bundle.input_fraction) is not int or not 0 <= bundle.input_fraction < 8:
        raise PopbeatError(f"input_fraction is {bundle.input_fraction!r}; allowed are 0 to 7")
    if bundle.front == WINDOW and bundle.input_shift < 1:
        raise PopbeatError(f"z_fraction is {bundle.normaliser.z_fraction}; the graph needs more than {bundle.input_fraction}")
    if type(bundle.alpha_bits) is not int or not 4 <= bundle.alpha_bits <= 8:
        raise PopbeatError(f"alpha_bits is {bundle.alpha_bits!r}; allowed are 4 to 8")
    if len(graph.nodes) > MAX_NODES or len(graph.tensors) > MAX_TENSORS:
        raise PopbeatError(f"a graph has at most {MAX_NODES} nodes and {MAX_TENSORS} tensors")
    _check_called("tensor", list(graph.tensors))
    _check_called("node", [node.name for node in graph.nodes])
    for tensor in graph.tensors.values():
        for number in packing.TENSOR:
            number.check(getattr(tensor, number.name), f"tensor {tensor.name!r}")
        sizes = tensor.channels, tensor.height, tensor.width
        if int(np.prod(sizes)) > 1 << FIELDS["in_base"]:
            raise PopbeatError(f"tensor {tensor.name!r} of {sizes} values is larger than any array's memory")
    if source.channels != 1 or not source.signed:
        raise PopbeatError("a graph takes one channel of int8 values")
    if bundle.front == IMAGE and (source.height, source.width) != (image.POINTS, image.POINTS):
        raise PopbeatError(
            f"images have {image.POINTS} x {image.POINTS} values, and the graph takes {source.height} x {source.width}"
        )
    if bundle.front == WINDOW and source.height != 1:
        raise PopbeatError(f"a window is one row, and the graph takes {source.height}")
    written = {name: np.zeros(t.channels, bool) for name, t in graph.tensors.items()}
    written[source.name][:] = True
    for number, node in enumerate(graph.nodes, start=1):
        _check_node(bundle, node, f"node{number}")
        for part in node.sources:
            if not written[part.tensor.name][part.channels].all():
                raise PopbeatError(f"{node.name} reads channels of {part.tensor.name} that nothing has written")
        if node.target is not None:
            target = _all(node.target)
            if written[target.tensor.name][target.channels].any():
                raise PopbeatError(f"{node.name} writes channels of {target.tensor.name} that are written already")
            written[target.tensor.name][target.channels] = True
    common.check_head(bundle)


def _check_called(what: str, names: list) -> None:
    """Names are different strings of a length that a table has room for."""
    for name in names:
        if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME or not name.isprintable():
            raise PopbeatError(f"a {what} is called {name!r}; names have 1 to {MAX_NAME} printable characters")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise PopbeatError(f"there are two {what}s called {twice!r}")


def _check_node(bundle: GraphBundle, node: Node, name: str) -> None:
    if type(node) not in OPERATIONS.values():
        raise PopbeatError(f"{node.name} is a {type(node).__name__}, which bundles do not hold")
    for number, value in packing.numbers(node):
        number.check(value, node.name)
    for part in (*node.sources, *([] if node.target is None else [_all(node.target)])):
        for number in packing.PART:
            number.check(getattr(part, number.name), f"{part.tensor.name} in {node.name}")
    if isinstance(node, Multibit):
        _check_convolution(bundle, node, name)
    elif isinstance(node, Average) and node.table is not None:
        common.check_tensor(f"{name}.table", node.table, (256,), np.uint8, 0, 255)
    summed = {Average: lambda: node.kernel, GlobalAverage: lambda: _plane(_all(node.source).tensor)}.get(type(node))
    if summed is not None:
        _check_sum(node, int(np.prod(summed())))
    zeros = [np.zeros((1, p.count, p.tensor.height, p.tensor.width), np.int64) for p in node.sources]
    try:
        shape = node.reference(*zeros).shape[1:]
    except (ValueError, IndexError, ZeroDivisionError) as error:
        raise PopbeatError(f"{node.name} does not fit what it reads: {error}") from None
    if node.target is None:
        wanted = (len(bundle.classes), 1, 1)
    else:
        target = _all(node.target)
        wanted = target.count, target.tensor.height, target.tensor.width
    if tuple(shape) != wanted:
        raise PopbeatError(f"{node.name} makes {tuple(shape)} values, and {wanted} are wanted")


def _plane(tensor: Tensor) -> tuple[int, int]:
    return tensor.height, tensor.width


def _check_sum(node: Node, values: int) -> None:
    """Raise unless the sum of so many inputs fits."""
    largest = values * (128 if _all(node.source).tensor.signed else 255)
    if largest >= 1 << (SUM_BITS - 1):
        raise PopbeatError(f"{node.name} sums {values} values, which can need more than {SUM_BITS} bits")


def _check_convolution(bundle: GraphBundle, node: Multibit, name: str) -> None:
    out, inputs = len(node.count), node.basis.shape[1]
    seen = _all(node.source).count
    if inputs != (1 if node.depthwise else seen) or (node.depthwise and out != seen):
        raise PopbeatError(f"{node.name} has weights for {inputs} channels and reads {seen}")
    n = int(np.sum(node.count))
    for what, low, high, count in (
        ("count", 0, (1 << COUNT_BITS) - 1, out),
        ("alpha", 1, (1 << bundle.alpha_bits) - 1, n),
        ("shift", 0, (1 << SHIFT_BITS) - 1, out),
        ("bias", -(1 << (BIAS_BITS - 1)), (1 << (BIAS_BITS - 1)) - 1, out),
    ):
        common.check_tensor(f"{name}.{what}", np.asarray(getattr(node, what)), (count,), np.int64, low, high)
    if node.basis.shape[0] != n or not np.isin(node.basis, (-1, 1)).all():
        raise PopbeatError(f"{name}.basis has {node.basis.shape[0]} bases of -1 and +1, and {n} are counted")
    # Then every accumulator fits into 32 bits: 7 bases times an alpha of 8 bits times a sum of 18, and 2^15 times 2^15.
    _check_sum(node, math.prod(node.basis.shape[1:]))


def _named(part: Tensor | Slice) -> str | dict:
    """A tensor by its name; some of its channels as an object."""
    part = _all(part)
    if packing.whole(part):
        return part.tensor.name
    return {"tensor": part.tensor.name, "first": part.first, "count": part.count, "step": part.step}


def description(bundle: GraphBundle) -> dict:
    """The member ``network`` of ``bundle.json``."""
    nodes = []
    for node in bundle.graph.nodes:
        op = next(name for name, kind in OPERATIONS.items() if type(node) is kind)
        out = {"op": op, "name": node.name, "source": _named(node.source)}
        if isinstance(node, Add):
            out |= {"other": _named(node.other), "up": list(node.up), "shift": node.shift}
        if isinstance(node, Scale):
            out |= {"by": node.by.name, "shift": node.shift}
        if node.target is not None:
            out["target"] = _named(node.target)
        if isinstance(node, Multibit):
            out |= {"channels": len(node.count), "kernel": list(node.basis.shape[2:]), "depthwise": node.depthwise}
            out |= {name: list(getattr(node, name)) for name in ("stride", "pad", "pool")} | {"bias_shift": node.bias_shift}
        if isinstance(node, Average):
            out |= {"kernel": list(node.kernel), "stride": list(node.stride), "alpha": node.alpha, "shift": node.shift}
            out["table"] = node.table is not None
        if isinstance(node, GlobalAverage):
            out |= {"alpha": node.alpha, "shift": node.shift}
        if isinstance(node, MaxPool):
            out |= {"kernel": node.kernel, "stride": node.stride, "across": node.across, "pad": node.pad}
        nodes.append(out)
    return {
        "kind": KIND,
        "front": bundle.front,
        "answer": bundle.answer,
        "input_fraction": bundle.input_fraction,
        "alpha_bits": bundle.alpha_bits,
        "source": bundle.graph.source.name,
        "tensors": [vars(t) for t in bundle.graph.tensors.values()],
        "nodes": nodes,
    }


def write(bundle: GraphBundle, folder: Path, golden: bytes | None = None) -> Path:
    """Write a bundle into ``folder``; ``bundle.json`` comes last, so that a half-written bundle is none."""
    return common.write_parts(bundle, description(bundle), len(packing.pack(bundle)), folder, golden)


def read(folder: Path | str) -> GraphBundle:
    """Read and check a graph's bundle; every fault is a :class:`PopbeatError` naming the file and the value."""
    return common.read_parts(folder, _assemble)


class _Reader:
    """Makes the nodes of a stored graph with its tensors; ``expected``: names of the tensors that they want."""

    def __init__(self, known: dict[str, Tensor], tensors: dict[str, np.ndarray]):
        self.known, self.tensors = known, tensors
        self.expected: set[str] = set()

    def called(self, name) -> Tensor:
        """The graph's tensor of that name."""
        if name not in self.known:
            raise PopbeatError(f"there is no tensor called {name!r}")
        return self.known[name]

    def part(self, value) -> Tensor | Slice:
        """A tensor by its name, or some of its channels."""
        if isinstance(value, str):
            return self.called(value)
        if not isinstance(value, dict) or value.keys() != {"tensor", "first", "count", "step"}:
            raise PopbeatError(f"{value!r} is no part of a tensor: a name, or tensor, first, count and step")
        of = Slice(self.called(value["tensor"]), 0, 1)
        for number in packing.PART:
            number.check(value[number.name], of.tensor.name)
        return Slice(of.tensor, *(value[number.name] for number in packing.PART))

    def node(self, number: int, node: dict) -> Node:
        """The ``number``-th node."""
        if node["op"] not in OPERATIONS:
            raise PopbeatError(f"operation {node['op']!r} is unknown; known are {', '.join(OPERATIONS)}")
        kind, name = OPERATIONS[node["op"]], node["name"]
        source, target = self.part(node["source"]), self.part(node["target"]) if "target" in node else None
        if target is None and kind is not Multibit:
            raise PopbeatError(f"{name} has no target; a convolution alone makes the logits")
        if kind is Multibit:
            self.expected |= {f"node{number}.{what}" for what in TENSORS}
            return _convolution(node, number, source, target, self.tensors)
        if kind is Add:
            return Add(name, source, self.part(node["other"]), target, tuple(node["up"]), node["shift"])
        if kind is Average:
            of = tuple(node["kernel"]), tuple(node["stride"]), node["alpha"], node["shift"]
            return Average(name, source, target, *of, self._table(number) if node["table"] else None)
        if kind is GlobalAverage:
            return GlobalAverage(name, source, target, node["alpha"], node["shift"])
        if kind is MaxPool:
            return MaxPool(name, source, target, node["kernel"], node["stride"], node["across"], node["pad"])
        return Scale(name, source, self.called(node["by"]), target, node["shift"])

    def _table(self, number: int) -> np.ndarray:
        """The table of the ``number``-th node."""
        name = f"node{number}.table"
        self.expected.add(name)
        table = _tensor(self.tensors, name)
        common.check_tensor(name, table, (256,), np.uint8, 0, 255)
        return table


def _assemble(stored: dict, tensors: dict[str, np.ndarray]) -> GraphBundle:
    network = stored["network"]
    if network["kind"] != KIND:
        raise PopbeatError(f"network kind {network['kind']!r} is not {KIND!r}")
    if len(network["nodes"]) > MAX_NODES or len(network["tensors"]) > MAX_TENSORS:
        raise PopbeatError(f"a graph has at most {MAX_NODES} nodes and {MAX_TENSORS} tensors")
    _check_called("tensor", [t["name"] for t in network["tensors"]])
    reader = _Reader({t["name"]: Tensor(**t) for t in network["tensors"]}, tensors)
    nodes = tuple(reader.node(number, node) for number, node in enumerate(network["nodes"], start=1))
    common.check_names(reader.expected, tensors)
    made = GraphBundle(
        model=stored["model"],
        task=stored["task"],
        classes=tuple(stored["classes"]),
        graph=Graph(reader.called(network["source"]), nodes, stored["model"]),
        front=network["front"],
        answer=network["answer"],
        input_fraction=network["input_fraction"],
        alpha_bits=network["alpha_bits"],
        normaliser=NormaliserSpec(**stored["normaliser"]),
        training=stored.get("training", {}),
    )
    _check_members(network, made)
    return made


def _check_members(network: dict, made: GraphBundle) -> None:
    """Raise where the stored graph says more, or less, than what was made of it."""
    wanted = description(made)
    places = [("network", network, wanted)]
    places += [(f"node {a['name']!r}", a, b) for a, b in zip(network["nodes"], wanted["nodes"], strict=True)]
    for what, stored, own in places:
        if stored.keys() != own.keys():
            odd = ", ".join(sorted(stored.keys() ^ own.keys()))
            raise PopbeatError(f"{what} has other members than it should; missing or too many: {odd}")
    unused = {t["name"] for t in network["tensors"]} - made.graph.tensors.keys()
    if unused:
        raise PopbeatError(f"no node reads or writes tensor {min(unused)!r}")


def _tensor(tensors: dict[str, np.ndarray], name: str) -> np.ndarray:
    if name not in tensors:
        raise PopbeatError(f"tensors.safetensors has no {name}, which the network needs")
    return tensors[name]


def _convolution(node: dict, number: int, source, target, tensors: dict[str, np.ndarray]) -> Multibit:
    """A convolution of its members and its tensors; bases are unpacked."""
    name = f"node{number}"
    for number, value in zip(packing.NUMBERS[Multibit][:2], node["kernel"], strict=True):
        number.check(value, node["name"])
    packing.TENSOR[0].check(node["channels"], node["name"])
    shape = (1 if node["depthwise"] else _all(source).count, *node["kernel"])
    count = _tensor(tensors, f"{name}.count")
    common.check_tensor(f"{name}.count", count, (node["channels"],), np.uint8, 0, (1 << COUNT_BITS) - 1)
    n, taps = int(count.sum()), math.prod(shape)
    for what, length in (("alpha", n), ("shift", len(count)), ("bias", len(count)), ("basis", -(-n * taps // 8))):
        kind = TYPES[what]
        limits = np.iinfo(kind)
        common.check_tensor(f"{name}.{what}", _tensor(tensors, f"{name}.{what}"), (length,), kind, limits.min, limits.max)
    signs = np.unpackbits(tensors[f"{name}.basis"], count=n * taps).astype(np.int8) * 2 - 1
    whole = {what: tensors[f"{name}.{what}"].astype(np.int64) for what in ("count", "alpha", "bias", "shift")}
    return Multibit(
        node["name"],
        source,
        target,
        basis=signs.reshape(n, *shape),
        **whole,
        bias_shift=node["bias_shift"],
        **{what: tuple(node[what]) for what in ("stride", "pad", "pool")},
        depthwise=node["depthwise"],
    )
