"""Words of constants as they are stored with parity: any single flip leaves an odd number of ones. The check itself is proved
(``make prove ONLY=parity``)."""

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import data
from amaranth.sim import Simulator

from hw.stream import parity


def test_a_stored_word_has_an_even_number_of_ones_and_keeps_its_bits():
    words = [0, 1, 0b1011, *np.random.default_rng(1).integers(0, 1 << 62, 40).tolist()]
    stored, width = parity.stored(words, 62)
    assert width == 63
    assert [word & ((1 << 62) - 1) for word in stored] == words
    assert {word.bit_count() % 2 for word in stored} == {0}
    flipped = {(word ^ 1 << bit).bit_count() % 2 for word in stored for bit in range(width)}
    assert flipped == {1}


def test_without_a_check_words_are_stored_as_they_are():
    assert parity.stored([3, 4], 3, checked=False) == ([3, 4], 3)


LAYOUT = data.StructLayout({"low": 3, "high": 2})
ROWS = [{"low": 5, "high": 1}, {"low": 0, "high": 3}, {"low": 7, "high": 2}]


def told(rows: list[dict], checked: bool, addresses: list[int]) -> tuple[list[int], bool]:
    """What a table's rows are read as, and whether damage was told."""
    m, seen = Module(), []
    address = Signal(2)
    port, row, damaged = parity.table(m, "table", LAYOUT, rows, checked)
    m.d.comb += port.addr.eq(address)
    simulator = Simulator(m)
    simulator.add_clock(1e-6)

    async def drive(ctx):
        for one in [0] * parity.ARMED + addresses:
            ctx.set(address, one)
            await ctx.tick()
            seen.append(ctx.get(row.as_value()))
        await ctx.tick().repeat(3)
        seen.append(bool(ctx.get(damaged)))

    simulator.add_testbench(drive)
    simulator.run()
    return seen[parity.ARMED : -1], seen[-1]


@pytest.mark.parametrize("checked", (False, True))
def test_a_table_reads_its_rows(checked):
    assert told(ROWS, checked, [0, 1, 2]) == ([0b01101, 0b11000, 0b10111], False)
    assert not told(ROWS, checked, [3])[1]  # behind the last row


def test_a_table_tells_of_any_bit_that_changed_where_it_is_read(monkeypatch):
    stored = parity.stored

    def flipped(row: int, bit: int):
        def spoiled(*given):
            words, width = stored(*given)
            return [word ^ (1 << bit if number == row else 0) for number, word in enumerate(words)], width

        return spoiled

    for row in range(3):
        for bit in range(LAYOUT.size + 1):
            monkeypatch.setattr(parity, "stored", flipped(row, bit))
            assert told(ROWS, True, [0, 1, 2])[1]
    monkeypatch.setattr(parity, "stored", flipped(2, 0))
    assert not told(ROWS, True, [0, 1])[1]  # not read
