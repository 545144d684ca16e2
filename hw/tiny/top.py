"""The tiny engine's top: the ports of :class:`hw.binary.top.Top`."""

from amaranth.hdl import Module
from amaranth.lib.wiring import connect

from hw.binary.top import Cycles, Top
from hw.front.normaliser import sample_layout
from hw.stream import axis, skid
from hw.stream.result import Beat
from hw.tiny.datapath import Datapath, predict, timing
from hw.tiny.params import TinyParams


def cycles(params: TinyParams) -> Cycles:
    """Cycles of the tiny engine, exact."""
    told = timing(params)
    latency = told.header - told.normalised + skid.LATENCY
    before = skid.LATENCY + told.summed + told.scale + told.normalised
    return Cycles(predict(params).intervals[-1], latency, before + latency)


class TinyTop(Top):
    """A whole classifier on the shared engine; ports and packets as of :class:`hw.binary.top.Top`. Cycles: :func:`cycles`."""

    def __init__(self, params: TinyParams):
        super().__init__(params)

    def elaborate(self, platform):
        m = Module()
        spec = self.params.bundle.normaliser
        m.submodules.datapath = datapath = Datapath(self.params)
        m.submodules.source = source = skid.SkidBuffer(sample_layout(spec))
        m.submodules.sink = sink = skid.SkidBuffer(Beat)
        connect(m, source.o, datapath.i)
        connect(m, datapath.o, sink.i)
        m.d.comb += axis.samples_in(self, source, spec.raw_bits) + axis.results_out(self, sink)
        if self.params.checked:
            m.d.comb += self.damaged.eq(datapath.damaged)
        return m
