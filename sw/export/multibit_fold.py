"""From the trained multi-bit network to integers, and the golden model that these are held against.

The golden model is the PyTorch network in float64 and in real units, with the stored coefficients and biases. All its scales are
powers of two and its sums stay far below 2^53, so it is exact: its logits must equal those of the integers on every window.
"""

import numpy as np
import torch

from sw.data.tasks import Task
from sw.errors import PopbeatError
from sw.export.multibit import MultibitBundle, StoredLayer
from sw.export.normaliser import NormaliserSpec
from sw.models.multibit import LOGIT_FRACTION, MultibitNet
from sw.networks import MultibitNetwork


@torch.no_grad()
def parameters(net: MultibitNet) -> dict[str, np.ndarray]:
    """What the golden model is, by name: bases in ``int8``; alpha, bias (rounded to what is stored, in real units) and fractions
    in ``float32``, which holds them exactly."""
    net = net.set("fixed", rounding=True)
    out = {}
    for i, layer in enumerate(net.layers):
        out[f"layers.{i}.bases"] = layer.bases.numpy().astype(np.int8)
        for name, value in (("alpha", layer.used_alpha()), ("bias", layer.used_bias())):
            out[f"layers.{i}.{name}"] = value.numpy().astype(np.float32).copy()
        for name in ("in_fraction", "fraction"):
            out[f"layers.{i}.{name}"] = getattr(layer, name).numpy().astype(np.float32).copy()
    return out


def golden(network: MultibitNetwork, stored: dict[str, np.ndarray]) -> MultibitNet:
    """The golden model in float64 with stored parameters, ready to run. Parameters of another network are a
    :class:`PopbeatError`."""
    net = MultibitNet(network).double()
    state = {name: torch.from_numpy(np.array(value)) for name, value in stored.items()}
    state |= {name: value for name, value in net.state_dict().items() if name.endswith(".latent")}
    try:
        net.load_state_dict(state)
    except (RuntimeError, TypeError) as error:
        raise PopbeatError(
            f"golden.safetensors holds another network's parameters: {str(error).splitlines()[-1].strip()}"
        ) from None
    return net.set("fixed", rounding=False).eval()


@torch.no_grad()
def golden_logits(net: MultibitNet, bundle: MultibitBundle, samples: np.ndarray) -> np.ndarray:
    """The golden model on raw windows: integer-valued floats ``[n, classes]`` in the bundle's units."""
    z, _ = bundle.normaliser.normalise(samples)
    x = torch.from_numpy(z.astype(np.float64) / (1 << bundle.normaliser.z_fraction))[:, None]
    return (net(x) * (1 << LOGIT_FRACTION)).numpy()


@torch.no_grad()
def export(model: str, task: Task, net: MultibitNet, training: dict) -> MultibitBundle:
    """The integers of a trained network. A base whose alpha is rounded to 0 is left out."""
    layers = []
    for layer, shape in zip(net.layers, net.network.layers, strict=True):
        alpha = layer.alpha_integers().numpy().astype(np.uint8)
        stored, bias_shift = layer.bias_integers()
        chosen = alpha > 0
        basis = layer.bases.numpy()[chosen].astype(np.int8)
        shift = layer.exponent() + layer.in_fraction - layer.fraction
        layers.append(
            StoredLayer(
                count=chosen.sum(axis=1).astype(np.uint8),
                basis=basis.reshape(-1, shape.in_channels, shape.kernel),
                alpha=alpha[chosen],
                shift=shift.numpy().astype(np.uint8),
                bias=stored.numpy().astype(np.int16),
                bias_shift=bias_shift,
            )
        )
    spec = NormaliserSpec(window=net.network.window)
    return MultibitBundle(model, task.name, task.classes, net.network, tuple(layers), spec, training)
