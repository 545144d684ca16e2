"""The lanes: every one adds or subtracts one input a cycle.

Lane j of group g works for row slot * groups + g, where a group's lanes are split among its slots: 16 positions of one channel, 8
of two, or 4 of four. All groups see the same inputs, or each has a window of its own.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.mac.adder import add_or_subtract
from hw.mac.layouts import Lane, bus
from hw.mac.params import ArrayParams
from sw.export.array.program import LANES, SLOTS, SUM_BITS

# Inputs spread over the slots, loaded, at work; the sum.
AT_WORK = 3
LATENCY = AT_WORK + 1
# From inputs to the word with their weights: a register before they are at work.
AT_WEIGHTS = AT_WORK - 1


def sums_layout(groups: int) -> data.ArrayLayout:
    """The sums of all lanes, ``[group][lane]``."""
    return data.ArrayLayout(data.ArrayLayout(signed(SUM_BITS), LANES), groups)


class Windows(wiring.Component):
    """The groups' inputs. Ports: ``bus``; with it ``spread`` (slots, as stored, over which inputs are repeated) and ``load``:
    groups that take them; a cycle after the load ``copy``: what was loaded goes to work, else what is at work moves on by one
    byte. ``x``: inputs at work, ``AT_WORK`` cycles after the bus. Without ``params.windows`` all groups have the inputs of the
    bus."""

    def __init__(self, params: ArrayParams):
        self.params = params
        super().__init__(
            {
                "bus": In(bus(params.bus)),
                "spread": In(2),
                "load": In(params.groups),
                "copy": In(1),
                "x": Out(data.ArrayLayout(bus(LANES), params.groups)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        spread = Signal(bus(self.params.bus), reset_less=True)
        for j in range(self.params.bus):
            one = self.bus[j]
            if j < LANES:
                one = Mux(self.spread[1], self.bus[j % 4], Mux(self.spread[0], self.bus[j % 8], one))
            m.d.sync += spread[j].eq(one)
        if not self.params.windows:
            loaded, work = (Signal(bus(LANES), name=n, reset_less=True) for n in ("loaded", "work"))
            m.d.sync += [loaded.eq(spread), work.eq(loaded)]
            m.d.comb += [self.x[g].eq(work) for g in range(self.params.groups)]
            return m
        load = Signal(self.params.groups)
        m.d.sync += load.eq(self.load)
        for g in range(self.params.groups):
            loaded, work = (Signal(9 * self.params.bus, name=f"{n}{g}", reset_less=True) for n in ("loaded", "work"))
            copy = Signal(name=f"copy{g}", reset_less=True)
            m.d.sync += copy.eq(self.copy)
            with m.If(load[g]):
                m.d.sync += loaded.eq(spread)
            m.d.sync += work.eq(Mux(copy, loaded, work >> 9))
            m.d.comb += self.x[g].as_value().eq(work)
        return m


def lane_masks(lane) -> list:
    """Which lanes take part in a tap: all, but for those whose input lies in another row of a flat plane, or in another plane."""
    masks = []
    for j in range(LANES):
        first, last = (Cat(Const(any_, 1) for any_ in (0, *bits)) for bits in _edges(j))
        outside = (lane.kx == 0) & first.bit_select(lane.plane, 1) | (lane.kx == 2) & last.bit_select(lane.plane, 1)
        down = j >> 1 & 1
        masks.append(~((lane.plane != 0) & outside | lane.quad & (lane.ky == 2 * down)))
    return masks


def _edges(j: int) -> tuple[list[int], list[int]]:
    """Whether a lane is the first or last of a row of 2, 4 and 8."""
    sides = (2, 4, 8)
    return [int(j % side == 0) for side in sides], [int(j % side == side - 1) for side in sides]


class Lanes(wiring.Component):
    """Ports: ``bus``, ``spread``, ``load`` as at :class:`Windows`; with the bus ``lane`` (:data:`Lane`: what to do with the taps
    that were loaded) and ``take``: copy the sums of what was added before to ``sums``. ``word`` of the weight memory (taps of all
    rows: 1, 2 or 4 of them) and ``tap`` (which of them), ``AT_WEIGHTS`` cycles after. ``sums`` changes ``LATENCY`` cycles after
    ``take``; an addition in the same cycle is the first of the next pass. Sums are ``SUM_BITS`` wide and wrap."""

    def __init__(self, params: ArrayParams):
        self.params = params
        groups = params.groups
        super().__init__(
            {
                "bus": In(bus(params.bus)),
                "spread": In(2),
                "load": In(groups),
                "lane": In(Lane),
                "take": In(1),
                "word": In(SLOTS * groups),
                "tap": In(2),
                "sums": Out(sums_layout(groups)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        groups = self.params.groups
        m.submodules.windows = windows = Windows(self.params)
        lane = [self.lane]
        take = [self.take]
        for k in range(1, AT_WORK + 1):
            lane.append(Signal(Lane, name=f"lane{k}"))
            take.append(Signal(name=f"take{k}"))
            m.d.sync += [lane[k].eq(lane[k - 1]), take[k].eq(take[k - 1])]
        m.d.comb += [
            windows.bus.eq(self.bus),
            windows.spread.eq(self.spread),
            windows.load.eq(self.load),
            windows.copy.eq(lane[1].copy),
        ]

        # Each quarter of a group's lanes has one weight.
        before = lane[AT_WEIGHTS]
        minus = Signal(data.ArrayLayout(groups, SLOTS), reset_less=True)
        for quarter in range(SLOTS):
            place = Signal(2, name=f"place{quarter}")
            m.d.comb += place.eq(Mux(before.slots[1], quarter, Mux(before.slots[0], (self.tap[0] << 1) | quarter >> 1, self.tap)))
            m.d.sync += minus[quarter].eq(~self.word.word_select(place, groups))
        # A lane that a first tap leaves out begins with 0.
        adds, clears, keep = Signal(LANES), Signal(LANES), Signal(reset_less=True)
        m.d.sync += keep.eq(~before.first)
        masks = lane_masks(before) if self.params.windows else [Const(1, 1)] * LANES
        for j, mask in enumerate(masks):
            m.d.sync += [adds[j].eq(before.add & mask), clears[j].eq(before.add & before.first & ~mask)]

        sums = Signal(sums_layout(groups), reset_less=True)
        for g in range(groups):
            for j in range(LANES):
                total = Signal(signed(SUM_BITS), name=f"total{g}_{j}", reset_less=True)
                added = add_or_subtract(m, total, windows.x[g][j], minus[j // (LANES // SLOTS)][g], keep, platform)
                with m.If(clears[j]):
                    m.d.sync += total.eq(0)
                with m.Elif(adds[j]):
                    m.d.sync += total.eq(added)
                with m.If(take[AT_WORK]):
                    m.d.sync += sums[g][j].eq(total)
        m.d.comb += self.sums.eq(sums)
        return m
