"""From the trained network of :mod:`sw.models.multibit` to a graph in integers (:mod:`sw.export.array.bundle`) and to the
parameters of its golden model (:mod:`sw.export.array.golden`)."""

import numpy as np
import torch

from sw.data.windows import Task
from sw.export.array.bundle import GraphBundle
from sw.export.array.golden import FRACTIONS
from sw.export.array.graph import Graph, Multibit, Tensor
from sw.export.front.normaliser import NormaliserSpec
from sw.models.multibit import Layer, MultibitNet
from sw.networks import INPUT_FRACTION, Convolution, MultibitNetwork

SOURCE = "input"


def graph(network: MultibitNetwork, integers: list[dict], name: str) -> Graph:
    """The layers as operations, ``layer 1``, ``layer 2``, ...; the input is the window in Q3.4. Tensors are named ``layer1``,
    ``layer2``, ... ``integers`` of each layer: ``count``, ``basis``, ``alpha``, ``bias``, ``shift`` and ``bias_shift`` of
    :class:`Multibit`."""
    source = tensor = Tensor(SOURCE, 1, 1, network.window, signed=True)
    nodes = []
    for number, (shape, own) in enumerate(zip(network.layers, integers, strict=True), start=1):
        target = Tensor(f"layer{number}", shape.out_channels, 1, shape.pool_length, sortable=True) if shape.relu else None
        places = {"stride": (1, shape.stride), "pad": (0, shape.pad), "pool": (shape.pool, shape.pool_stride)}
        nodes.append(Multibit(f"layer {number}", tensor, target, **own, **places))
        tensor = target
    return Graph(source, tuple(nodes), name)


@torch.no_grad()
def parameters(net: MultibitNet) -> dict[str, np.ndarray]:
    """What the golden model is, by name, as :func:`sw.export.array.golden.parameters` describes it."""
    net = net.set("fixed", rounding=True)
    out, fractions = {}, {SOURCE: INPUT_FRACTION}
    for number, layer in enumerate(net.layers, start=1):
        out[f"convolution{number}.bases"] = np.packbits(layer.bases.numpy().reshape(-1) > 0)
        for name, value in (("alpha", layer.used_alpha()), ("bias", layer.used_bias())):
            out[f"convolution{number}.{name}"] = value.numpy().astype(np.float32)
        if layer.geometry.relu:
            fractions[f"layer{number}"] = int(layer.fraction)
    return out | {FRACTIONS: np.array([fractions[name] for name in sorted(fractions)], np.int16)}


@torch.no_grad()
def export(model: str, task: Task, net: MultibitNet, training: dict) -> GraphBundle:
    """The integers of a trained network. A base whose alpha is rounded to 0 is left out."""
    integers = [_stored(layer, shape) for layer, shape in zip(net.layers, net.network.layers, strict=True)]
    return GraphBundle(
        model,
        task.name,
        task.classes,
        graph(net.network, integers, model),
        input_fraction=INPUT_FRACTION,
        alpha_bits=net.network.alpha_bits,
        normaliser=NormaliserSpec(window=net.network.window),
        training=training,
    )


def _stored(layer: Layer, shape: Convolution) -> dict:
    alpha = layer.alpha_integers().numpy().astype(np.int64)
    bias, bias_shift = layer.bias_integers()
    chosen = alpha > 0
    shift = layer.exponent() + layer.in_fraction - layer.fraction
    return {
        "count": chosen.sum(axis=1).astype(np.int64),
        "basis": layer.bases.numpy()[chosen].astype(np.int8).reshape(-1, shape.in_channels, 1, shape.kernel),
        "alpha": alpha[chosen],
        "bias": bias.numpy().astype(np.int64),
        "shift": shift.numpy().astype(np.int64),
        "bias_shift": bias_shift,
    }
