"""The weight memory's reader: hands the lanes a word in step with their inputs.

A word holds the signs of 4, 2 or 1 taps of a block's rows. Every pass begins with a new word; a tile's passes begin anew with the
next tile, and the next block's words follow (or the same again, where blocks share theirs).
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.mac.params import ArrayParams
from sw.export.program import SLOTS

# From ``add`` to the word at the lanes: the memory and its output register.
LATENCY = 2


class WeightReader(wiring.Component):
    """Ports: ``add``, ``take`` as at the lanes but ``LATENCY`` cycles before; with ``take`` come ``last`` (pass of its tile) and
    ``onward`` (other words follow it); ``restart`` begins the program; ``slots`` as at the lanes. ``address``/``data`` go to the
    memory (one register); ``word`` and ``tap`` to the lanes."""

    def __init__(self, params: ArrayParams):
        self.params = params
        width = SLOTS * params.groups
        super().__init__(
            {
                "add": In(1),
                "take": In(1),
                "last": In(1),
                "onward": In(1),
                "restart": In(1),
                "slots": In(2),
                "address": Out(range(params.weights)),
                "data": In(width),
                "word": Out(width),
                "tap": Out(2),
            }
        )

    def elaborate(self, platform):
        m = Module()
        place, block = Signal(range(self.params.weights)), Signal(range(self.params.weights))
        tap, final = Signal(2), Signal()
        m.d.comb += final.eq(Mux(self.slots[1], 1, Mux(self.slots[0], tap[0], tap == 3)))
        following = Signal.like(place)
        # Where the next pass begins: after this word, or after the one before where that was just used up.
        m.d.comb += following.eq(Mux(tap == 0, place, place + 1))
        with m.If(self.add):
            m.d.sync += tap.eq(Mux(final, 0, tap + 1))
            with m.If(final):
                m.d.sync += place.eq(place + 1)
        with m.If(self.take):
            m.d.sync += [tap.eq(0), place.eq(Mux(self.last & ~self.onward, block, following))]
            with m.If(self.last & self.onward):
                m.d.sync += block.eq(following)
        with m.If(self.restart):
            m.d.sync += [tap.eq(0), place.eq(0), block.eq(0)]
        taps = [Signal(2, name=f"tap{k}", reset_less=True) for k in range(LATENCY)]
        word = Signal.like(self.word, reset_less=True)
        m.d.sync += [taps[0].eq(tap), taps[1].eq(taps[0]), word.eq(self.data)]
        m.d.comb += [self.address.eq(place), self.tap.eq(taps[-1]), self.word.eq(word)]
        return m
