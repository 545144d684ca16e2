"""The lanes: every one adds or subtracts one input a cycle.

Lane j of group g works for row slot * groups + g, where a group's lanes are split among its slots: 16 positions of one channel, 8
of two, or 4 of four. All groups see the same inputs.
"""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.mac.adder import add_or_subtract
from hw.mac.memory import Inputs
from sw.export.array.program import LANES, SLOTS, SUM_BITS

# Choice of the lane's input and weight, then the sum.
LATENCY = 2


def sums_layout(groups: int) -> data.ArrayLayout:
    """The sums of all lanes, ``[group][lane]``."""
    return data.ArrayLayout(data.ArrayLayout(signed(SUM_BITS), LANES), groups)


class Lanes(wiring.Component):
    """Ports: ``x`` inputs, ``word`` of the weight memory (taps of all rows: 1, 2 or 4 of them), ``tap`` (which of them), ``slots``
    (0, 1, 2 for 1, 2, 4), ``add``: take these into the sums; ``take``: copy the sums to ``sums`` and clear them. An ``add`` in the
    same cycle as ``take`` is not allowed; ``sums`` changes ``LATENCY`` cycles after ``take`` and holds what was added before it.
    Sums are ``SUM_BITS`` wide and wrap."""

    def __init__(self, groups: int):
        self.groups = groups
        super().__init__(
            {
                "x": In(Inputs),
                "word": In(SLOTS * groups),
                "tap": In(2),
                "slots": In(2),
                "add": In(1),
                "take": In(1),
                "sums": Out(sums_layout(groups)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        groups = self.groups

        # Each quarter of a group's lanes has one weight; each lane an input.
        x = Signal(Inputs, reset_less=True)
        for j in range(LANES):
            m.d.sync += x[j].eq(Mux(self.slots[1], self.x[j % 4], Mux(self.slots[0], self.x[j % 8], self.x[j])))
        minus = Signal(data.ArrayLayout(groups, SLOTS), reset_less=True)
        for quarter in range(SLOTS):
            place = Signal(2, name=f"place{quarter}")
            m.d.comb += place.eq(Mux(self.slots[1], quarter, Mux(self.slots[0], (self.tap[0] << 1) | quarter >> 1, self.tap)))
            m.d.sync += minus[quarter].eq(~self.word.word_select(place, groups))
        add, take = Signal(), Signal()
        m.d.sync += [add.eq(self.add), take.eq(self.take)]

        sums = Signal(sums_layout(groups), reset_less=True)
        for g in range(groups):
            for j in range(LANES):
                total = Signal(signed(SUM_BITS), name=f"total{g}_{j}")
                added = add_or_subtract(m, total, x[j], minus[j // (LANES // SLOTS)][g], platform)
                with m.If(take):
                    m.d.sync += [total.eq(0), sums[g][j].eq(total)]
                with m.Elif(add):
                    m.d.sync += total.eq(added)
        m.d.comb += self.sums.eq(sums)
        return m
