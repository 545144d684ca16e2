"""The bundle: everything the hardware needs to know of a trained network, as JSON and safetensors (``docs/bundle.md``).

``bundle.json`` holds the graph, the classes, the training's protocol and figures and the SHA-256 of the other files;
``tensors.safetensors`` the integers; ``golden.safetensors`` (optional) the parameters of the PyTorch model they came from.
A bundle is read only when every hash, shape, version and range is right. Nothing here needs PyTorch, and nothing is pickled.
"""

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from sw import files
from sw.errors import PopbeatError
from sw.export.binary.rhythm import hidden_bits
from sw.export.front.normaliser import NormaliserSpec
from sw.networks import MAX_WINDOW, MULTIPLE_BITS, BinaryNetwork, Rhythm, of_kind

FORMAT = "popbeat-bundle"
VERSION = 1
HEAD_BITS = 14
SHIFT_BITS = 4
RHYTHM_BITS = 8
MARK_BITS = MAX_WINDOW.bit_length() - 1
MAX_BYTES = 16 << 20
SHIPPED = Path(__file__).resolve().parents[1] / "models" / "bundles"


@dataclass(frozen=True)
class Head:
    """Per class, ``int32[classes]``: logit = sum over positions of (x >= 0 ? positive : negative) * x + offset << offset_shift.

    The constants have ``HEAD_BITS`` bits, signed; ``offset`` is for the sum over all positions, times their number. ``rhythm``
    (of a network whose head takes rhythm bits) ``int32[classes, comparisons + hidden]`` of ``RHYTHM_BITS`` bits, signed: each bit
    adds its weight << ``rhythm_shift`` to the logit where it is 1, and takes it away where it is 0. ``hidden``, ``int8[hidden,
    comparisons]``, holds the hidden bits' weights, -1 and +1, and ``hidden_threshold``, ``int32[hidden]``, how many of the
    comparisons' bits must equal them.
    """

    positive: np.ndarray
    negative: np.ndarray
    offset: np.ndarray
    offset_shift: int
    rhythm: np.ndarray | None = None
    rhythm_shift: int = 0
    hidden: np.ndarray | None = None
    hidden_threshold: np.ndarray | None = None

    def all_bits(self, bits: np.ndarray) -> np.ndarray:
        """Rhythm bits ``uint8[n, comparisons]`` with the hidden ones behind them."""
        if self.hidden is None:
            return bits
        return np.concatenate([bits, hidden_bits(bits, self.hidden, self.hidden_threshold)], axis=1)

    def of_bits(self, bits: np.ndarray) -> np.ndarray:
        """What bits ``uint8[n, comparisons + hidden]`` add to the logits: ``int64[n, classes]``."""
        return (2 * bits.astype(np.int64) - 1) @ self.rhythm.T.astype(np.int64) << self.rhythm_shift


@dataclass(frozen=True)
class Bundle:
    """A network in integers.

    ``weights``: per block ``int8[out, in, kernel]`` of -1 and +1. ``thresholds``: per block but the last ``int32[out]``; an
    output bit is 1 where the pooled sum reaches it (block 1: the sum in units of 2^-8; later blocks: the number of products
    that are +1). ``pads``: per block from the second on ``uint8[in]``, the bit that stands beyond the ends of each channel.
    """

    model: str
    task: str
    classes: tuple[str, ...]
    network: BinaryNetwork
    weights: tuple[np.ndarray, ...]
    thresholds: tuple[np.ndarray, ...]
    pads: tuple[np.ndarray, ...]
    head: Head
    normaliser: NormaliserSpec = NormaliserSpec()
    training: dict = field(default_factory=dict)

    def __post_init__(self):
        _validate(self)

    @cached_property
    def pad_value(self) -> int:
        """What stands beyond the ends of block 1's input: +1 in units of z."""
        return 1 << self.normaliser.z_fraction

    def threshold_range(self, block: int) -> tuple[int, int]:
        """Least and largest threshold of a block: below every sum (always 1) and above every sum (never)."""
        taps = self.network.blocks[block].taps
        if block == 0:
            limit = taps << (self.normaliser.z_bits - 1)
            return -limit, limit + 1
        return 0, taps + 1

    def threshold_bits(self, block: int) -> int:
        """Bits that a stored threshold of a block takes."""
        low, high = self.threshold_range(block)
        return high.bit_length() + (low < 0)

    @cached_property
    def sha256(self) -> str:
        """Hash of the integers and the graph: bundles with equal hashes are the same hardware."""
        return files.sha256(self._graph_bytes() + save(self.tensors()))

    def _graph_bytes(self) -> bytes:
        rhythm = (self.network.rhythm, self.head.rhythm_shift) if self.network.rhythm else ()
        return repr((self.network, self.normaliser, self.head.offset_shift, *rhythm)).encode()

    def tensors(self) -> dict[str, np.ndarray]:
        """The tensors of ``tensors.safetensors`` by name."""
        out = {f"block{i + 1}.weight": w for i, w in enumerate(self.weights)}
        out |= {f"block{i + 1}.threshold": t for i, t in enumerate(self.thresholds)}
        out |= {f"block{i + 2}.pad": p for i, p in enumerate(self.pads)}
        return out | {f"head.{name}": getattr(self.head, name) for name in _head_names(self.network)}


def _head_names(network: BinaryNetwork) -> tuple[str, ...]:
    """The head's tensors."""
    taken = network.rhythm
    of_bits = ("rhythm",) if taken and taken.head else ()
    return ("positive", "negative", "offset", *of_bits, *(("hidden", "hidden_threshold") if of_bits and taken.hidden else ()))


def check_tensor(name: str, array: np.ndarray, shape: tuple[int, ...], dtype, low: int, high: int) -> None:
    """Raise unless a tensor has its type, its shape and values from ``low`` to ``high``."""
    if array.dtype != dtype or array.shape != shape:
        raise PopbeatError(
            f"tensor {name} is {array.dtype}{list(array.shape)}, and the network needs {np.dtype(dtype)}{list(shape)}"
        )
    if array.size and (array.min() < low or array.max() > high):
        raise PopbeatError(f"tensor {name} holds {array.min()} to {array.max()}; allowed are {low} to {high}")


def check_head(bundle) -> None:
    """Raise unless names, classes, training and window of a bundle of any kind are sound."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,31}", bundle.model):
        raise PopbeatError(f"model name {bundle.model!r} is no short lower-case identifier such as bnn17")
    for what, name in (("task", bundle.task), *(("class", name) for name in bundle.classes)):
        if not re.fullmatch(r"[\w][\w +/-]{0,63}", name):
            raise PopbeatError(f"{what} name {name!r} is no short word")
    if not isinstance(bundle.training, dict):
        raise PopbeatError(f"training is {bundle.training!r}, not an object")
    if len(bundle.classes) != bundle.network.classes or len(set(bundle.classes)) != len(bundle.classes):
        raise PopbeatError(f"{len(bundle.classes)} class names for a network with {bundle.network.classes} classes")
    if bundle.network.window != bundle.normaliser.window:
        raise PopbeatError(f"normaliser window {bundle.normaliser.window} and network window {bundle.network.window} differ")


def _validate(bundle: Bundle) -> None:
    blocks = bundle.network.blocks

    check_head(bundle)
    for count, kind in (
        (len(bundle.weights), "weight"),
        (len(bundle.thresholds) + 1, "threshold"),
        (len(bundle.pads) + 1, "pad"),
    ):
        if count != len(blocks):
            raise PopbeatError(f"{kind} tensors do not match the network's {len(blocks)} blocks")
    for i, block in enumerate(blocks):
        shape = block.out_channels, block.in_channels, block.kernel
        check_tensor(f"block{i + 1}.weight", bundle.weights[i], shape, np.int8, -1, 1)
        if not bundle.weights[i].all():
            raise PopbeatError(f"tensor block{i + 1}.weight holds 0; binary weights are -1 and +1")
        if i < len(blocks) - 1:
            check_tensor(f"block{i + 1}.threshold", bundle.thresholds[i], shape[:1], np.int32, *bundle.threshold_range(i))
        if i > 0:
            check_tensor(f"block{i + 1}.pad", bundle.pads[i - 1], shape[1:2], np.uint8, 0, 1)
    limit = 1 << (HEAD_BITS - 1)
    for name in ("positive", "negative", "offset"):
        check_tensor(f"head.{name}", getattr(bundle.head, name), (len(bundle.classes),), np.int32, -limit, limit - 1)
    if "rhythm" in _head_names(bundle.network):
        taken, limit = bundle.network.rhythm, 1 << (RHYTHM_BITS - 1)
        check_tensor("head.rhythm", bundle.head.rhythm, (len(bundle.classes), taken.bits), np.int32, -limit, limit - 1)
        if taken.hidden:
            count = len(taken.comparisons)
            check_tensor("head.hidden", bundle.head.hidden, (taken.hidden, count), np.int8, -1, 1)
            check_tensor("head.hidden_threshold", bundle.head.hidden_threshold, (taken.hidden,), np.int32, 0, count + 1)
            if not bundle.head.hidden.all():
                raise PopbeatError("tensor head.hidden holds 0; binary weights are -1 and +1")
    for name in ("offset_shift", "rhythm_shift"):
        if not 0 <= getattr(bundle.head, name) < 1 << SHIFT_BITS:
            raise PopbeatError(f"head.{name} is {getattr(bundle.head, name)}; allowed are 0 to {(1 << SHIFT_BITS) - 1}")


def write(bundle: Bundle, folder: Path, golden: bytes | None = None) -> Path:
    """Write a bundle into ``folder``; ``bundle.json`` comes last, so that a half-written bundle is none."""
    graph = {
        "kind": "binary",
        "window": bundle.network.window,
        "channels": list(bundle.network.channels),
        "head": {"offset_shift": bundle.head.offset_shift},
    }
    if bundle.network.rhythm:
        graph["rhythm"] = asdict(bundle.network.rhythm)
        graph["head"]["rhythm_shift"] = bundle.head.rhythm_shift
    return write_parts(bundle, graph, len(pack(bundle)), folder, golden)


def write_parts(bundle, network: dict, stored_bytes: int, folder: Path, golden: bytes | None) -> Path:
    """Write a bundle of any kind, whose graph is ``network``: tensors, golden parameters, and ``bundle.json`` at the end."""
    tensors = save(bundle.tensors())
    hashes = {"tensors.safetensors": files.sha256(tensors)}
    files.write_bytes(folder / "tensors.safetensors", tensors)
    if golden is not None:
        hashes["golden.safetensors"] = files.sha256(golden)
        files.write_bytes(folder / "golden.safetensors", golden)
    return files.write_json(
        folder / "bundle.json",
        {
            "format": FORMAT,
            "version": VERSION,
            "model": bundle.model,
            "task": bundle.task,
            "classes": list(bundle.classes),
            "network": network,
            "normaliser": vars_of(bundle.normaliser),
            "stored_bytes": stored_bytes,
            "files": hashes,
            "training": bundle.training,
        },
    )


def vars_of(spec: NormaliserSpec) -> dict[str, int]:
    """The declared fields of a normaliser's parameters."""
    return {name: getattr(spec, name) for name in NormaliserSpec.__dataclass_fields__}


def read(folder: Path | str) -> Bundle:
    """Read and check the bundle of a binary network; every fault is a :class:`PopbeatError` naming the file and the value."""
    return read_parts(folder, _assemble)


def read_parts(folder: Path | str, assemble: Callable[[dict, dict[str, np.ndarray]], Any]):
    """Read a bundle of any kind; ``assemble`` makes it of the graph and the tensors, whose hashes are right."""
    folder = Path(folder)
    if not folder.is_dir():
        raise PopbeatError(f"bundle not found: {folder} is no folder; name one that holds bundle.json")
    path = folder / "bundle.json"
    graph = files.read_json(path, "bundle")
    if not isinstance(graph, dict) or graph.get("format") != FORMAT:
        raise PopbeatError(f"{path} is no popbeat bundle: its format is not {FORMAT!r}")
    if graph.get("version") != VERSION:
        raise PopbeatError(f"{path} has version {graph.get('version')!r}; this popbeat reads version {VERSION}")
    tensors = _load(folder, graph, path, "tensors.safetensors")
    try:
        for name, kind in (("model", str), ("task", str), ("classes", list)):
            if not isinstance(graph[name], kind):
                raise PopbeatError(f"{name} is {graph[name]!r}, not a {kind.__name__}")
        if not all(isinstance(name, str) for name in graph["classes"]):
            raise PopbeatError("classes must be strings")
        return assemble(graph, tensors)
    except PopbeatError as error:
        raise PopbeatError(f"bundle {folder}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PopbeatError(f"bundle {path} is malformed: {error!r}; docs/bundle.md describes the format") from None


def check_names(expected: set[str], tensors: dict[str, np.ndarray]) -> None:
    """Raise unless the tensors are those of the network, none more and none fewer."""
    if expected != tensors.keys():
        odd = ", ".join(sorted(expected ^ tensors.keys()))
        raise PopbeatError(f"tensors.safetensors has other tensors than the network; missing or too many: {odd}")


def _assemble(graph: dict, tensors: dict[str, np.ndarray]) -> Bundle:
    network, shift = graph["network"], graph["network"].get("head", {}).get("offset_shift")
    if network["kind"] == "graph":
        raise PopbeatError(
            "network kind 'graph' can't be used here: this command takes binary networks, of which there are "
            + ", ".join(of_kind(BinaryNetwork))
        )
    if network["kind"] != "binary":
        raise PopbeatError(f"network kind {network['kind']!r} is unknown; known are 'binary' and 'graph'")
    rhythm_shift = network["head"].get("rhythm_shift", 0)
    for name, value in (("offset_shift", shift), ("rhythm_shift", rhythm_shift)):
        if type(value) is not int:
            raise PopbeatError(f"{name} is {value!r} and must be an integer")
    shape = BinaryNetwork(tuple(network["channels"]), network["window"], _rhythm(network.get("rhythm")))
    count = len(shape.channels)
    expected = {f"block{i}.weight" for i in range(1, count + 1)} | {f"block{i}.threshold" for i in range(1, count)}
    expected |= {f"block{i}.pad" for i in range(2, count + 1)} | {f"head.{name}" for name in _head_names(shape)}
    check_names(expected, tensors)
    return Bundle(
        model=graph["model"],
        task=graph["task"],
        classes=tuple(graph["classes"]),
        network=shape,
        weights=tuple(tensors[f"block{i}.weight"] for i in range(1, count + 1)),
        thresholds=tuple(tensors[f"block{i}.threshold"] for i in range(1, count)),
        pads=tuple(tensors[f"block{i}.pad"] for i in range(2, count + 1)),
        head=Head(
            *(tensors[f"head.{n}"] for n in ("positive", "negative", "offset")),
            shift,
            tensors.get("head.rhythm"),
            rhythm_shift,
            tensors.get("head.hidden"),
            tensors.get("head.hidden_threshold"),
        ),
        normaliser=NormaliserSpec(**graph["normaliser"]),
        training=graph.get("training", {}),
    )


def _rhythm(stored: dict | None) -> Rhythm | None:
    """The rhythm of a graph, None where there is none."""
    if stored is None:
        return None
    if not isinstance(stored, dict) or not isinstance(stored.get("comparisons"), list):
        raise PopbeatError(f"network.rhythm is {str(stored)[:80]!r}, not an object with block, words, comparisons and marks")
    comparisons = tuple(tuple(c) for c in stored["comparisons"])
    return Rhythm(**stored | {"comparisons": comparisons, "marks": tuple(stored.get("marks", ()))})


def _read_hashed(folder: Path, graph: dict, path: Path, name: str) -> bytes:
    listed = graph.get("files")
    wanted = listed.get(name) if isinstance(listed, dict) else None
    if not isinstance(wanted, str):
        raise PopbeatError(f"{path} gives no SHA-256 for {name}")
    file = folder / name
    if not file.is_file():
        raise PopbeatError(f"bundle file not found: {file}")
    if file.stat().st_size > MAX_BYTES:
        raise PopbeatError(f"{file} has {file.stat().st_size} bytes; a bundle's file has at most {MAX_BYTES}")
    content = file.read_bytes()
    if files.sha256(content) != wanted:
        raise PopbeatError(f"{file} has SHA-256 {files.sha256(content)}, and {path} says {wanted}: it is damaged or changed")
    return content


def read_golden(folder: Path) -> dict[str, np.ndarray] | None:
    """The golden model's parameters by name, or None where the bundle has none."""
    path = Path(folder) / "bundle.json"
    graph = files.read_json(path, "bundle")
    if "golden.safetensors" not in graph["files"]:
        return None
    return _load(Path(folder), graph, path, "golden.safetensors")


def _load(folder: Path, graph: dict, path: Path, name: str) -> dict[str, np.ndarray]:
    content = _read_hashed(folder, graph, path, name)
    try:
        return load(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise PopbeatError(f"{folder / name} can't be read as safetensors: {error}") from None


def locate(model: str | None, path: str | None) -> Path:
    """Folder of a bundle: ``path`` where one is given, else the shipped bundle of ``model``."""
    if path:
        return Path(path)
    folder = SHIPPED / str(model)
    if not folder.is_dir():
        known = ", ".join(sorted(p.name for p in SHIPPED.iterdir() if p.is_dir())) if SHIPPED.is_dir() else "none"
        raise PopbeatError(f"unknown model {model!r}; bundles are there for {known}")
    return folder


class BitWriter:
    """Integers one after the other without gaps, most significant bit first."""

    def __init__(self):
        self._bits: list[np.ndarray] = []

    def put(self, values, width: int) -> None:
        """``width`` bits of each of ``values``: two's complement where they are negative."""
        values = np.asarray(values, dtype=np.int64).reshape(-1, 1)
        self._bits.append(((values >> np.arange(width - 1, -1, -1)) & 1).reshape(-1).astype(np.uint8))

    def bytes(self) -> bytes:
        """Everything so far; the last byte is filled with zeros."""
        return np.packbits(np.concatenate(self._bits)).tobytes()


class BitReader:
    """The inverse of :class:`BitWriter`."""

    def __init__(self, data: bytes):
        self._bits = np.unpackbits(np.frombuffer(data, np.uint8))
        self._place = 0

    def get(self, shape: tuple[int, ...], width: int, signed: bool = False) -> np.ndarray:
        """``int64[shape]`` of ``width`` bits each."""
        count = int(np.prod(shape))
        end = self._place + count * width
        if end > len(self._bits):
            raise PopbeatError(f"packed network ends after {len(self._bits)} bits, and {end} are needed")
        field_bits = self._bits[self._place : end].reshape(count, width).astype(np.int64)
        self._place = end
        values = (field_bits << np.arange(width - 1, -1, -1)).sum(axis=1).reshape(shape)
        return values - ((values >> (width - 1)) << width) if signed else values


def pack(bundle: Bundle) -> bytes:
    """Every stored bit of the network, packed without gaps: the size that is reported is this string's length.

    In order: each block's weights (1 for +1), thresholds (less their least value) and, for all blocks but the last, one
    direction bit a channel (the next block's pad); the head's constants in two's complement; the offset's shift; of a rhythm every
    comparison and mark, and where the head takes its bits their weights and shift, then the hidden bits' weights (1 for +1) and
    thresholds.
    """
    out = BitWriter()
    for i, weight in enumerate(bundle.weights):
        out.put(weight > 0, 1)
        if i < len(bundle.thresholds):
            out.put(bundle.thresholds[i] - bundle.threshold_range(i)[0], bundle.threshold_bits(i))
            out.put(bundle.pads[i], 1)
    for name in ("positive", "negative", "offset"):
        out.put(getattr(bundle.head, name), HEAD_BITS)
    out.put(bundle.head.offset_shift, SHIFT_BITS)
    rhythm = bundle.network.rhythm
    if rhythm:
        for place, width in enumerate(_comparison_widths(rhythm)):
            out.put([c[place] for c in rhythm.comparisons], width)
        out.put(rhythm.marks, MARK_BITS)
        if rhythm.head:
            out.put(bundle.head.rhythm, RHYTHM_BITS)
            out.put(bundle.head.rhythm_shift, SHIFT_BITS)
        if rhythm.hidden:
            out.put(bundle.head.hidden > 0, 1)
            out.put(bundle.head.hidden_threshold, _hidden_threshold_bits(rhythm))
    return out.bytes()


def _hidden_threshold_bits(rhythm: Rhythm) -> int:
    """Bits of a hidden bit's threshold."""
    return (len(rhythm.comparisons) + 1).bit_length()


def _comparison_widths(rhythm: Rhythm) -> tuple[int, int, int]:
    """Bits of a comparison's two words and of its multiple."""
    return rhythm.words.bit_length(), rhythm.words.bit_length(), MULTIPLE_BITS


def unpack(data: bytes, like: Bundle) -> Bundle:
    """The inverse of :func:`pack`, for the geometry and names of ``like``: shows that the packed bits are the whole network."""
    stored = BitReader(data)
    weights, thresholds, pads = [], [], []
    for i, weight in enumerate(like.weights):
        weights.append((2 * stored.get(weight.shape, 1) - 1).astype(np.int8))
        if i < len(like.thresholds):
            low = like.threshold_range(i)[0]
            thresholds.append((stored.get(weight.shape[:1], like.threshold_bits(i)) + low).astype(np.int32))
            pads.append(stored.get(like.pads[i].shape, 1).astype(np.uint8))
    constants = [stored.get((len(like.classes),), HEAD_BITS, signed=True).astype(np.int32) for _ in range(3)]
    head = Head(*constants, int(stored.get((1,), SHIFT_BITS)[0]))
    network, rhythm = like.network, like.network.rhythm
    if rhythm:
        parts = [stored.get((len(rhythm.comparisons),), width).tolist() for width in _comparison_widths(rhythm)]
        marks = tuple(stored.get((len(rhythm.marks),), MARK_BITS).tolist())
        network = replace(network, rhythm=replace(rhythm, comparisons=tuple(zip(*parts, strict=True)), marks=marks))
        if rhythm.head:
            weights_of_bits = stored.get(like.head.rhythm.shape, RHYTHM_BITS, signed=True).astype(np.int32)
            head = replace(head, rhythm=weights_of_bits, rhythm_shift=int(stored.get((1,), SHIFT_BITS)[0]))
        if rhythm.hidden:
            hidden = (2 * stored.get(like.head.hidden.shape, 1) - 1).astype(np.int8)
            reached = stored.get((rhythm.hidden,), _hidden_threshold_bits(rhythm)).astype(np.int32)
            head = replace(head, hidden=hidden, hidden_threshold=reached)
    return Bundle(
        like.model, like.task, like.classes, network, tuple(weights), tuple(thresholds), tuple(pads), head, like.normaliser
    )
