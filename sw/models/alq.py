"""ALQ, adaptive loss-aware quantisation into several bits: the algorithm's steps, on groups of weights.

A group (here an output channel) of n weights is w = sum_i alpha_i B_i with B_i in {-1, +1}^n and alpha_i >= 0, and has its own
number of bases. Arrays: weights ``[groups, n]``; ``bases`` ``[groups, most, n]`` (0: pruned away); ``alpha`` ``[groups, most]``.
Source: Qu et al., "Adaptive Loss-aware Quantization for Multi-bit Networks" (CVPR 2020). Against the published code: the ranking
of the pruning really compares layers, and weighs a loss with what it saves; inverses are regularised; linearly dependent bases
are merged; a channel without a base is zero.
"""

from dataclasses import dataclass, field

import numpy as np
import torch

RIDGE = 1e-4


def combinations(count: int) -> torch.Tensor:
    """All sign vectors of ``count`` bases, ``[2^count, count]``; the first is all +1."""
    numbers = torch.arange(1 << count)
    return 1.0 - 2.0 * ((numbers[:, None] >> torch.arange(count)) & 1)


def refit(target: torch.Tensor, bases: torch.Tensor, curvature: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Least squares: alpha = (B H B^T + ridge)^-1 B H target for every group, H = diag(``curvature``) (identity without one).

    A negative alpha turns its base over. Returns (bases, alpha).
    """
    weighted = bases if curvature is None else bases * curvature[:, None, :]
    gram = weighted @ bases.transpose(1, 2)
    present = bases[:, :, 0] != 0
    # Relative ridge: a group without gradient has H near 0, and a pruned base no row of its own.
    size = gram.diagonal(dim1=1, dim2=2).amax(dim=1).clamp(min=1e-12)[:, None]
    gram = gram + torch.diag_embed(torch.where(present, RIDGE * size, size))
    right = (weighted @ target[:, :, None])[:, :, 0]
    alpha = torch.linalg.solve(gram, right) * present
    return torch.where(alpha[:, :, None] < 0, -bases, bases), alpha.abs()


def greedy(weight: torch.Tensor, most: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Initial bases: each is the sign of what the ones before leave over; all alpha are fitted again after each."""
    groups, n = weight.shape
    bases, alpha = weight.new_zeros(groups, most, n), weight.new_zeros(groups, most)
    for i in range(most):
        left = weight - compose(bases, alpha)
        bases[:, i] = torch.where(left >= 0, 1.0, -1.0)
        bases, alpha = refit(weight, bases)
    return bases, alpha


def compose(bases: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
    """The weights: sum_i alpha_i B_i."""
    return torch.einsum("gi,gin->gn", alpha, bases)


def nearest(target: torch.Tensor, alpha: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    """Bases whose combination is nearest to ``target`` in every weight, of the 2^I that a group's alpha allow.

    ``present`` ``bool[groups, most]``: bases that are there; the others come back as 0.
    """
    out = target.new_zeros(*alpha.shape, target.shape[1])
    counts = present.sum(dim=1)
    for count in counts.unique().tolist():
        if count == 0:
            continue
        rows = (counts == count).nonzero()[:, 0]
        places = present[rows].nonzero()[:, 1].reshape(-1, count)
        if count == 1:
            signs = torch.where(target[rows] >= 0, 1.0, -1.0).to(target.dtype)[:, None]
        else:
            signs_of = combinations(count).to(target.dtype)
            levels, order = (alpha[rows].gather(1, places) @ signs_of.T).sort(dim=1)
            middle = (levels[:, 1:] + levels[:, :-1]) / 2
            chosen = order.gather(1, torch.searchsorted(middle, target[rows].contiguous()))
            signs = signs_of[chosen].transpose(1, 2)
        out[rows[:, None], places] = signs
    return out


@dataclass
class AmsGrad:
    """AMSGrad's moments of one tensor; ``curvature`` H = sqrt(largest second moment) stands in for the Hessian's diagonal."""

    rate: float
    betas: tuple[float, float] = (0.9, 0.999)
    step: int = 0
    first: torch.Tensor | None = field(default=None, repr=False)
    second: torch.Tensor | None = field(default=None, repr=False)
    largest: torch.Tensor | None = field(default=None, repr=False)

    @property
    def mean(self) -> torch.Tensor:
        """m-hat, the mean gradient without its initial bias."""
        return self.first / (1 - self.betas[0] ** self.step)

    @property
    def curvature(self) -> torch.Tensor:
        """H."""
        return self.largest.sqrt() + 1e-8

    @property
    def fisher(self) -> torch.Tensor:
        """Mean square of the gradients. Times the batch it is the Fisher information, a Hessian that does not change with a
        layer's scale as sqrt does: what a ranking across layers needs."""
        return self.second / (1 - self.betas[1] ** self.step)

    def update(self, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Take in a gradient; returns (m-hat, H)."""
        if self.first is None:
            self.first, self.second, self.largest = (torch.zeros_like(gradient) for _ in range(3))
        self.step += 1
        self.first = self.betas[0] * self.first + (1 - self.betas[0]) * gradient
        self.second = self.betas[1] * self.second + (1 - self.betas[1]) * gradient**2
        self.largest = torch.maximum(self.largest, self.second / (1 - self.betas[1] ** self.step))
        return self.mean, self.curvature


def basis_step(
    bases: torch.Tensor, alpha: torch.Tensor, weight: torch.Tensor, moments: AmsGrad, gradient: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Step of the bases: w* = ``weight`` - rate m-hat / H; every weight takes the nearest combination to it; then alpha is fitted
    to w* again, weighed with H. Returns (bases, alpha, w*).

    ``weight`` is the composed weight, or a latent one that remembers steps too small to change a sign.
    """
    mean, curvature = moments.update(gradient)
    target = weight - moments.rate * mean / curvature
    chosen = nearest(target, alpha, bases[:, :, 0] != 0)
    fitted = refit(target, chosen, curvature)
    return *fitted, target


def coordinate_step(
    bases: torch.Tensor, alpha: torch.Tensor, moments: AmsGrad, gradient: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Step of alpha along its AMSGrad direction; a negative one turns its base over, and its mean gradient with it.

    Returns (bases, alpha).
    """
    mean, curvature = moments.update(gradient)
    alpha = (alpha - moments.rate * mean / curvature) * (bases[:, :, 0] != 0)
    turned = alpha < 0
    moments.first = torch.where(turned, -moments.first, moments.first)
    return torch.where(turned[:, :, None], -bases, bases), alpha.abs()


def loss_increase(alpha: torch.Tensor, gradient: torch.Tensor, curvature: torch.Tensor) -> torch.Tensor:
    """What setting each alpha to 0 adds to the loss, to second order: -g alpha + h alpha^2 / 2."""
    return -gradient * alpha + curvature * alpha**2 / 2


def rank(increase: np.ndarray, bits: np.ndarray, cycles: np.ndarray, goal_bits: float, goal_cycles: float) -> list[int]:
    """Which bases go, of *all* layers' ``[n]``, so that ``goal_bits`` stored bits and ``goal_cycles`` cycles are saved.

    Least ``increase`` of the loss for what it saves first; a base's saving is the sum of its shares of the two goals, and a goal
    that is reached no longer counts. An increase below 0 is a gain whatever it saves.
    """
    gone: list[int] = []
    left = np.arange(len(increase))
    while len(left) and (goal_bits > 0 or goal_cycles > 0):
        saving = bits[left] * (goal_bits > 0) / max(goal_bits, 1) + cycles[left] * (goal_cycles > 0) / max(goal_cycles, 1)
        order = left[np.argsort(np.where(increase[left] > 0, increase[left] / saving, increase[left]), kind="stable")]
        open_goals = (goal_bits > 0) + (goal_cycles > 0)
        taken = 0
        for index in order:
            taken += 1
            gone.append(int(index))
            goal_bits, goal_cycles = goal_bits - bits[index], goal_cycles - cycles[index]
            if (goal_bits > 0) + (goal_cycles > 0) < open_goals:
                break
        left = order[taken:]
    return gone


def reduce_rank(bases: torch.Tensor, alpha: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Drop bases that are linear combinations of a group's others (or have alpha 0) and fit the rest to the same weights: the
    weights stay what they were."""
    bases, alpha = bases.clone(), alpha.clone()
    for group in range(len(bases)):
        kept: list[int] = []
        present = [i for i in range(bases.shape[1]) if bases[group, i, 0] != 0 and alpha[group, i] > 0]
        for i in present:
            rows = bases[group, [*kept, i]].double()
            if torch.linalg.matrix_rank(rows) == len(rows):
                kept.append(i)
        if len(kept) < int((bases[group, :, 0] != 0).sum()):
            weight = compose(bases[group : group + 1], alpha[group : group + 1])[0].double()
            rows = bases[group, kept]
            bases[group], alpha[group] = 0, 0
            if kept:
                fitted = torch.linalg.lstsq(rows.double().T, weight).solution.to(alpha.dtype)
                bases[group, kept] = torch.where(fitted[:, None] < 0, -rows, rows)
                alpha[group, kept] = fitted.abs()
    return bases, alpha
