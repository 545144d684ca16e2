"""What ``make test ONLY=...`` runs."""

import pytest

from tests import only


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("hw/binary/pool", ["tests/hw/binary/test_pool.py"]),
        ("hw/binary/pool.py", ["tests/hw/binary/test_pool.py"]),
        ("hw/binary", ["tests/hw/binary", *only.SIDE_BY_SIDE]),
        ("sw/", ["tests/sw", *only.SIDE_BY_SIDE]),
        ("tests/test_house.py", ["tests/test_house.py"]),
        ("tests/test_house.py::test_no_recording_is_tracked", ["tests/test_house.py::test_no_recording_is_tracked"]),
        ("pool or window", ["-k", "pool or window"]),
    ],
)
def test_paths_and_expressions(given, expected):
    assert only.arguments(given) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("hw/binary/pol", "there is no hw/binary/pol and no hw/binary/pol.py"),
        ("hw/mac/lanes", "no test of its own .*test_lanes.py is not there.*ONLY=tests/hw/mac"),
        ("tests/test_none.py", "neither a test, nor a source"),
        ("../elsewhere/test_pool.py", "neither a test, nor a source"),
    ],
)
def test_what_has_no_test_is_told(given, message):
    with pytest.raises(SystemExit, match=message):
        only.arguments(given)
