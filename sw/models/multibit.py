"""The multi-bit network in PyTorch: its float twin, and the quantised network whose arithmetic is the hardware's.

Layer: convolution -> bias -> ReLU -> max-pool. Source: Sun et al., arXiv 2202.12943. The float twin has batch norm behind every
layer but the last, which folds into weights and biases. In the quantised network an output channel's weights are sum_i alpha_i
B_i with sign bases B_i; values between layers are unsigned 8-bit integers times a power of two a layer.
"""

import torch
from torch import nn
from torch.nn import functional

from sw.models import alq
from sw.networks import INPUT_FRACTION, MultibitNetwork

DROPOUT = 0.3
LOGIT_FRACTION = 6
MAX_SHIFT = 15
ACTIVATION_MAX = 255
BIAS_LIMIT = (1 << 15) - 1


class FloatNet(nn.Module):
    """The float twin: windows ``[n, 1, window]`` in units of 1 to logits ``[n, classes]``."""

    def __init__(self, network: MultibitNetwork):
        super().__init__()
        self.network = network
        self.convolutions = nn.ModuleList(
            nn.Conv1d(c.in_channels, c.out_channels, c.kernel, c.stride, c.pad, bias=not c.relu) for c in network.layers
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(c.out_channels) for c in network.layers[:-1])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer, convolution, norm in zip(self.network.layers, self.convolutions, self.norms, strict=False):
            x = functional.relu(norm(convolution(x)))
            x = functional.max_pool1d(x, layer.pool, layer.pool_stride) if layer.pool > 1 else x
        return self.convolutions[-1](functional.dropout(x, DROPOUT, self.training)).flatten(1)

    @torch.no_grad()
    def folded(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Weights ``[out, in, kernel]`` and biases ``[out]`` of each layer with the batch norms folded in."""
        out = []
        for convolution, norm in zip(self.convolutions, self.norms, strict=False):
            scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            out.append((convolution.weight * scale[:, None, None], norm.bias - norm.running_mean * scale))
        return [*out, (self.convolutions[-1].weight.clone(), self.convolutions[-1].bias.clone())]


def straight_through(exact: torch.Tensor, rounded: torch.Tensor) -> torch.Tensor:
    """The value of ``rounded`` with the gradient of ``exact``."""
    return exact + (rounded - exact).detach()


def round_half_away(x: torch.Tensor) -> torch.Tensor:
    """The nearest integer, halves away from zero, without a gradient."""
    return torch.sign(x) * torch.floor(x.abs() + 0.5)


def quantise_input(x: torch.Tensor) -> torch.Tensor:
    """Normalised samples in units of 1 to int8 in Q3.4, still in units of 1."""
    unit = 1 << INPUT_FRACTION
    return round_half_away(x * unit).clamp(-128, 127) / unit


class Layer(nn.Module):
    """One quantised layer.

    ``latent`` ``[out, taps]``: real weights that the bases are taken from while ``learning`` is 'latent'. ``bases`` ``[out,
    max_bases, taps]`` of -1 and +1 (0 where pruned away) and ``alpha`` ``[out, max_bases]`` >= 0: the weights are their sum of
    products. ``bias`` ``[out]``. ``fraction``: what leaves the layer is an integer times 2^-fraction; ``in_fraction`` likewise.
    ``rounding``: alpha and bias are rounded to what is stored, with straight-through gradients.
    """

    def __init__(self, network: MultibitNetwork, index: int):
        super().__init__()
        self.geometry = geometry = network.layers[index]
        self.alpha_bits = network.alpha_bits
        out, taps, most = geometry.out_channels, geometry.taps, network.max_bases
        self.latent = nn.Parameter(torch.zeros(out, taps))
        self.alpha = nn.Parameter(torch.zeros(out, most))
        self.bias = nn.Parameter(torch.zeros(out))
        self.register_buffer("bases", torch.zeros(out, most, taps))
        first = INPUT_FRACTION if index == 0 else 0
        self.register_buffer("in_fraction", torch.tensor(float(first)))
        self.register_buffer("fraction", torch.tensor(0.0 if geometry.relu else float(LOGIT_FRACTION)))
        self.learning = "fixed"
        self.rounding = False
        self.norm: nn.BatchNorm1d | None = None  # stands in for the bias while training wants it
        self.composed: torch.Tensor | None = None  # the weights of the last forward pass, for their gradient

    @property
    def present(self) -> torch.Tensor:
        """``bool[out, max_bases]``: the bases that are not pruned away."""
        return self.bases[:, :, 0] != 0

    @torch.no_grad()
    def tidy(self) -> None:
        """Drop dependent bases; a channel without a base gives 0 (in the last layer its bias)."""
        bases, alpha = alq.reduce_rank(self.bases, self.alpha.abs())
        self.bases.copy_(bases)
        self.alpha.copy_(alpha)
        if self.geometry.relu:
            self.bias.mul_(self.present.any(dim=1))

    def exponent(self) -> torch.Tensor:
        """Per channel e: alpha is stored as an integer times 2^-e. The largest alpha of a channel fills its bits as far as the
        shift e + in_fraction - fraction keeps within its range."""
        largest = (self.alpha.detach().abs() * self.present).amax(dim=1).clamp(min=1e-9)
        e = torch.floor(torch.log2(((1 << self.alpha_bits) - 1) / largest))
        least = self.fraction - self.in_fraction
        return torch.minimum(torch.maximum(e, least), least + MAX_SHIFT)

    def alpha_integers(self) -> torch.Tensor:
        """alpha as stored, ``[out, max_bases]``; 0 where pruned away."""
        scaled = self.alpha.detach().abs() * self.present * torch.exp2(self.exponent())[:, None]
        return torch.floor(scaled + 0.5).clamp(max=(1 << self.alpha_bits) - 1)

    def bias_integers(self) -> tuple[torch.Tensor, int]:
        """The bias as stored ``[out]``, and ``bias_shift``: in units of the accumulator it is the one times 2^ the other."""
        scaled = self.bias.detach() * torch.exp2(self.exponent() + self.in_fraction)
        shift = 0
        while shift < MAX_SHIFT and round_half_away(scaled / 2**shift).abs().max() > BIAS_LIMIT:
            shift += 1
        return round_half_away(scaled / 2**shift).clamp(-BIAS_LIMIT, BIAS_LIMIT), shift

    def used_alpha(self) -> torch.Tensor:
        """alpha of the convolution, >= 0."""
        alpha = self.alpha.abs() * self.present
        if not self.rounding:
            return alpha
        return straight_through(alpha, self.alpha_integers() * torch.exp2(-self.exponent())[:, None])

    def used_bias(self) -> torch.Tensor:
        """Bias of the convolution."""
        if not self.rounding:
            return self.bias
        stored, shift = self.bias_integers()
        return straight_through(self.bias, stored * torch.exp2(shift - self.exponent() - self.in_fraction))

    def used_weight(self) -> torch.Tensor:
        """Weights of the convolution, ``[out, taps]``."""
        alpha = self.used_alpha()
        if self.learning == "latent":
            self.bases.copy_(alq.nearest(self.latent.detach(), alpha.detach(), self.present))
            weight = torch.einsum("oi,oit->ot", alpha, self.bases)
            # The latent weights of a dead channel have nothing to learn.
            alive = self.present.any(dim=1, keepdim=True)
            return weight + (self.latent - self.latent.detach()) * alive
        weight = torch.einsum("oi,oit->ot", alpha, self.bases)
        if weight.requires_grad and self.learning == "weight":
            weight.retain_grad()
            self.composed = weight
        return weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        g = self.geometry
        weight = self.used_weight().reshape(g.out_channels, g.in_channels, g.kernel)
        if self.norm is None:
            x = functional.conv1d(x, weight, self.used_bias(), g.stride, g.pad)
        else:
            x = self.norm(functional.conv1d(x, weight, None, g.stride, g.pad))
        unit = torch.exp2(self.fraction.to(x.dtype))
        if not g.relu:
            limit = 1 << 15
            return straight_through(x, round_half_away(x * unit).clamp(-limit, limit - 1) / unit)
        # Rounding and clipping rise with x, so the maximum may come first: fewer values are left to round.
        x = functional.max_pool1d(x, g.pool, g.pool_stride) if g.pool > 1 else x
        x = x.clamp(min=0).minimum(ACTIVATION_MAX / unit)
        return straight_through(x, torch.floor(x * unit + 0.5) / unit)


class MultibitNet(nn.Module):
    """The quantised network: windows ``[n, 1, window]`` in units of 1 to logits ``[n, classes]``."""

    def __init__(self, network: MultibitNetwork):
        super().__init__()
        self.network = network
        self.layers = nn.ModuleList(Layer(network, i) for i in range(len(network.layers)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = quantise_input(x)
        for layer in self.layers[:-1]:
            x = layer(x)
        return self.layers[-1](functional.dropout(x, DROPOUT / 3, self.training)).flatten(1)

    def counts(self) -> list[int]:
        """Bases of each layer, over all channels."""
        return [int(layer.present.sum()) for layer in self.layers]

    def set(self, learning: str | None = None, rounding: bool | None = None) -> "MultibitNet":
        """Switch all layers: ``learning`` 'fixed' (bases stand), 'weight' (and the weights keep their gradient) or 'latent'."""
        for layer in self.layers:
            layer.learning = learning or layer.learning
            layer.rounding = layer.rounding if rounding is None else rounding
        return self

    @torch.no_grad()
    def insert_norms(self, windows: torch.Tensor) -> None:
        """Put a batch norm in the place of every hidden layer's bias, such that the network on ``windows`` stays what it is."""
        self.eval()
        x = quantise_input(windows)
        for layer in self.layers:
            g = layer.geometry
            if g.relu:
                weight = layer.used_weight().reshape(g.out_channels, g.in_channels, g.kernel)
                variance, mean = torch.var_mean(functional.conv1d(x, weight, None, g.stride, g.pad), dim=(0, 2))
                norm = nn.BatchNorm1d(g.out_channels)
                norm.running_mean.copy_(mean)
                norm.running_var.copy_(variance)
                norm.weight.copy_(torch.sqrt(variance + norm.eps))
                norm.bias.copy_(layer.bias + mean)
                x = layer(x)
                layer.norm = norm

    @torch.no_grad()
    def fold_norms(self) -> None:
        """Take the batch norms into alpha, latent weights and biases; a negative scale turns a channel's bases over."""
        for layer in self.layers:
            if layer.norm is None:
                continue
            norm, alive = layer.norm, layer.present.any(dim=1)
            scale = norm.weight / torch.sqrt(norm.running_var + norm.eps) * alive
            layer.bias.copy_((norm.bias - norm.running_mean * scale) * alive)
            layer.alpha.copy_(layer.alpha.abs() * scale.abs()[:, None])
            layer.latent.mul_(scale[:, None])
            layer.bases.copy_(torch.where(scale[:, None, None] < 0, -layer.bases, layer.bases))
            layer.norm = None

    @torch.no_grad()
    def start(self, float_net: FloatNet, windows: torch.Tensor) -> None:
        """Take over the float twin: latent weights, greedy bases, biases, and the scales that its values on ``windows`` need."""
        fractions = calibrate(float_net, windows)
        for index, (layer, (weight, bias)) in enumerate(zip(self.layers, float_net.folded(), strict=True)):
            layer.latent.copy_(weight.flatten(1))
            layer.bias.copy_(bias)
            bases, alpha = alq.greedy(weight.flatten(1), self.network.max_bases)
            layer.bases.copy_(bases)
            layer.alpha.copy_(alpha)
            if index:
                layer.in_fraction.fill_(fractions[index - 1])
            if layer.geometry.relu:
                layer.fraction.fill_(fractions[index])


@torch.no_grad()
def calibrate(float_net: FloatNet, windows: torch.Tensor, share: float = 0.9995) -> list[int]:
    """Per hidden layer the largest fraction with which at most 1 - ``share`` of the values of ``windows`` that are not 0
    saturate in 8 bits."""
    float_net.eval()
    x, fractions = quantise_input(windows), []
    for layer, (weight, bias) in zip(float_net.network.layers[:-1], float_net.folded(), strict=False):
        x = functional.relu(functional.conv1d(x, weight, bias, layer.stride, layer.pad))
        x = functional.max_pool1d(x, layer.pool, layer.pool_stride)
        values = x[x > 0].double().numpy()
        top = float(torch.quantile(torch.from_numpy(values[:: max(1, len(values) // 1_000_000)]), share)) if len(values) else 1.0
        fractions.append(int(torch.floor(torch.log2(torch.tensor(ACTIVATION_MAX / top)))))
    return fractions
