"""The bundle of a multi-bit network: its integers, their checks, and every stored bit (``docs/bundle.md``).

Everything that :mod:`sw.export.bundle` says of hashes, versions and pickles holds here too.
"""

from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from sw import files
from sw.errors import PopbeatError
from sw.export import bundle as common
from sw.export.bundle import BitReader, BitWriter
from sw.export.normaliser import NormaliserSpec
from sw.networks import (
    ACCUMULATOR_BITS,
    ACTIVATION_BITS,
    BIAS_BITS,
    COUNT_BITS,
    INPUT_BITS,
    INPUT_FRACTION,
    PROGRAM_BYTES,
    SHIFT_BITS,
    SUM_BITS,
    Convolution,
    MultibitNetwork,
)

KIND = "multibit"
TENSORS = ("count", "basis", "alpha", "shift", "bias")
# Widths of a layer program's fields, in their order; the rest of its 16 bytes is zero.
PROGRAM = {
    "in_channels": 11,
    "out_channels": 11,
    "length": 17,
    "kernel": 8,
    "stride": 4,
    "pad": 8,
    "pool": 8,
    "pool_stride": 4,
    "relu": 1,
    "bias_shift": 4,
    "alpha_bits": 3,
    "max_bases": 3,
}


@dataclass(frozen=True)
class StoredLayer:
    """A layer in integers. With the S_i = sum of +-x of a channel's bases, the layer's output is, before its pool,
    clip(round((sum_i alpha_i S_i + bias * 2^bias_shift) / 2^shift)), halves away from zero.

    ``count`` ``uint8[out]``: bases of each channel, n in all. ``basis`` ``int8[n, in, kernel]`` of -1 and +1, channel after
    channel; ``alpha`` ``uint8[n]`` likewise. ``shift`` ``uint8[out]``, ``bias`` ``int16[out]``; ``bias_shift`` for all channels.
    """

    count: np.ndarray
    basis: np.ndarray
    alpha: np.ndarray
    shift: np.ndarray
    bias: np.ndarray
    bias_shift: int

    @cached_property
    def owner(self) -> np.ndarray:
        """Output channel of every base, ``int64[n]``."""
        return np.repeat(np.arange(len(self.count)), self.count)

    @cached_property
    def start(self) -> np.ndarray:
        """First base of every channel and, at the end, n: ``int64[out + 1]``."""
        return np.concatenate([[0], np.cumsum(self.count, dtype=np.int64)])


@dataclass(frozen=True)
class MultibitBundle:
    """A multi-bit network in integers."""

    model: str
    task: str
    classes: tuple[str, ...]
    network: MultibitNetwork
    layers: tuple[StoredLayer, ...]
    normaliser: NormaliserSpec = NormaliserSpec()
    training: dict = field(default_factory=dict)

    def __post_init__(self):
        _validate(self)

    @cached_property
    def input_shift(self) -> int:
        """Bits by which a normalised sample is shifted to become an input of the first layer."""
        return self.normaliser.z_fraction - INPUT_FRACTION

    @property
    def bases(self) -> list[int]:
        """Bases of each layer, over all channels."""
        return [len(layer.alpha) for layer in self.layers]

    @cached_property
    def sha256(self) -> str:
        """Hash of the integers and the graph: bundles with equal hashes are the same hardware."""
        graph = (self.network, self.normaliser, [layer.bias_shift for layer in self.layers])
        return files.sha256(repr(graph).encode() + save(self.tensors()))

    def tensors(self) -> dict[str, np.ndarray]:
        """The tensors of ``tensors.safetensors`` by name."""
        return {f"layer{i}.{name}": getattr(layer, name) for i, layer in enumerate(self.layers, start=1) for name in TENSORS}


def _validate(bundle: MultibitBundle) -> None:
    common.check_head(bundle)
    network = bundle.network
    if bundle.input_shift < 1:
        raise PopbeatError(f"z_fraction is {bundle.normaliser.z_fraction}; a multi-bit network needs more than {INPUT_FRACTION}")
    if len(bundle.layers) != len(network.layers):
        raise PopbeatError(f"{len(bundle.layers)} stored layers for a network of {len(network.layers)}")
    for number, (layer, shape) in enumerate(zip(bundle.layers, network.layers, strict=True), start=1):
        name, out = f"layer{number}", (shape.out_channels,)
        common.check_tensor(f"{name}.count", layer.count, out, np.uint8, 0, network.max_bases)
        n = int(layer.count.sum())
        common.check_tensor(f"{name}.basis", layer.basis, (n, shape.in_channels, shape.kernel), np.int8, -1, 1)
        if not layer.basis.all():
            raise PopbeatError(f"tensor {name}.basis holds 0; bases are -1 and +1")
        common.check_tensor(f"{name}.alpha", layer.alpha, (n,), np.uint8, 1, (1 << network.alpha_bits) - 1)
        common.check_tensor(f"{name}.shift", layer.shift, out, np.uint8, 0, (1 << SHIFT_BITS) - 1)
        common.check_tensor(f"{name}.bias", layer.bias, out, np.int16, -(1 << (BIAS_BITS - 1)), (1 << (BIAS_BITS - 1)) - 1)
        if type(layer.bias_shift) is not int or not 0 <= layer.bias_shift < 1 << SHIFT_BITS:
            raise PopbeatError(f"bias_shift of layer {number} is {layer.bias_shift!r}; allowed are 0 to {(1 << SHIFT_BITS) - 1}")
        largest = shape.taps * (1 << (INPUT_BITS - 1) if number == 1 else (1 << ACTIVATION_BITS) - 1)
        if largest >= 1 << (SUM_BITS - 1):
            raise PopbeatError(f"layer {number} sums {shape.taps} values, which can need more than {SUM_BITS} bits")
        total = np.bincount(layer.owner, weights=layer.alpha, minlength=shape.out_channels).astype(np.int64) * largest
        total += np.abs(layer.bias.astype(np.int64)) << layer.bias_shift
        if total.max() >= 1 << (ACCUMULATOR_BITS - 1):
            raise PopbeatError(f"an accumulator of layer {number} can reach {total.max()}, more than {ACCUMULATOR_BITS} bits hold")


def write(bundle: MultibitBundle, folder: Path, golden: bytes | None = None) -> Path:
    """Write a bundle into ``folder``; ``bundle.json`` comes last, so that a half-written bundle is none."""
    network = bundle.network
    layers = [asdict(c) | {"bias_shift": s.bias_shift} for c, s in zip(network.layers, bundle.layers, strict=True)]
    graph = {
        "kind": KIND,
        "input_fraction": INPUT_FRACTION,
        "alpha_bits": network.alpha_bits,
        "max_bases": network.max_bases,
        "layers": layers,
    }
    return common.write_parts(bundle, graph, len(pack(bundle)), folder, golden)


def read(folder: Path | str) -> MultibitBundle:
    """Read and check the bundle of a multi-bit network; every fault is a :class:`PopbeatError` naming the file and the value."""
    return common.read_parts(folder, _assemble)


def _assemble(graph: dict, tensors: dict[str, np.ndarray]) -> MultibitBundle:
    network = graph["network"]
    if network["kind"] != KIND:
        raise PopbeatError(f"network kind {network['kind']!r} is not {KIND!r}")
    if network["input_fraction"] != INPUT_FRACTION:
        raise PopbeatError(f"input_fraction is {network['input_fraction']!r}; known is {INPUT_FRACTION}")
    shapes = [{name: value for name, value in layer.items() if name != "bias_shift"} for layer in network["layers"]]
    common.check_names({f"layer{i}.{name}" for i in range(1, len(shapes) + 1) for name in TENSORS}, tensors)
    return MultibitBundle(
        model=graph["model"],
        task=graph["task"],
        classes=tuple(graph["classes"]),
        network=MultibitNetwork(tuple(Convolution(**s) for s in shapes), network["alpha_bits"], network["max_bases"]),
        layers=tuple(
            StoredLayer(*(tensors[f"layer{i}.{name}"] for name in TENSORS), layer["bias_shift"])
            for i, layer in enumerate(network["layers"], start=1)
        ),
        normaliser=NormaliserSpec(**graph["normaliser"]),
        training=graph.get("training", {}),
    )


def pack(bundle: MultibitBundle) -> bytes:
    """Every stored bit of the network, packed without gaps: the size that is reported is this string's length.

    For each layer: its program (``PROGRAM``, 16 bytes); for all channels the number of bases, the shift and the bias; all
    alpha; all bases (1 for +1).
    """
    out = BitWriter()
    for shape, layer in zip(bundle.network.layers, bundle.layers, strict=True):
        values = asdict(shape) | {
            "bias_shift": layer.bias_shift,
            "alpha_bits": bundle.network.alpha_bits,
            "max_bases": bundle.network.max_bases,
        }
        for name, width in PROGRAM.items():
            out.put(values[name], width)
        out.put(np.zeros(8 * PROGRAM_BYTES - sum(PROGRAM.values())), 1)
        for values, width in ((layer.count, COUNT_BITS), (layer.shift, SHIFT_BITS), (layer.bias, BIAS_BITS)):
            out.put(values, width)
        out.put(layer.alpha, bundle.network.alpha_bits)
        out.put(layer.basis > 0, 1)
    return out.bytes()


def unpack(data: bytes, like: MultibitBundle) -> MultibitBundle:
    """The inverse of :func:`pack`; only names, normaliser and the number of layers come from ``like``: the packed bits are the
    whole network."""
    stored = BitReader(data)
    shapes, layers, widths = [], [], set()
    for _ in like.layers:
        program = {name: int(stored.get((1,), width)[0]) for name, width in PROGRAM.items()}
        if stored.get((8 * PROGRAM_BYTES - sum(PROGRAM.values()),), 1).any():
            raise PopbeatError("the end of a layer's program is not zero")
        widths.add((program.pop("alpha_bits"), program.pop("max_bases")))
        bias_shift = program.pop("bias_shift")
        shapes.append(Convolution(**program | {"relu": bool(program["relu"])}))
        out, alpha_bits = (shapes[-1].out_channels,), max(widths)[0]
        count = stored.get(out, COUNT_BITS).astype(np.uint8)
        shift = stored.get(out, SHIFT_BITS).astype(np.uint8)
        bias = stored.get(out, BIAS_BITS, signed=True).astype(np.int16)
        n = int(count.sum())
        alpha = stored.get((n,), alpha_bits).astype(np.uint8)
        basis = (2 * stored.get((n, shapes[-1].in_channels, shapes[-1].kernel), 1) - 1).astype(np.int8)
        layers.append(StoredLayer(count, basis, alpha, shift, bias, bias_shift))
    if len(widths) != 1:
        raise PopbeatError(f"layers disagree on the bits of alpha and the number of bases: {sorted(widths)}")
    network = MultibitNetwork(tuple(shapes), *widths.pop())
    return MultibitBundle(like.model, like.task, like.classes, network, tuple(layers), like.normaliser)
