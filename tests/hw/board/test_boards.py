"""Boards: their constraints."""

import pytest

from hw.board import boards
from hw.board.bitstream import CONSTRAINTS


@pytest.mark.parametrize("name", boards.BOARDS)
def test_constraints_are_those_of_amaranth_boards(name):
    board = boards.get(name)
    assert set(board.pins()) == {"clock", "rx", "tx", "alive", "abnormal", *board.places}
    assert (CONSTRAINTS / f"{name}{board.suffix}").read_text() == board.constraints()
