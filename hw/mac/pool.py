"""Where the pool along a row stands, for all groups at once."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.mac.layouts import Fields
from hw.mac.stages import Step


class PoolControl(wiring.Component):
    """Ports: ``fields`` and ``ahead``, the step a stage before the pool, with the one ``following``. ``emits``: a result is
    complete; a register later, for the groups: ``counts``: the value is one of the pool's, ``goes_on``: what it makes is the
    state of the next one, ``emits_now``, ``chunk_first`` and ``chunk_last`` of its chunk."""

    def __init__(self):
        super().__init__(
            {
                "fields": In(Fields),
                "ahead": In(Step),
                "following": In(Step),
                "emits": Out(1),
                "emits_now": Out(1),
                "counts": Out(1),
                "goes_on": Out(1),
                "chunk_first": Out(1),
                "chunk_last": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        f, ahead = self.fields, self.ahead
        # Place within the chunk, whole chunks before it (0, 1, 2): of a tile's slots alike, of the tile before.
        chunk0, before0 = Signal(4), Signal(2)
        chunk1, before1 = Signal(4), Signal(2)
        chunk, before = Signal(4), Signal(2)
        next_chunk, next_before = Signal(4), Signal(2)
        stride_last, counts, plain = Signal(), Signal(), Signal()
        row_first = ahead.start & ahead.pass_.row_first
        m.d.comb += [
            chunk.eq(Mux(ahead.start, Mux(ahead.pass_.row_first, f.pool_pad, chunk0), chunk1)),
            before.eq(Mux(ahead.start, Mux(ahead.pass_.row_first, 0, before0), before1)),
            plain.eq(ahead.valid & ahead.pass_.last & ahead.inside),
            counts.eq(plain & ~ahead.pass_.mean),
            stride_last.eq(chunk == f.pool_stride - 1),
            next_chunk.eq(Mux(counts, Mux(stride_last, 0, chunk + 1), chunk)),
            next_before.eq(Mux(counts & stride_last & (before != 2), before + 1, before)),
        ]
        m.d.sync += [chunk1.eq(next_chunk), before1.eq(next_before)]
        with m.If(ahead.valid & ahead.pass_.last & ahead.end & ~ahead.pass_.mean):
            m.d.sync += [chunk0.eq(next_chunk), before0.eq(next_before)]
        with m.If(ahead.pass_.mean):
            m.d.comb += self.emits.eq(plain)
        with m.Elif(f.pool_rest):
            m.d.comb += self.emits.eq(counts & (chunk == 0) & (before > f.pool_chunks))
        with m.Else():
            m.d.comb += self.emits.eq(counts & stride_last & (before >= f.pool_chunks))
        m.d.sync += [
            self.counts.eq(counts),
            # The next tile's first position may follow the last one of the same slot.
            self.goes_on.eq(counts & (~self.following.start | (self.following.slot == ahead.slot))),
            self.emits_now.eq(self.emits),
            # What stands before a padded row is no more than any value.
            self.chunk_first.eq((chunk == 0) | row_first),
            self.chunk_last.eq(stride_last),
        ]
        return m
