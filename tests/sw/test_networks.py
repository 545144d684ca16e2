"""Blocks of networks that there can't be."""

import pytest

from sw.networks import BlockGeometry


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BlockGeometry(0, 1, 20), "in_channels of a block"),
        (lambda: BlockGeometry(1, 1, 20, pad=7), "as wide as the kernel"),
        (lambda: BlockGeometry(1, 1, 2), "fewer than the pool's 7"),
    ],
)
def test_geometries_of_no_block(make, message):
    with pytest.raises(ValueError, match=message):
        make()
