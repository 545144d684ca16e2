"""From a trained network of a graph to integers, and the golden model that these are held against.

The golden model is the PyTorch network in float64 and in real units, with the stored coefficients and biases. All its scales are
powers of two and its sums stay far below 2^53, so it is exact: its logits must equal those of the integers on every window.
"""

import numpy as np
import torch

from sw.errors import PopbeatError
from sw.export.array import integer
from sw.export.array.bundle import GraphBundle
from sw.export.front import image
from sw.export.front.normaliser import NormaliserSpec
from sw.models.graph_net import LOGIT_FRACTION, GraphNet

FRACTIONS = "fractions"


@torch.no_grad()
def parameters(net: GraphNet) -> dict[str, np.ndarray]:
    """What the golden model is, by name. Of each convolution, numbered from 1: ``alpha`` ``float32[out, most]`` and ``bias``
    ``float32[out]``, rounded to what is stored, which float32 holds exactly; ``bases``, of all ``out * most`` the signs of all
    taps, eight a byte, 1 for +1. ``fractions`` ``int16[n]`` of the tensors that have one of their own, in the order of their
    names."""
    net.set("fixed", rounding=True)
    out = {}
    for number, unit in enumerate(net.units, start=1):
        out[f"convolution{number}.bases"] = np.packbits(unit.bases.cpu().numpy().reshape(-1) > 0)
        for name, value in (("alpha", unit.used_alpha()), ("bias", unit.used_bias())):
            out[f"convolution{number}.{name}"] = value.cpu().numpy().astype(np.float32)
    out[FRACTIONS] = np.array([net.fractions[name] for name in sorted(net.fractions)], np.int16)
    return out


def golden(bundle: GraphBundle, stored: dict[str, np.ndarray]) -> GraphNet:
    """The golden model in float64 with stored parameters, ready to run; the bundle gives its structure and no number. Parameters of
    another network are a :class:`PopbeatError`."""
    most = stored["convolution1.alpha"].shape[-1] if "convolution1.alpha" in stored else 1
    net = GraphNet(bundle.graph, most, bundle.input_fraction).double()
    names = sorted({*net.classes.values()})
    wanted: dict[str, tuple] = {FRACTIONS: (np.int16, (len(names),))}
    for number, unit in enumerate(net.units, start=1):
        out = unit.shape[0]
        wanted[f"convolution{number}.bases"] = np.uint8, (-(-unit.bases.numel() // 8),)
        wanted[f"convolution{number}.alpha"] = np.float32, (out, most)
        wanted[f"convolution{number}.bias"] = np.float32, (out,)
    found = {name: (value.dtype.type, value.shape) for name, value in stored.items()}
    if found != wanted:
        odd = min(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
        raise PopbeatError(f"golden.safetensors holds another network's parameters: {odd}")
    net.fractions = dict(zip(names, stored[FRACTIONS].tolist(), strict=True))
    for number, unit in enumerate(net.units, start=1):
        alpha, bias = (torch.from_numpy(stored[f"convolution{number}.{n}"].astype(np.float64)) for n in ("alpha", "bias"))
        signs = np.unpackbits(stored[f"convolution{number}.bases"], count=unit.bases.numel()).astype(np.float64) * 2 - 1
        unit.norm = None
        unit.alpha.data.copy_(alpha)
        unit.bias.data.copy_(bias)
        unit.bases.copy_(torch.from_numpy(signs).reshape(unit.bases.shape) * (alpha > 0)[:, :, None])
    return net.set("fixed", rounding=False).eval()


@torch.no_grad()
def golden_logits(net: GraphNet, bundle: GraphBundle, samples: np.ndarray) -> np.ndarray:
    """The golden model on raw windows: integer-valued floats ``[n, classes]`` in the bundle's units."""
    _, _, made = integer.inputs(bundle, samples)
    x = torch.from_numpy(made.astype(np.float64) / (1 << bundle.input_fraction))
    return (net(x.reshape(len(x), 1, bundle.graph.source.height, -1)) * (1 << LOGIT_FRACTION)).numpy()


def export(model: str, task, net: GraphNet, training: dict, **more) -> GraphBundle:
    """The integers of a trained network; ``more`` members of the bundle (``front``, ``answer``, ``input_fraction``)."""
    net.set("fixed", rounding=True)
    window = net.graph.source.width if net.graph.source.height == 1 else image.SAMPLES
    return GraphBundle(
        model, task.name, task.classes, net.integers(model), normaliser=NormaliserSpec(window=window), training=training, **more
    )


def prove(bundle: GraphBundle, stored: dict[str, np.ndarray], samples: np.ndarray) -> np.ndarray:
    """The integer model's logits ``int64[n, classes]`` of raw windows, which those of the golden model must equal."""
    net, out = golden(bundle, stored), []
    for start in range(0, len(samples), 64):
        part = samples[start : start + 64]
        logits = integer.run(bundle, part, keep=False).logits
        if not np.array_equal(golden_logits(net, bundle, part), logits):
            raise AssertionError(f"the golden model and the integers differ in a window from {start} on")
        out.append(logits)
    return np.concatenate(out)
