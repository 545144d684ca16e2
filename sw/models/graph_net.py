"""A graph of the array (:mod:`sw.export.array.graph`) as a PyTorch network: its float twin, and the quantised network whose
arithmetic is the hardware's.

The graph gives the structure alone: which node reads and writes which channels. Every convolution is a :class:`Unit` with weights
of its own; the float twin has a batch norm behind each of them but the gates of an attention and the logits. In the quantised
network an output channel's weights are sum_i alpha_i B_i with sign bases B_i (:mod:`sw.models.alq`), and every tensor holds
integers of 8 bits times a power of two: 2^-fraction, the same for all channels of a tensor, and for tensors that are copied, pooled
or scaled into each other.
"""

from dataclasses import replace

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from sw.export.array.graph import Add, Average, GlobalAverage, Graph, MaxPool, Multibit, Scale, Slice, Tensor, _all
from sw.export.array.program import ALPHA_BITS, BIAS_BITS, LOGIT_BITS
from sw.models import alq
from sw.models.multibit import round_half_away, straight_through

LOGIT_FRACTION = 6
MAX_SHIFT = 24
MAX_BIAS_SHIFT = 15
GATE_FRACTION = 8  # a gate g is g / 256
GATE_LEVEL_FRACTION = 4  # of what the sigmoid table is asked
BIAS_LIMIT = (1 << (BIAS_BITS - 1)) - 1
MEAN_SHIFT = 20


def has_norm(node: Multibit) -> bool:
    """Whether a batch norm stands behind a convolution of the float twin: not behind gates (one channel to one) and logits."""
    return node.target is not None and len(node.count) > 1


class Quantise(torch.autograd.Function):
    """clamp(round(x * unit), low, high) / unit, halves away from zero; the gradient passes where nothing is clipped."""

    @staticmethod
    def forward(context, x: torch.Tensor, unit: float, low: int, high: int) -> torch.Tensor:
        scaled = x * unit
        context.save_for_backward((scaled >= low) & (scaled <= high))
        if low == 0:
            rounded = scaled.add_(0.5).floor_()  # what is below 0 is clipped, so halves of one sign are left
        else:
            rounded = torch.where(scaled < 0, (scaled - 0.5).ceil_(), (scaled + 0.5).floor_())
        return rounded.clamp_(low, high).mul_(1 / unit)

    @staticmethod
    def backward(context, gradient: torch.Tensor):
        (inside,) = context.saved_tensors
        return gradient * inside, None, None, None


class Unit(nn.Module):
    """One convolution.

    ``latent`` ``[out, taps]``: real weights; in the float twin they are the weights, in the quantised network the bases are taken
    from them. ``bases`` ``[out, most, taps]`` of -1 and +1 (0 where pruned away) and ``alpha`` ``[out, most]`` >= 0. ``bias``
    ``[out]``; ``norm`` stands in for it until it is folded. ``state``: 'float'; 'latent' (bases follow the latent weights,
    straight-through) or 'fixed' (they stand). ``rounding``: alpha and bias are rounded to what is stored.
    """

    def __init__(self, node: Multibit, most: int):
        super().__init__()
        self.node = node
        out, inputs, ky, kx = len(node.count), *node.basis.shape[1:]
        self.shape = (out, inputs, ky, kx)
        taps = inputs * ky * kx
        self.latent = nn.Parameter(torch.randn(out, taps) * (2 / taps) ** 0.5)
        self.alpha = nn.Parameter(torch.zeros(out, most))
        self.register_buffer("bases", torch.zeros(out, most, taps))
        self.norm = nn.BatchNorm2d(out) if has_norm(node) else None
        self.bias = nn.Parameter(torch.zeros(out), requires_grad=not self.norm and node.target is None)
        self.register_buffer("in_fraction", torch.tensor(0.0))
        self.register_buffer("fraction", torch.tensor(0.0))
        self.state = "float"
        self.rounding = False

    @property
    def present(self) -> torch.Tensor:
        """``bool[out, most]``: the bases that are not pruned away."""
        return self.bases[:, :, 0] != 0

    def exponent(self) -> torch.Tensor:
        """Per channel e: alpha is stored as an integer times 2^-e. The largest alpha of a channel fills its bits as far as the
        shift e + in_fraction - fraction keeps within its range."""
        largest = (self.alpha.detach().abs() * self.present).amax(dim=1).clamp(min=1e-9)
        e = torch.floor(torch.log2(((1 << ALPHA_BITS) - 1) / largest))
        least = self.fraction - self.in_fraction
        return torch.minimum(torch.maximum(e, least), least + MAX_SHIFT)

    def alpha_integers(self) -> torch.Tensor:
        """alpha as stored, ``[out, most]``; 0 where pruned away."""
        scaled = self.alpha.detach().abs() * self.present * torch.exp2(self.exponent())[:, None]
        return torch.floor(scaled + 0.5).clamp(max=(1 << ALPHA_BITS) - 1)

    def bias_integers(self) -> tuple[torch.Tensor, int]:
        """The bias as stored ``[out]``, and ``bias_shift``: in units of the accumulator it is the one times 2^ the other."""
        scaled = self.bias.detach() * torch.exp2(self.exponent() + self.in_fraction)
        shift = 0
        while shift < MAX_BIAS_SHIFT and round_half_away(scaled / 2**shift).abs().max() > BIAS_LIMIT:
            shift += 1
        return round_half_away(scaled / 2**shift).clamp(-BIAS_LIMIT, BIAS_LIMIT), shift

    def used_bias(self) -> torch.Tensor:
        """Bias of the convolution."""
        if not self.rounding:
            return self.bias
        stored, shift = self.bias_integers()
        return straight_through(self.bias, stored * torch.exp2(shift - self.exponent() - self.in_fraction))

    def used_alpha(self) -> torch.Tensor:
        """alpha of the convolution, >= 0."""
        alpha = self.alpha.abs() * self.present
        if not self.rounding:
            return alpha
        return straight_through(alpha, self.alpha_integers() * torch.exp2(-self.exponent())[:, None])

    def used_weight(self) -> torch.Tensor:
        """Weights of the convolution, ``[out, in, ky, kx]``."""
        if self.state == "float":
            return self.latent.reshape(self.shape)
        alpha = self.used_alpha()
        if self.state == "latent":
            self.bases.copy_(alq.nearest(self.latent.detach(), alpha.detach(), self.present))
            weight = torch.einsum("oi,oit->ot", alpha, self.bases) + (self.latent - self.latent.detach())
        else:
            weight = torch.einsum("oi,oit->ot", alpha, self.bases)
        return weight.reshape(self.shape)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``[n, in, height, width]`` to ``[n, out, ...]``, with batch norm or bias, before clip and pool."""
        node = self.node
        groups = self.shape[0] if node.depthwise else 1
        bias = None if self.norm is not None else self.used_bias()
        y = functional.conv2d(x, self.used_weight(), bias, node.stride, node.pad, groups=groups)
        return y if self.norm is None else self.norm(y)

    @torch.no_grad()
    def fold(self) -> None:
        """Take the batch norm into weights (or alpha and bases) and bias."""
        norm = self.norm
        if norm is None:
            return
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        self.bias.copy_(norm.bias - norm.running_mean * scale)
        self.bias.requires_grad_(True)
        self.alpha.copy_(self.alpha.abs() * scale.abs()[:, None])
        self.latent.mul_(scale[:, None])
        self.bases.copy_(torch.where(scale[:, None, None] < 0, -self.bases, self.bases))
        self.norm = None


def fraction_classes(graph: Graph) -> dict[str, str]:
    """Of every tensor the one that stands for its fraction: copies, pools and scales leave it as it is."""
    parent = {name: name for name in graph.tensors}

    def root(name: str) -> str:
        return name if parent[name] == name else root(parent[name])

    for node in graph.nodes:
        keeps = isinstance(node, (MaxPool, Scale)) or (isinstance(node, Average) and node.table is None)
        if keeps:
            parent[root(_all(node.target).tensor.name)] = root(_all(node.source).tensor.name)
    return {name: root(name) for name in graph.tensors}


class GraphNet(nn.Module):
    """A graph's network: inputs ``[n, channels, height, width]`` in units of 1 to logits ``[n, classes]``.

    ``fractions`` of its tensors by name count in the quantised network alone (``quantised``).
    """

    def __init__(self, graph: Graph, most: int = 3, input_fraction: int = 4, dropout: float = 0.0):
        super().__init__()
        self.graph, self.most, self.dropout = graph, most, dropout
        self.units = nn.ModuleList(Unit(n, most) for n in graph.nodes if isinstance(n, Multibit))
        self.at = {u.node.name: u for u in self.units}
        self.classes = fraction_classes(graph)
        self.fractions: dict[str, int] = {graph.source.name: input_fraction}
        self.quantised = False
        self.seen: dict[str, list[torch.Tensor]] | None = None  # largest values, while calibrating
        self.taps: dict[str, torch.Tensor] | None = None  # every tensor, for comparisons
        self.places: dict = {}

    # How channels of a tensor are put together.
    def _read(self, pieces: list[tuple[Slice, torch.Tensor]], part: Slice) -> torch.Tensor:
        """The channels ``part`` from what was written so far."""
        wanted = (part.first, part.count, part.step)
        for piece, value in pieces:
            if (piece.first, piece.count, piece.step) == wanted:
                return value
        key = (part.tensor.name, len(pieces), wanted)
        if key not in self.places:
            owned, offset = {}, 0
            for number, (piece, _) in enumerate(pieces):
                for k in range(piece.count):
                    owned[piece.first + k * piece.step] = (number, offset + k)
                offset += piece.count
            channels = [owned[part.first + k * part.step] for k in range(part.count)]
            used = sorted({n for n, _ in channels})
            starts, total = {}, 0
            for n in used:
                starts[n] = total - sum(pieces[j][0].count for j in range(n))
                total += pieces[n][0].count
            index = [c + starts[n] for n, c in channels]
            self.places[key] = used, None if index == list(range(total)) else torch.tensor(index)
        used, index = self.places[key]
        whole = pieces[used[0]][1] if len(used) == 1 else torch.cat([pieces[n][1] for n in used], 1)
        if index is None:
            return whole
        low, count = int(index[0]), len(index)
        if torch.equal(index, torch.arange(low, low + count)):
            return whole[:, low : low + count]
        return whole.index_select(1, index.to(whole.device))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.quantised:
            x = self._integers(x, self.graph.source)
        values: dict[str, list] = {self.graph.source.name: [(Slice(self.graph.source), x)]}
        for node in self.graph.nodes:
            inputs = [self._read(values[s.tensor.name], s) for s in node.sources]
            y = self._node(node, *inputs)
            if node.target is None:
                return y.flatten(1)
            target = _all(node.target)
            values.setdefault(target.tensor.name, []).append((target, y))
            if self.seen is not None:
                self.seen.setdefault(self.classes[target.tensor.name], []).append(y.detach().abs().flatten())
            if self.taps is not None:
                self.taps[node.name] = y
        raise AssertionError("the last node makes the logits")

    def _unit(self, tensor: Tensor) -> float:
        return 2.0 ** self.fractions[self.classes[tensor.name]]

    def _integers(self, y: torch.Tensor, tensor: Tensor) -> torch.Tensor:
        """To 8 bits at the tensor's fraction, with a straight-through gradient where they hold the value."""
        unit = self._unit(tensor)
        low, high = (-128, 127) if tensor.signed else (0, 255)
        return Quantise.apply(y, unit, low, high)

    def _clip(self, y: torch.Tensor, tensor: Tensor) -> torch.Tensor:
        """ReLU where the target is unsigned, and 8 bits where quantised."""
        if not self.quantised:
            return y if tensor.signed else functional.relu(y)
        return self._integers(y, tensor)

    def _node(self, node, x: torch.Tensor, other: torch.Tensor | None = None) -> torch.Tensor:
        if isinstance(node, Multibit):
            if node.target is None and self.dropout and self.training:
                x = functional.dropout(x, self.dropout)
            y = self.at[node.name](x)
            if node.target is None:
                limit, unit = 1 << (LOGIT_BITS - 1), 1 << LOGIT_FRACTION
                return straight_through(y, round_half_away(y * unit).clamp(-limit, limit - 1) / unit) if self.quantised else y
            # Rounding and clipping rise with x, so the maximum may come first: fewer values are left to round.
            if node.pool != (1, 1):
                y = functional.max_pool2d(y, (1, node.pool[0]), (1, node.pool[1]))
            return self._clip(y, _all(node.target).tensor)
        tensor = _all(node.target).tensor
        if isinstance(node, Add):
            return self._clip(x + other, tensor)
        if isinstance(node, GlobalAverage):
            y = x.sum(dim=(2, 3)) * self.mean_factor(node)
            return self._clip(y[:, None, None], tensor)
        if isinstance(node, Average) and node.table is not None:
            y = torch.sigmoid(x)
            if not self.quantised:
                return y
            level = (x.detach() * self._unit(_all(node.source).tensor)).round().long() & 0xFF
            table = torch.from_numpy(self.table().astype(np.float64)).to(y)
            return straight_through(y, table[level] / (1 << GATE_FRACTION))
        if isinstance(node, Average):
            if node.kernel == (1, 1):
                return x
            return self._clip(functional.avg_pool2d(x, node.kernel, node.stride), tensor)
        if isinstance(node, MaxPool):
            kernel, stride = (1, node.kernel), (1, node.stride)
            pad = (node.pad, 0, 0, 0) if node.across else (0, 0, node.pad, 0)
            if not node.across:
                kernel, stride = kernel[::-1], stride[::-1]
            return functional.max_pool2d(functional.pad(x, pad) if node.pad else x, kernel, stride)
        if isinstance(node, Scale):
            by = other if node.by_element else other.transpose(1, 3)
            return self._clip(x * by, tensor)
        raise AssertionError(f"no {type(node).__name__} in PyTorch")

    def mean_factor(self, node: GlobalAverage) -> float:
        """What a sum is multiplied with to become a mean: 1 / plane, in the quantised network as it is stored."""
        plane = _all(node.source).tensor.height * _all(node.source).tensor.width
        if not self.quantised:
            return 1 / plane
        alpha, shift = self.mean_integers(node)
        return alpha * 2.0**-shift * self._unit(_all(node.source).tensor) / self._unit(node.target)

    def mean_integers(self, node: GlobalAverage) -> tuple[int, int]:
        """``alpha`` (8 bits, as large as it can be) and ``shift`` of a mean."""
        plane = _all(node.source).tensor.height * _all(node.source).tensor.width
        ratio = self._unit(node.target) / self._unit(_all(node.source).tensor) / plane
        shift = min(MEAN_SHIFT, int(np.floor(np.log2(255 / ratio))))
        return max(1, round(ratio * 2**shift)), shift

    @staticmethod
    def table() -> np.ndarray:
        """The gates' sigmoid: from int8 in units of 2^-4 to ``uint8[256]`` in units of 2^-8."""
        level = ((np.arange(256) + 128) % 256 - 128) / (1 << GATE_LEVEL_FRACTION)
        return np.minimum(255, np.round((1 << GATE_FRACTION) / (1 + np.exp(-level)))).astype(np.uint8)

    # From the float twin to the quantised network.
    def set(self, state: str, rounding: bool = False) -> "GraphNet":
        """Switch all units, and quantise the tensors unless ``state`` is 'float'."""
        self.quantised = state != "float"
        for unit in self.units:
            unit.state, unit.rounding = state, rounding
        return self

    @torch.no_grad()
    def calibrate(self, inputs: torch.Tensor, share: float = 0.9995) -> None:
        """Fractions of all tensors: the largest with which at most 1 - ``share`` of the values that are not 0 saturate."""
        self.eval()
        self.set("float")
        self.seen = {}
        self(inputs)
        signed = {self.classes[n]: t.signed for n, t in self.graph.tensors.items()}
        sigmoids = {_all(n.target).tensor.name for n in self.graph.nodes if isinstance(n, Average) and n.table is not None}
        levels = {_all(n.source).tensor.name for n in self.graph.nodes if isinstance(n, Average) and n.table is not None}
        for name, values in self.seen.items():
            v = torch.cat(values)
            v = v[v > 0]
            step = max(1, len(v) // 1_000_000)
            top = float(torch.quantile(v[::step].float(), share)) if len(v) else 1.0
            self.fractions[name] = int(np.floor(np.log2((127 if signed[name] else 255) / top)))
        self.fractions |= dict.fromkeys(sigmoids, GATE_FRACTION) | dict.fromkeys(levels, GATE_LEVEL_FRACTION)
        self.seen = None
        self.spread()

    def spread(self) -> None:
        """Tell the units the fractions of what they read and write."""
        for unit in self.units:
            source, target = _all(unit.node.source).tensor, unit.node.target
            unit.in_fraction.fill_(float(np.log2(self._unit(source))))
            unit.fraction.fill_(LOGIT_FRACTION if target is None else float(np.log2(self._unit(_all(target).tensor))))

    @torch.no_grad()
    def start(self) -> None:
        """Greedy bases from the float weights, ``most`` a channel."""
        for unit in self.units:
            bases, alpha = alq.greedy(unit.latent, min(self.most, unit.latent.shape[1]))
            unit.bases.zero_()
            unit.alpha.zero_()
            unit.bases[:, : bases.shape[1]], unit.alpha[:, : bases.shape[1]] = bases, alpha

    @torch.no_grad()
    def fold_norms(self) -> None:
        """Batch norms into weights and biases."""
        for unit in self.units:
            unit.fold()

    def parameter_count(self) -> int:
        """Parameters of the float twin as publications count them: weights, batch norms' scales and offsets, biases."""
        weights = sum(u.latent.numel() for u in self.units)
        norms = sum(2 * u.shape[0] for u in self.units if has_norm(u.node))
        return weights + norms + sum(u.shape[0] for u in self.units if u.node.target is None)

    @torch.no_grad()
    def integers(self, name: str) -> Graph:
        """The graph with this network's integers; a base whose alpha is rounded to 0 is left out."""
        nodes = []
        for node in self.graph.nodes:
            if isinstance(node, Multibit):
                nodes.append(self._stored(node, self.at[node.name]))
            elif isinstance(node, GlobalAverage):
                alpha, shift = self.mean_integers(node)
                nodes.append(replace(node, alpha=alpha, shift=shift))
            elif isinstance(node, Average) and node.table is not None:
                nodes.append(replace(node, table=self.table()))
            elif isinstance(node, Average) and node.kernel != (1, 1):
                nodes.append(replace(node, alpha=1, shift=int(np.log2(node.kernel[0] * node.kernel[1]))))
            elif isinstance(node, Scale):
                nodes.append(replace(node, shift=GATE_FRACTION))
            elif isinstance(node, Add):
                nodes.append(replace(node, **self._aligned(node)))
            else:
                nodes.append(node)
        return Graph(self.graph.source, tuple(nodes), name)

    def _aligned(self, node: Add) -> dict:
        """Shifts that bring both operands of an addition to one fraction, and their sum to the target's."""
        a, b = (int(np.log2(self._unit(s.tensor))) for s in node.sources)
        wide, target = max(a, b), int(np.log2(self._unit(_all(node.target).tensor)))
        shift = wide - target
        up = (wide - a + max(0, -shift), wide - b + max(0, -shift))
        return {"up": up, "shift": max(0, shift)}

    def _stored(self, node: Multibit, unit: Unit) -> Multibit:
        alpha = unit.alpha_integers().cpu().numpy().astype(np.int64)
        bias, bias_shift = unit.bias_integers()
        chosen = alpha > 0
        shift = unit.exponent() + unit.in_fraction - unit.fraction
        return replace(
            node,
            count=chosen.sum(axis=1).astype(np.int64),
            basis=unit.bases.cpu().numpy()[chosen].astype(np.int8).reshape(-1, *unit.shape[1:]),
            alpha=alpha[chosen],
            bias=bias.cpu().numpy().astype(np.int64),
            shift=shift.cpu().numpy().astype(np.int64),
            bias_shift=bias_shift,
        )
