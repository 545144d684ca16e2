"""The sums of a window while it comes in, of the samples and of their squares: :mod:`hw.front.statistics` in few logic cells."""

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.front.statistics import sums_layout
from sw.export.front.normaliser import NormaliserSpec

# A register for sample and square, one for the sums.
LATENCY = 2


def sample_layout(spec: NormaliserSpec) -> data.StructLayout:
    """A raw sample; whether its window ``ends`` with it, or ``breaks`` off."""
    return data.StructLayout({"sample": signed(spec.raw_bits), "ends": 1, "breaks": 1})


class Sums(wiring.Component):
    """Ports: ``i``, samples without backpressure; ``o``, a window's sums, ``LATENCY`` cycles behind the sample that ends it, until
    they are taken; no sample of another window may come in between. A window that breaks off leaves nothing behind."""

    def __init__(self, spec: NormaliserSpec):
        self.spec = spec
        super().__init__(
            {
                "i": In(stream.Signature(sample_layout(spec), always_ready=True)),
                "o": Out(stream.Signature(sums_layout(spec))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        sample = self.i.payload.sample
        now, valid = Signal(sample_layout(self.spec), reset_less=True), Signal()
        square = Signal(2 * self.spec.raw_bits - 1, reset_less=True)
        sums, whole = Signal(sums_layout(self.spec)), Signal()
        m.d.sync += [now.eq(self.i.payload), valid.eq(self.i.valid), square.eq(sample * sample)]
        # Cleared when they are of no use any more: so the adders have nothing to choose from.
        with m.If(valid):
            m.d.sync += [sums.s1.eq(sums.s1 + now.sample), sums.s2.eq(sums.s2 + square), whole.eq(now.ends)]
        with m.If((valid & now.breaks) | (self.o.valid & self.o.ready)):
            m.d.sync += [sums.s1.eq(0), sums.s2.eq(0), whole.eq(0)]
        m.d.comb += [self.o.valid.eq(whole), self.o.payload.eq(sums)]
        return m
