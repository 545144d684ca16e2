"""Clocks that a board can have."""

import dataclasses

import pytest

from hw.board import boards
from hw.board.clock import Ice40Pll, Pll
from sw.errors import PopbeatError


def test_clocks():
    for mhz in (50, 75, 100, 125, 150):
        assert 400 <= Pll(25, mhz).divider * mhz <= 800
    with pytest.raises(PopbeatError, match="a multiple of the board's 25 MHz"):
        Pll(25, 110)
    assert Ice40Pll(12, 24, pad=True).factors == (64, 5)
    with pytest.raises(PopbeatError, match="can't be had from the board's 12 MHz; take 24"):
        Ice40Pll(12, 25, pad=False)
    with pytest.raises(PopbeatError, match="unknown board"):
        boards.get("arty")
    assert dataclasses.is_dataclass(boards.get("ulx3s-85f"))
