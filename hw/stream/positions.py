"""What tops that find the beats themselves share: raw samples in without end, and the R peak's position behind each result."""

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.fifo import SyncFIFOBuffered

from hw.stream.skid import SkidBuffer

# Beats that may be between what cuts them and the end of their result; more than a classifier holds.
UNDER_WAY = 8


def raw_samples(raw_bits: int) -> SkidBuffer:
    """The buffer behind ``s_axis`` of such a top."""
    return SkidBuffer(data.StructLayout({"sample": signed(raw_bits), "last": 1}))


def samples_in(top: wiring.Component, source: SkidBuffer, front: wiring.Component, raw_bits: int) -> list:
    """Statements that join ``s_axis`` to a buffer, and that to a front's ``i``: a sample a beat, in the lower ``raw_bits``."""
    return [
        source.i.valid.eq(top.s_axis_tvalid),
        source.i.payload.sample.eq(top.s_axis_tdata[:raw_bits].as_signed()),
        top.s_axis_tready.eq(source.i.ready),
        front.i.valid.eq(source.o.valid),
        front.i.payload.eq(source.o.payload.sample),
        source.o.ready.eq(front.i.ready),
    ]


def beats_in(classifier: wiring.Component, front: wiring.Component) -> list:
    """Statements that join a front's beats to a classifier's ``s_axis``."""
    return [
        classifier.s_axis_tvalid.eq(front.o.valid),
        classifier.s_axis_tdata.eq(front.o.payload.sample),
        classifier.s_axis_tlast.eq(front.o.payload.last),
        front.o.ready.eq(classifier.s_axis_tready),
    ]


def results_out(m: Module, classifier: wiring.Component, positions: SyncFIFOBuffered, sink: SkidBuffer) -> None:
    """Join a classifier's packets to a buffer of result beats, each with a position of the queue behind it, which has TLAST."""
    after = Signal()
    m.d.comb += [
        sink.i.valid.eq(classifier.m_axis_tvalid & ~after | after & positions.r_rdy),
        sink.i.payload.word.eq(classifier.m_axis_tdata),
        classifier.m_axis_tready.eq(sink.i.ready & ~after),
        positions.r_en.eq(after & sink.i.ready),
    ]
    with m.If(after):
        m.d.comb += [sink.i.payload.word.eq(positions.r_data), sink.i.payload.last.eq(1)]
    with m.If(sink.i.valid & sink.i.ready):
        m.d.sync += after.eq(~after & classifier.m_axis_tlast)
