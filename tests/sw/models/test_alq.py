import itertools

import numpy as np
import pytest
import torch

from sw.models import alq


def groups(seed: int, count: int = 12, n: int = 40) -> torch.Tensor:
    torch.manual_seed(seed)
    return torch.randn(count, n, dtype=torch.float64) * torch.rand(count, 1, dtype=torch.float64)


def residual(weight, bases, alpha):
    return ((weight - alq.compose(bases, alpha)) ** 2).sum(dim=1)


def test_every_greedy_base_leaves_less_over():
    weight = groups(1)
    left = [residual(weight, *alq.greedy(weight, most)) for most in range(1, 7)]
    for before, after in itertools.pairwise(left):
        assert (after < before).all()
    bases, alpha = alq.greedy(weight, 4)
    assert (alpha >= 0).all() and set(bases.unique().tolist()) == {-1, 1}
    # One base: the sign, and the mean of the magnitudes.
    bases, alpha = alq.greedy(weight, 1)
    assert torch.equal(bases[:, 0], weight.sign())
    torch.testing.assert_close(alpha[:, 0], weight.abs().mean(dim=1), rtol=1e-3, atol=0)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_nearest_combination_against_all_of_them(count):
    target, alpha = groups(2), groups(3, n=4).abs()
    present = torch.zeros(12, 4, dtype=torch.bool)
    for row in range(12):
        present[row, torch.randperm(4)[:count]] = True
    alpha = alpha * present
    bases = alq.nearest(target, alpha, present)
    assert torch.equal(bases.abs().amax(dim=2).bool(), present)
    reached = alq.compose(bases, alpha)
    for row in range(12):
        levels = [
            sum(s * a for s, a in zip(signs, alpha[row].tolist(), strict=True)) for signs in itertools.product((-1, 1), repeat=4)
        ]
        best = (target[row][:, None] - torch.tensor(levels, dtype=torch.float64)).abs().amin(dim=1)
        torch.testing.assert_close((target[row] - reached[row]).abs(), best)


def test_basis_step_takes_the_nearest_combination_to_its_target_and_fits_alpha_to_it():
    weight = groups(4)
    bases, alpha = alq.greedy(weight, 3)
    gradient, moments = groups(5), alq.AmsGrad(rate=0.05)
    chosen, fitted, target = alq.basis_step(bases, alpha, weight, moments, gradient)
    # The first AMSGrad step goes by the rate against the gradient's sign.
    torch.testing.assert_close(target, weight - 0.05 * gradient.sign(), rtol=1e-4, atol=1e-4)
    nearest = alq.nearest(target, alpha, torch.ones(12, 3, dtype=torch.bool))
    assert torch.equal(chosen.abs(), nearest.abs())
    # alpha: the weighted least squares, as a solver finds it.
    h = moments.curvature.sqrt()
    for row in range(12):
        solved = torch.linalg.lstsq((chosen[row] * h[row]).T, (target[row] * h[row])[:, None]).solution[:, 0]
        torch.testing.assert_close(fitted[row], solved, rtol=1e-2, atol=1e-3)
    assert (fitted >= 0).all()


def test_a_group_without_gradient_keeps_finite_alpha():
    weight = groups(6)
    bases, alpha = alq.greedy(weight, 3)
    moments = alq.AmsGrad(rate=1e-3)
    for _ in range(3):
        bases, alpha, weight = alq.basis_step(bases, alpha, weight, moments, torch.zeros_like(weight))
    assert torch.isfinite(alpha).all()
    assert alpha.max() < 2 * weight.abs().max()


def test_coordinate_steps_go_down_and_turn_bases_over():
    target = groups(7)
    bases, alpha = alq.greedy(target, 2)
    alpha = alpha * 0 + 0.01
    bases[0, 0] *= -1  # wants a negative alpha
    before, moments = residual(target, bases, alpha), alq.AmsGrad(rate=0.01)
    first = bases[0, 0].clone()
    for _ in range(200):
        error = alq.compose(bases, alpha) - target
        gradient = torch.einsum("gn,gin->gi", error, bases)
        bases, alpha = alq.coordinate_step(bases, alpha, moments, gradient)
    assert (residual(target, bases, alpha) < before).all()
    assert (alpha >= 0).all() and torch.equal(bases[0, 0], -first)


def test_loss_increase_is_that_of_a_quadratic():
    """L(a) = g (a - a0) + h (a - a0)^2 / 2, from a0 to 0."""
    a0, g, h = groups(8, n=3), groups(9, n=3), groups(10, n=3).abs()

    def loss(a):
        return g * (a - a0) + h * (a - a0) ** 2 / 2

    torch.testing.assert_close(alq.loss_increase(a0, g, h), loss(torch.zeros_like(a0)) - loss(a0))


def test_ranking_compares_layers_and_reaches_both_goals():
    """Two layers, one of which matters a hundred times less: its bases go, and not the same share of both."""
    rng = np.random.default_rng(1)
    increase = np.concatenate([rng.random(100) + 0.5, (rng.random(100) + 0.5) / 100])
    bits, cycles = np.full(200, 50), np.repeat([400, 100], 100)
    gone = alq.rank(increase, bits, cycles, goal_bits=50 * 80, goal_cycles=0)
    assert len(gone) == 80 and min(gone) >= 100
    assert set(increase[gone]) == set(np.sort(increase)[:80])
    # Bits alone are reached by the second layer; the cycles need the first one as well.
    gone = alq.rank(increase, bits, cycles, goal_bits=1000, goal_cycles=20_000)
    assert bits[gone].sum() >= 1000 and cycles[gone].sum() >= 20_000
    assert cycles[gone[:-1]].sum() < 20_000 and min(gone) < 100
    assert alq.rank(increase, bits, cycles, 0, 0) == []
    # A base that only adds to the loss goes first, whatever it saves.
    increase[7] = -1e-9
    assert alq.rank(increase, bits, cycles, 1, 0) == [7]


def test_dependent_bases_are_merged():
    weight = groups(11)
    bases, alpha = alq.greedy(weight, 4)
    bases[0, 1] = -bases[0, 0]
    bases[1, 2] = bases[1, 0]
    alpha[2, 3] = 0
    alpha[3], bases[3] = 0, 0
    before = alq.compose(bases, alpha)
    fewer, fitted = alq.reduce_rank(bases, alpha)
    assert (fewer[:, :, 0] != 0).sum(dim=1).tolist()[:5] == [3, 3, 3, 0, 4]
    torch.testing.assert_close(alq.compose(fewer, fitted), before)
    assert (fitted >= 0).all() and torch.equal(fitted[3], torch.zeros_like(fitted[3]))
