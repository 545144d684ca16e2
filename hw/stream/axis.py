"""AXI4-Stream ports of a top, as every classifier has them: raw samples in, result packets out."""

from amaranth.hdl import Cat, Value
from amaranth.lib import wiring

from hw.stream.skid import SkidBuffer


def samples_in(top: wiring.Component, source: SkidBuffer, raw_bits: int, samples: int = 1) -> list:
    """Statements that join ``s_axis`` to a buffer: raw samples of ``raw_bits``, ``samples`` a beat, each in the lower part of 16
    bits."""
    return [
        source.i.valid.eq(top.s_axis_tvalid),
        Value.cast(source.i.payload.sample).eq(Cat(top.s_axis_tdata[16 * k :][:raw_bits] for k in range(samples))),
        source.i.payload.last.eq(top.s_axis_tlast),
        top.s_axis_tready.eq(source.i.ready),
    ]


def results_out(top: wiring.Component, sink: SkidBuffer) -> list:
    """Statements that join a buffer of result beats to ``m_axis``."""
    return [
        top.m_axis_tdata.eq(sink.o.payload.word),
        top.m_axis_tvalid.eq(sink.o.valid),
        top.m_axis_tlast.eq(sink.o.payload.last),
        sink.o.ready.eq(top.m_axis_tready),
    ]
