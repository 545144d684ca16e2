"""The golden model: the binary network in PyTorch, as it is trained, and its float twin.

Block: pad with +1 -> (from block 2 on) sign -> convolution with weights +-1, no bias -> max-pool 7/2 -> PReLU with one slope
>= 0 -> batch norm. Head: sum over the last block's positions. sign(0) is +1. Source: "ultra-lightweight binary neural network
for ECG" (xpww/ECG_BNN_Net); slopes are kept >= 0 here, so that a threshold commutes with the pool. The float twin is the same
network with real weights and without signs: what binarisation costs is the difference between the two.
"""

import torch
from torch import nn
from torch.nn import functional

from sw.networks import POOL, POOL_STRIDE, BinaryNetwork, BlockGeometry

DROPOUT = 0.5


class _Sign(torch.autograd.Function):
    """sign(x) with sign(0) = +1; the gradient passes where |x| <= 1 (straight-through estimator). x + 0 is +0 for -0; hardtanh's
    own limits are open, so they lie one step beyond 1."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.copysign(torch.ones((), dtype=x.dtype, device=x.device), x + 0.0)

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        limit = 1 + torch.finfo(x.dtype).eps
        return torch.ops.aten.hardtanh_backward(gradient, x, -limit, limit)


class _Triangle(_Sign):
    """The same with a gradient that is 2 at 0 and falls to nothing at |x| = 1. Source: Bi-Real Net (Liu et al. 2018), 3.3."""

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * (2 - 2 * x.abs()).clamp(min=0)


sign, triangle = _Sign.apply, _Triangle.apply


class Block(nn.Module):
    """One block; input ``[n, in_channels, length]``, output ``[n, out_channels, pool_length]``.

    ``binary`` says that weights are used as +-1, ``signs`` that the input is (never in the first block), ``triangle`` that the
    gradient of these signs is a triangle. Inside, a window is an image of height 1 with the channel as the fastest index: pools and
    batch norms are several times faster there."""

    def __init__(self, geometry: BlockGeometry, binary: bool, first: bool):
        super().__init__()
        self.geometry, self.binary, self.first = geometry, binary, first
        self.signs = binary and not first
        self.triangle = False
        shape = geometry.out_channels, geometry.in_channels, geometry.kernel
        self.weight = nn.Parameter((2 * torch.rand(shape) - 1) * (0.1 if binary else geometry.taps**-0.5))
        self.slope = nn.Parameter(torch.tensor(0.25))
        self.norm = nn.BatchNorm2d(geometry.out_channels)

    def used_weight(self) -> torch.Tensor:
        """The weights of the convolution: +-1 in the binary network."""
        return sign(self.weight) if self.binary else self.weight

    def activation(self, x: torch.Tensor) -> torch.Tensor:
        """PReLU and batch norm of pooled sums ``[n, out_channels, length]``."""
        x = functional.prelu(x.unsqueeze(2), self.slope.clamp(min=0)[None])
        return self.norm(x).squeeze(2)

    def pooled(self, x: torch.Tensor, rhythm: torch.Tensor | None = None, marks: tuple[int, ...] = ()) -> torch.Tensor:
        """The pooled sums, before PReLU. Behind the channels of ``x`` stand ``rhythm`` ``[n, comparisons]`` of -1 and +1, the same
        in all columns, and ``marks``."""
        x = functional.pad(x.unsqueeze(2), (self.geometry.pad, self.geometry.pad), value=1.0)
        if self.signs:
            x = triangle(x) if self.triangle else sign(x)
        weight, own = self.used_weight(), x.shape[1]
        sums = weight[:, :own].unsqueeze(2).contiguous(memory_format=torch.channels_last)
        x = functional.conv2d(x, sums, stride=(1, self.geometry.stride))
        if rhythm is not None:
            x = x + self._beside(weight[:, own:], rhythm, marks).unsqueeze(2)
        x = functional.max_pool2d(x.contiguous(memory_format=torch.channels_last), (1, POOL), (1, POOL_STRIDE))
        return x.squeeze(2)

    def _beside(self, weight: torch.Tensor, rhythm: torch.Tensor, marks: tuple[int, ...]) -> torch.Tensor:
        """What rhythm and marks add to the sums ``[n, out_channels, conv_length]``. A channel that is the same in all columns needs
        no convolution: its bit times the sum of its weights on columns, and the sum of those on the padding, which is +1."""
        g, count = self.geometry, rhythm.shape[1]
        column = torch.arange(-g.pad, g.length + g.pad)
        inside = ((column >= 0) & (column < g.length)).to(rhythm)
        each = weight[:, :count].reshape(-1, 1, g.kernel)
        on_columns = functional.conv1d(inside[None, None], each).reshape(g.out_channels, count, -1)
        on_padding = functional.conv1d(1 - inside[None, None], each).reshape(g.out_channels, count, -1).sum(dim=1)
        placed = torch.stack([torch.where((column < mark) & (inside > 0), -1.0, 1.0) for mark in marks]) if marks else None
        fixed = on_padding + (functional.conv1d(placed[None].to(rhythm), weight[:, count:])[0] if marks else 0)
        return torch.einsum("nc,ocp->nop", rhythm, on_columns) + fixed

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.activation(self.pooled(x))


class Hidden(nn.Module):
    """Hidden bits: a dense layer over rhythm bits ``[n, comparisons]``, ``[n, hidden]`` of -1 and +1, with weights that are used as
    +-1; in the float twin real weights and tanh. The sum is scaled by the root of the bits' number."""

    def __init__(self, comparisons: int, hidden: int, binary: bool):
        super().__init__()
        self.binary = binary
        self.weight = nn.Parameter((torch.rand(hidden, comparisons) - 0.5) * (1 if binary else 2))
        self.bias = nn.Parameter((2 * torch.rand(hidden) - 1) * (comparisons**0.5 if binary else 1))

    def used_weight(self) -> torch.Tensor:
        """The weights of the layer: +-1 in the binary network."""
        return sign(self.weight) if self.binary else self.weight

    def forward(self, bits: torch.Tensor) -> torch.Tensor:
        sums = functional.linear(bits, self.used_weight(), self.bias) / self.weight.shape[1] ** 0.5
        return triangle(sums) if self.binary else torch.tanh(sums)


class BinaryNet(nn.Module):
    """The whole network: normalised windows ``[n, 1, window]`` and, where it takes them, rhythm bits ``[n, comparisons]`` of -1
    and +1, to logits ``[n, classes]``."""

    def __init__(self, network: BinaryNetwork, binary: bool = True):
        super().__init__()
        self.network, self.binary = network, binary
        self.dropout = DROPOUT  # of the last block's positions, in training
        self.bit_dropout = 0.0  # of rhythm bits on their way to the head and, drawn anew, to the hidden bits
        self.blocks = nn.ModuleList(Block(g, binary, i == 0) for i, g in enumerate(network.blocks))
        self.hidden = None
        if network.rhythm and network.rhythm.head:
            comparisons, hidden = len(network.rhythm.comparisons), network.rhythm.hidden
            self.of_bits = nn.Parameter(torch.zeros(network.classes, comparisons))
            if hidden:
                self.hidden = Hidden(comparisons, hidden, binary)
                scale = (network.blocks[-1].pool_length / hidden) ** 0.5
                self.of_hidden = nn.Parameter((2 * torch.rand(network.classes, hidden) - 1) * scale)

    def sums(self, x: torch.Tensor, rhythm: torch.Tensor | None = None) -> torch.Tensor:
        """The last block's pooled sums."""
        wanted = self.network.rhythm
        for number, block in enumerate(self.blocks, start=1):
            joins = wanted and number == wanted.block
            x = block.pooled(x, rhythm.to(x), wanted.marks) if joins else block.pooled(x)
            if number < len(self.blocks):
                x = block.activation(x)
        return x

    def forward(self, x: torch.Tensor, rhythm: torch.Tensor | None = None) -> torch.Tensor:
        out = self.blocks[-1].activation(self.sums(x, rhythm))
        out = functional.dropout(out, self.dropout, self.training).sum(dim=2)
        return self.with_bits(out, rhythm)

    def with_bits(self, logits: torch.Tensor, rhythm: torch.Tensor | None) -> torch.Tensor:
        """The logits with what the rhythm bits add to them, where the head takes them."""
        if not hasattr(self, "of_bits"):
            return logits
        rhythm = rhythm.to(logits)
        if self.hidden:
            logits = logits + self.hidden(self._some(rhythm)) @ self.of_hidden.T
        return logits + self._some(rhythm) @ self.of_bits.T

    def _some(self, rhythm: torch.Tensor) -> torch.Tensor:
        return functional.dropout(rhythm, self.bit_dropout, self.training)

    def latent(self) -> list[nn.Parameter]:
        """The convolutions' weights, which have a learning rate of their own."""
        return [block.weight for block in self.blocks]

    def binary_weights(self, on: bool) -> None:
        """Use the weights of the binary network as +-1, or as they are: a stage of its training has signs and real weights."""
        for block in self.blocks:
            block.binary = on

    def triangles(self, on: bool) -> None:
        """Whether the gradient of the blocks' signs is a triangle; that of weights never is."""
        for block in self.blocks:
            block.triangle = on

    @torch.no_grad()
    def clip(self) -> None:
        """Keep latent weights of the binary network within [-1, 1]."""
        for layer in (*self.blocks, *([self.hidden] if self.hidden else [])):
            if layer.binary:
                layer.weight.clamp_(-1, 1)
