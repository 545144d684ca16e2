"""Foldings that make no hardware."""

import pytest

from hw.binary.folding import Folding


def test_parameters_that_make_no_hardware():
    with pytest.raises(ValueError, match="pe of a folding"):
        Folding(0)
