"""The fetch: reads the next descriptor while the operation before works."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.mac.layouts import Fields
from hw.mac.params import ArrayParams
from sw.export.array.program import DESCRIPTOR_WORDS

# From a start or a take to the descriptor after: its words, one more for the memory.
LATENCY = DESCRIPTOR_WORDS + 2


class Fetch(wiring.Component):
    """Ports: ``start`` at the first descriptor; ``take``: go on to the one after; ``ready``: the next one is in ``fields``,
    ``LATENCY`` cycles after either; ``address``/``word``: the program memory (one register)."""

    def __init__(self, params: ArrayParams):
        super().__init__(
            {
                "start": In(1),
                "take": In(1),
                "ready": Out(1),
                "fields": Out(Fields),
                "address": Out(range(params.program)),
                "word": In(32),
            }
        )

    def elaborate(self, platform):
        m = Module()
        raw = Signal(32 * DESCRIPTOR_WORDS, reset_less=True)
        place = Signal.like(self.address, reset_less=True)
        count = Signal(range(DESCRIPTOR_WORDS + 1), reset_less=True)
        works = Signal()
        m.d.comb += [self.fields.eq(Fields(raw[: Fields.size])), self.address.eq(place)]
        with m.If(works):
            m.d.sync += count.eq(count + 1)
            with m.If(count != DESCRIPTOR_WORDS):
                m.d.sync += place.eq(place + 1)
            with m.If(count != 0):
                m.d.sync += raw.eq(Cat(raw[32:], self.word))
            with m.If(count == DESCRIPTOR_WORDS):
                m.d.sync += [works.eq(0), self.ready.eq(1)]
        with m.If(self.start | self.take):
            m.d.sync += [works.eq(1), self.ready.eq(0), count.eq(0)]
        with m.If(self.start):
            m.d.sync += place.eq(0)
        return m
