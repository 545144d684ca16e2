"""AXI4-Stream ports of a top: raw samples in, result packets out."""

from amaranth.hdl import Cat, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.stream.skid import SkidBuffer


def sink_ports(name: str, bits: int, last: bool = True) -> dict:
    """Members of a signature for a stream that comes in as ``<name>_tdata`` of ``bits``, with TLAST or without."""
    return _ports(name, bits, last, In, Out)


def source_ports(name: str, bits: int, last: bool = True) -> dict:
    """The same for a stream that goes out."""
    return _ports(name, bits, last, Out, In)


def _ports(name: str, bits: int, last: bool, along, against) -> dict:
    ports = {f"{name}_tdata": along(bits), f"{name}_tvalid": along(1), f"{name}_tready": against(1)}
    return ports | ({f"{name}_tlast": along(1)} if last else {})


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


def _signals(component: wiring.Component, name: str) -> list:
    """TVALID, TDATA, TLAST and TREADY of a port."""
    return [getattr(component, f"{name}_{signal}") for signal in ("tvalid", "tdata", "tlast", "tready")]


def into_stream(component: wiring.Component, name: str, into) -> list:
    """Statements that hand the beats of a component's port ``name`` to a stream, whose payload is the data, then ``last``."""
    valid, data, last, ready = _signals(component, name)
    payload = Value.cast(into.payload)
    return [into.valid.eq(valid), payload[:-1].eq(data), payload[-1].eq(last), ready.eq(into.ready)]


def out_of_stream(component: wiring.Component, name: str, out) -> list:
    """Statements that hand such a stream's beats to a component's port ``name``."""
    valid, data, last, ready = _signals(component, name)
    payload = Value.cast(out.payload)
    return [valid.eq(out.valid), data.eq(payload[:-1]), last.eq(payload[-1]), out.ready.eq(ready)]
