"""Configurations that refuse a network by name."""

import pytest

from sw.errors import PopbeatError
from tests.conftest import TOY_RHYTHM, random_bundle


def test_tiny_engine_and_explorer_refuse_by_name():
    from hw import configurations

    with pytest.raises(PopbeatError, match="takes no rhythm bits"):
        configurations.parameters(random_bundle(1, (3, 4, 2), 100, rhythm=TOY_RHYTHM), configurations.get("tiny"))
