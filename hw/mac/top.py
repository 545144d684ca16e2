"""The array's top: raw samples and images in, classes out, all as AXI4-Stream."""

from dataclasses import dataclass

from amaranth.hdl import Module, Signal, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect

from hw.front.normaliser import Normaliser, sample_layout
from hw.front.normaliser import latency as normaliser_latency
from hw.mac import results
from hw.mac.array import Array
from hw.mac.loader import Byte, Status
from hw.mac.params import ArrayParams
from hw.mac.results import Results
from hw.stream import axis, skid
from hw.stream.elastic import ElasticChain, ElasticParams
from hw.stream.result import Beat, Meta
from hw.stream.rounding import halve_round, less_if_negative, saturate
from sw.export.array import program as layer_program
from sw.export.array.program import Program
from sw.export.normaliser import NormaliserSpec
from sw.networks import INPUT_BITS, INPUT_FRACTION

# Windows between the normaliser and a result: two buffers, one result waiting, one in the making.
IN_FLIGHT = 5
QUANTISER_LATENCY = 1


@dataclass(frozen=True)
class Cycles:
    """Cycles of a window, exact. ``program``: from its start to the logits; ``interval``: window to window, back to back;
    ``latency``: of an isolated window, first normalised sample into the datapath to the header at ``m_axis``; ``live_latency``:
    last raw sample at ``s_axis`` to the header."""

    program: int
    interval: int
    latency: int
    live_latency: int


def cycles(params: ArrayParams, spec: NormaliserSpec, program: Program) -> Cycles:
    """What the cycle model says, for programs that take longer than a window's samples."""
    run = layer_program.cycles(program)
    # The program starts when the window's last sample is in its buffer; a cycle passes between two programs.
    latency = QUANTISER_LATENCY + program.samples + run + results.LATENCY + skid.LATENCY
    return Cycles(run, run + 1, latency, skid.LATENCY + normaliser_latency(spec) + latency)


class Quantiser(wiring.Component):
    """Normalised samples (Q3.8) to the array's input: saturate(round(z / 2^shift)), halves away from zero, one register."""

    def __init__(self, spec: NormaliserSpec):
        self.spec = spec
        super().__init__({"i": In(stream.Signature(signed(spec.z_bits))), "o": Out(stream.Signature(signed(INPUT_BITS)))})

    def elaborate(self, platform):
        m = Module()
        shift = self.spec.z_fraction - INPUT_FRACTION
        # One bit more, so that the least value less one still fits.
        wide = Signal(signed(self.spec.z_bits + 1))
        value = Signal(signed(INPUT_BITS), reset_less=True)
        valid = Signal()
        m.d.comb += [
            wide.eq(self.i.payload),
            self.i.ready.eq(~valid | self.o.ready),
            self.o.valid.eq(valid),
            self.o.payload.eq(value),
        ]
        with m.If(self.i.ready):
            m.d.sync += [
                valid.eq(self.i.valid),
                value.eq(saturate(halve_round(less_if_negative(wide) >> (shift - 1)), INPUT_BITS)),
            ]
        return m


class MacDatapath(wiring.Component):
    """Normalised samples in, result packets out: quantiser, array, results. ``image`` and ``status`` as at the array. Its wires
    ``tap_*`` show, for simulation, what enters, what operations write, and the results."""

    def __init__(self, params: ArrayParams, spec: NormaliserSpec):
        self.params, self.spec = params, spec
        super().__init__(
            {
                "i": In(stream.Signature(signed(spec.z_bits))),
                "meta": In(stream.Signature(Meta)),
                "image": In(stream.Signature(Byte)),
                "o": Out(stream.Signature(Beat)),
                "status": Out(Status),
                "loaded": Out(1),
                "overrun": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.quantiser = quantiser = Quantiser(self.spec)
        m.submodules.array = array = Array(self.params)
        m.submodules.results = collected = Results(self.params.classes)
        connect(m, wiring.flipped(self.i), quantiser.i)
        connect(m, quantiser.o, array.i)
        connect(m, wiring.flipped(self.image), array.image)
        connect(m, wiring.flipped(self.meta), collected.meta)
        connect(m, collected.o, wiring.flipped(self.o))
        m.d.comb += [
            collected.logit.eq(array.logit),
            collected.done.eq(array.done),
            array.hold.eq(collected.hold),
            self.status.eq(array.status),
            self.loaded.eq(array.loaded),
            self.overrun.eq(array.overrun),
        ]
        writes = Signal()
        m.d.comb += writes.eq(array.tap_write_moves)
        taps = {
            "normalised": (self.i.payload, self.i.valid & self.i.ready),
            "write": (array.tap_write, writes),
            "low": (array.tap_low, writes),
            "high": (array.tap_high, writes),
            "result": (self.o.payload, self.o.valid & self.o.ready),
        }
        for name, (what, when) in taps.items():
            value, moves = Signal(len(Value.cast(what)), name=f"tap_{name}"), Signal(name=f"tap_{name}_moves")
            m.d.comb += [value.eq(what), moves.eq(when)]
        return m


class MacTop(wiring.Component):
    """A whole classifier on the multi-bit array, with AXI4-Stream ports.

    ``s_axis_*`` raw samples and ``m_axis_*`` result packets are those of :class:`hw.top.Top`. ``c_axis_*`` takes images, a byte a
    beat, TLAST with an image's last byte; ``status`` tells what became of the last one (:class:`hw.mac.loader.Status`), ``loaded``
    that there is a network; without one, samples wait. A new network is taken over between two windows. ``overrun``: the program
    is faulty.
    """

    def __init__(self, params: ArrayParams, spec: NormaliserSpec):
        if spec.window > params.window:
            raise ValueError(f"the normaliser takes windows of {spec.window} samples, the array of {params.window} at most")
        self.params, self.spec = params, spec
        super().__init__(
            {
                **axis.sink_ports("s_axis", 16),
                **axis.sink_ports("c_axis", 8),
                **axis.source_ports("m_axis", 32),
                "status": Out(3),
                "loaded": Out(1),
                "overrun": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.normaliser = normaliser = Normaliser(self.spec)
        m.submodules.datapath = datapath = MacDatapath(self.params, self.spec)
        m.submodules.source = source = skid.SkidBuffer(sample_layout(self.spec))
        m.submodules.image = image = skid.SkidBuffer(Byte)
        m.submodules.numbers = numbers = skid.SkidBuffer(Meta)
        m.submodules.meta = meta = ElasticChain(ElasticParams(Meta, IN_FLIGHT - skid.CAPACITY))
        m.submodules.sink = sink = skid.SkidBuffer(Beat)
        connect(m, source.o, normaliser.i)
        connect(m, normaliser.o, datapath.i)
        connect(m, normaliser.meta, numbers.i)
        connect(m, numbers.o, meta.i)
        connect(m, meta.o, datapath.meta)
        connect(m, image.o, datapath.image)
        connect(m, datapath.o, sink.i)
        m.d.comb += [
            *axis.samples_in(self, source, self.spec.raw_bits),
            image.i.valid.eq(self.c_axis_tvalid),
            image.i.payload.data.eq(self.c_axis_tdata),
            image.i.payload.last.eq(self.c_axis_tlast),
            self.c_axis_tready.eq(image.i.ready),
            *axis.results_out(self, sink),
            self.status.eq(datapath.status),
            self.loaded.eq(datapath.loaded),
            self.overrun.eq(datapath.overrun),
        ]
        return m
