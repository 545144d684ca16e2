"""The QRS detector with AXI4-Stream ports, and its Verilog."""

from pathlib import Path

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import connect

from hw import verilog
from hw.qrs.detector import Detector
from hw.stream import axis
from hw.stream.skid import SkidBuffer
from sw import files
from sw.qrs.params import POSITION_BITS, QrsParams

NAME = "popbeat_qrs"


class QrsTop(wiring.Component):
    """``s_axis``: raw samples, each in the lower ``raw_bits`` of 16, two's complement. ``m_axis``: R peaks, a beat each: the number
    of the sample modulo 2^16, the first after reset being 0. Every output is a register; reset is synchronous, active high."""

    def __init__(self, params: QrsParams):
        self.params = params
        super().__init__(axis.sink_ports("s_axis", 16, last=False) | axis.source_ports("m_axis", POSITION_BITS, last=False))

    def elaborate(self, platform):
        m = Module()
        m.submodules.detector = detector = Detector(self.params)
        m.submodules.source = source = SkidBuffer(detector.i.payload.shape())
        m.submodules.sink = sink = SkidBuffer(POSITION_BITS)
        connect(m, source.o, detector.i)
        connect(m, detector.o, sink.i)
        m.d.comb += [
            source.i.valid.eq(self.s_axis_tvalid),
            source.i.payload.eq(self.s_axis_tdata[: self.params.raw_bits].as_signed()),
            self.s_axis_tready.eq(source.i.ready),
            self.m_axis_tdata.eq(sink.o.payload),
            self.m_axis_tvalid.eq(sink.o.valid),
            sink.o.ready.eq(self.m_axis_tready),
        ]
        return m


def generate(params: QrsParams, folder: Path | None = None) -> Path:
    """Write the top as ``popbeat_qrs.v`` in ``folder`` (default ``build/qrs/verilog``), the same bytes every time."""
    text = verilog.header(f"QRS detector, {params}", "make detect") + verilog.convert(QrsTop(params), NAME)
    return files.write_bytes((folder or files.BUILD / "qrs" / "verilog") / f"{NAME}.v", text.encode())
