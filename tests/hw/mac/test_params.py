"""Parameters of the array."""

import pytest

from hw.mac.params import CONFIGS, ArrayParams
from sim.benches.mac.small import SMALL
from sw.errors import PopbeatError


def test_configurations():
    assert {name: params.lanes for name, params in CONFIGS.items()} == {"mac128": 128, "mac64": 64, "mac32": 32, "mac128l": 128}
    assert all(params.name == name for name, params in CONFIGS.items()) and SMALL.name == "mac32"
    with pytest.raises(ValueError, match="powers of two"):
        ArrayParams(3)
    with pytest.raises(PopbeatError, match="take a larger configuration"):
        SMALL.check({"weights": 1 << 20})
