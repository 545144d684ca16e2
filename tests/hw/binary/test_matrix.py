"""The matrices of weights alone, on Verilator under cocotb."""

import numpy as np
import pytest

from hw.binary.matrix import MatrixParams
from sim.benches import alone
from sim.benches.base import signs
from sim.benches.binary import matrix
from sw.networks import BlockGeometry

GEOMETRY = BlockGeometry(4, 6, 24)
RNG = np.random.default_rng(1)


def test_every_case_and_its_canary():
    assert alone.run(matrix) == len(matrix.CASES)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MatrixParams(GEOMETRY, signs(RNG, 6, 4, 6), 1), "the block needs"),
        (lambda: MatrixParams(GEOMETRY, signs(RNG, 6, 4, 7), 7), "1 to 6 PEs, not 7"),
        (lambda: MatrixParams(GEOMETRY, signs(RNG, 6, 4, 7), 1, 3), "power of two"),
    ],
)
def test_parameters_that_make_no_hardware(make, message):
    with pytest.raises(ValueError, match=message):
        make()
