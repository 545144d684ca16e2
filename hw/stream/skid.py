"""A skid buffer: a stream's register stage that cuts the path of ready as well as that of valid."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

LATENCY = 1
CAPACITY = 2


class SkidBuffer(wiring.Component):
    """Hands beats from ``i`` to ``o``, a beat a cycle; every output is a register.

    ``i.ready`` falls a cycle after the consumer paused, so one beat more may come: it waits in the second register. Latency
    ``LATENCY`` where the consumer is ready; holds ``CAPACITY`` beats. Reset empties it.
    """

    def __init__(self, shape):
        self.shape = shape
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        valid, waiting = Signal(), Signal()
        payload = Signal(self.shape, reset_less=True)
        second = Signal(self.shape, reset_less=True)
        m.d.comb += [self.i.ready.eq(~waiting), self.o.valid.eq(valid), self.o.payload.eq(payload)]
        with m.If(self.o.ready | ~valid):
            m.d.sync += [valid.eq(waiting | self.i.valid), waiting.eq(0)]
            with m.If(waiting):
                m.d.sync += payload.eq(second)
            with m.Else():
                m.d.sync += payload.eq(self.i.payload)
        with m.Elif(~waiting):
            m.d.sync += [waiting.eq(self.i.valid), second.eq(self.i.payload)]
        return m
