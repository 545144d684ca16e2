"""The binary model: the sign, its gradient, a block against its formula."""

import pytest
import torch
from torch.nn import functional

from sw.models.binary import Block, sign, triangle
from tests.sw.training.conftest import MODEL


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sign_and_its_gradient(dtype):
    one = torch.ones((), dtype=dtype)
    x = torch.stack([one * 0, -one * 0, one, -one, torch.nextafter(one, 2 * one), -2 * one, 0.3 * one]).requires_grad_()
    y = sign(x)
    assert y.tolist() == [1, 1, 1, -1, 1, -1, 1]
    y.backward(torch.full_like(x, 3.0))
    assert x.grad.tolist() == [3, 3, 3, 3, 0, 0, 3]
    assert (triangle(x.detach()) == y).all()
    x.grad = None
    triangle(x).backward(torch.full_like(x, 3.0))
    torch.testing.assert_close(x.grad, torch.tensor([6, 6, 0, 0, 0, 0, 4.2], dtype=dtype))


@pytest.mark.parametrize("binary", [True, False])
def test_a_block_is_what_its_docstring_says(binary):
    torch.manual_seed(2)
    geometry = MODEL.network.blocks[1]
    block = Block(geometry, binary, first=False).double().eval()
    x = torch.randn(4, geometry.in_channels, geometry.length, dtype=torch.float64)
    padded = functional.pad(x, (geometry.pad, geometry.pad), value=1.0)
    signs, weight = (torch.where(v >= 0, 1.0, -1.0).double() if binary else v for v in (padded, block.weight))
    pooled = functional.max_pool1d(functional.conv1d(signs, weight, stride=geometry.stride), 7, 2)
    torch.testing.assert_close(block.pooled(x), pooled, rtol=0, atol=0 if binary else 1e-12)
    prelu = pooled.clamp(min=0) + block.slope * pooled.clamp(max=0)
    torch.testing.assert_close(block.activation(pooled), prelu / (1 + block.norm.eps) ** 0.5)
