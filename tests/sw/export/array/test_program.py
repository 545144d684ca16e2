"""Descriptors of the array's operations."""

import pytest

from sw.errors import PopbeatError
from sw.export.array.program import Descriptor


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"slots": 3}, "channels a group"),
        ({"taps_x": 9000}, "does not fit into its 13 bits"),
        ({"taps_x": 515}, "515 taps in one sum"),
        ({"channels": 0}, "at least one"),
        ({"kind": 2, "table": 1}, "neither pooled nor looked up"),
    ],
)
def test_descriptors_that_make_no_operation(fields, message):
    with pytest.raises(PopbeatError, match=message):
        Descriptor(**fields)
