"""From the golden model to integers: thresholds for PReLU + batch norm + sign, and the quantised head.

A channel's next bit depends on its pooled sum x alone, and x takes few values, so the golden model itself is asked about each of
them, in float64: no formula to get wrong at a boundary. With a slope >= 0 the answers change at most once. Where they rise, the
bit is x >= T. Where they fall (batch-norm scale < 0), the channel's bit is stored inverted, which turns it into x >= T again:
the next block's weights on this channel change sign, and the bit beyond its ends is 0 instead of 1. So the pool is an OR for
every channel.
"""

from dataclasses import replace

import numpy as np
import torch

from sw.data.windows import Task
from sw.errors import PopbeatError
from sw.export.binary import rhythm
from sw.export.bundle import HEAD_BITS, RHYTHM_BITS, SHIFT_BITS, Bundle, Head
from sw.export.front.normaliser import NormaliserSpec
from sw.models.binary import BinaryNet, Block, Hidden


def golden(network, parameters: dict[str, np.ndarray], binary: bool = True) -> BinaryNet:
    """The golden model in float64 with stored parameters, ready to run. Parameters of another network are a
    :class:`PopbeatError`."""
    model = BinaryNet(network, binary=binary).double()
    try:
        model.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in parameters.items()})
    except (RuntimeError, TypeError) as error:
        raise PopbeatError(
            f"golden.safetensors holds another network's parameters: {str(error).splitlines()[-1].strip()}"
        ) from None
    return model.eval()


def parameters(model: BinaryNet) -> dict[str, np.ndarray]:
    """What the golden model is, by name: weights as they are used (``int8`` in the binary network), slopes and batch norms in
    ``float32``."""
    out = {}
    for name, value in model.state_dict().items():
        if name in ("of_bits", "of_hidden") or name.endswith("num_batches_tracked"):
            out[name] = value.cpu().numpy().copy()
        elif name.endswith(".weight") and not name.endswith("norm.weight"):
            layer = model.get_submodule(name.removesuffix(".weight"))
            used = layer.used_weight().detach().cpu().numpy()
            out[name] = used.astype(np.int8) if layer.binary else used.astype(np.float32).copy()
        else:
            out[name] = value.cpu().numpy().astype(np.float32).copy()
    return out


@torch.no_grad()
def threshold(block: Block, sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of a block in float64 and every value ``sums`` its pooled sum can take, rising: per channel the index of the first sum
    whose (perhaps inverted) bit is 1, ``len(sums)`` for never, and the direction, 1 where the bit is not inverted."""
    channels = block.geometry.out_channels
    x = torch.from_numpy(np.broadcast_to(sums, (1, channels, len(sums))).copy())
    bits = (block.activation(x)[0] >= 0).numpy()
    direction = ~(bits[:, 0] & ~bits[:, -1])
    rising = np.where(direction[:, None], bits, ~bits)
    if (np.diff(rising.astype(np.int8), axis=1) < 0).any():
        raise ValueError("a channel's bit changes more than once: the block's PReLU slope must be >= 0")
    return len(sums) - rising.sum(axis=1), direction.astype(np.uint8)


@torch.no_grad()
def quantise_head(block: Block, of_bits: np.ndarray | None = None) -> tuple[Head, float]:
    """The head's integers, and the scale: integer logit = float logit x scale (a power of two). ``of_bits``: weights of rhythm
    bits ``[classes, comparisons + hidden]``."""
    norm = block.norm
    k = (norm.weight / torch.sqrt(norm.running_var + norm.eps)).numpy()
    offset = norm.bias.numpy() - norm.running_mean.numpy() * k
    negative = k * float(block.slope.clamp(min=0))
    limit = (1 << (HEAD_BITS - 1)) - 1
    largest = max(np.abs(k).max(), np.abs(negative).max(), 1e-12)
    scale = 2.0 ** np.floor(np.log2(limit / largest))
    shift = max(0, int(np.ceil(np.log2(np.abs(offset).max() * scale / limit)))) if offset.any() else 0
    if shift >= 1 << SHIFT_BITS:
        raise ValueError(
            f"the head's offsets are 2^{shift} times larger than its slopes; the format holds 2^{(1 << SHIFT_BITS) - 1}"
        )

    def integers(value: np.ndarray, limit: int = limit) -> np.ndarray:
        return np.clip(np.rint(value), -limit - 1, limit).astype(np.int32)

    head = Head(integers(k * scale), integers(negative * scale), integers(offset * scale / 2**shift), shift)
    if of_bits is None:
        return head, scale
    most = (1 << (RHYTHM_BITS - 1)) - 1
    bits_shift = max(0, int(np.ceil(np.log2(max(np.abs(of_bits).max() * scale, 1) / most))))
    if bits_shift >= 1 << SHIFT_BITS:
        raise ValueError(
            f"the weights of rhythm bits are 2^{bits_shift} times larger than the head's slopes; "
            f"the format holds 2^{(1 << SHIFT_BITS) - 1}"
        )
    return replace(head, rhythm=integers(of_bits * scale / 2**bits_shift, most), rhythm_shift=bits_shift), scale


@torch.no_grad()
def hidden_threshold(hidden: Hidden) -> np.ndarray:
    """How many of the rhythm bits must equal a neuron's weights for its bit to be 1, of a layer in float64: ``int32[hidden]``. The
    layer itself is asked: bits that equal the first k weights and no further one, for every k."""
    used = hidden.used_weight()
    equal = torch.tril(torch.ones((used.shape[1] + 1, used.shape[1]), dtype=used.dtype), -1) * 2 - 1
    bits = torch.stack([hidden(equal * row)[:, k] > 0 for k, row in enumerate(used)])
    return (~bits).sum(dim=1).numpy().astype(np.int32)


def export(model: str, task: Task, net: BinaryNet, training: dict) -> Bundle:
    """Fold a trained golden model (float64, eval mode) into a bundle."""
    spec = NormaliserSpec(window=net.network.window)
    weights, thresholds, pads, direction = [], [], [], None
    for i, block in enumerate(net.blocks):
        weight = block.used_weight().detach().numpy().astype(np.int8)
        if direction is not None:
            # Rhythm bits and marks are as they are, and +1 beyond the ends.
            beside = block.geometry.in_channels - len(direction)
            direction = np.concatenate([direction, np.ones(beside, np.uint8)])
            pads.append(direction)
            weight = weight * (2 * direction.astype(np.int8) - 1)[None, :, None]
        weights.append(weight)
        if i == len(net.blocks) - 1:
            break
        taps = block.geometry.taps
        if i == 0:
            limit = taps << (spec.z_bits - 1)
            index, direction = threshold(block, np.arange(-limit, limit + 1) / (1 << spec.z_fraction))
            thresholds.append((index - limit).astype(np.int32))
        else:
            index, direction = threshold(block, np.arange(-taps, taps + 1, 2, dtype=np.float64))
            thresholds.append(index.astype(np.int32))
    of_bits = net.of_bits.detach().numpy() if hasattr(net, "of_bits") else None
    if net.hidden:
        of_bits = np.concatenate([of_bits, net.of_hidden.detach().numpy()], axis=1)
    head, _ = quantise_head(net.blocks[-1], of_bits)
    if net.hidden:
        used = net.hidden.used_weight().detach().numpy().astype(np.int8)
        head = replace(head, hidden=used, hidden_threshold=hidden_threshold(net.hidden))
    return Bundle(model, task.name, task.classes, net.network, tuple(weights), tuple(thresholds), tuple(pads), head, spec, training)


@torch.no_grad()
def golden_logits(net: BinaryNet, bundle: Bundle, samples: np.ndarray) -> np.ndarray:
    """The golden model in float64 on raw windows, with the quantised input and the quantised head: integer-valued floats
    ``[n, classes]`` in the bundle's units."""
    words, samples = np.split(samples, [bundle.network.words], axis=1)
    z, _ = bundle.normaliser.normalise(samples)
    x = torch.from_numpy(z.astype(np.float64) / (1 << bundle.normaliser.z_fraction))[:, None]
    bits = None
    if bundle.network.rhythm:
        bits = torch.from_numpy(2.0 * rhythm.bits(bundle.network.rhythm, words) - 1)
    x = net.sums(x, bits)
    head = bundle.head
    above = torch.from_numpy(head.positive.astype(np.float64))[:, None] * x.clamp(min=0)
    below = torch.from_numpy(head.negative.astype(np.float64))[:, None] * x.clamp(max=0)
    offset = torch.from_numpy(head.offset.astype(np.float64) * 2.0**head.offset_shift)[:, None]
    logits = (above + below + offset).sum(dim=2).numpy()
    if head.rhythm is None:
        return logits
    if net.hidden:
        bits = torch.cat([bits, net.hidden(bits)], dim=1)
    return logits + bits.numpy() @ (head.rhythm.T * 2.0**head.rhythm_shift)
