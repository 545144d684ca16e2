"""The array's top: raw samples and images in, classes out, all as AXI4-Stream."""

from dataclasses import dataclass

from amaranth.hdl import Module, ResetInserter, Signal, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect

from hw.front.normaliser import latency as normaliser_latency
from hw.front.normaliser import sample_layout
from hw.images import gasf
from hw.mac import results
from hw.mac.array import Array
from hw.mac.front import QUANTISER_LATENCY, Front
from hw.mac.loader import Byte, Status
from hw.mac.params import ArrayParams
from hw.mac.results import Results
from hw.stream import axis, skid
from hw.stream.elastic import ElasticChain, ElasticParams
from hw.stream.result import IMAGE_BITS, Beat, Meta
from sw.export.array import program as layer_program
from sw.export.array.program import FRONTS, Program
from sw.export.front.image import POINTS
from sw.export.front.normaliser import NormaliserSpec

# Windows between the normaliser and a result: two buffers, one result waiting, one in the making.
IN_FLIGHT = 5


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
    latency = program.samples + skid.LATENCY + run + results.LATENCY + skid.LATENCY
    if program.front == FRONTS["GASF image"]:
        return Cycles(run, run + 1, latency, skid.LATENCY + gasf.LATENCY + latency)
    latency += QUANTISER_LATENCY
    return Cycles(run, run + 1, latency, skid.LATENCY + normaliser_latency(spec) + latency)


class MacDatapath(wiring.Component):
    """Raw samples in, result packets out: front, array, results. ``image`` and ``status`` as at the array, ``number`` of the
    network that is at work, ``busy``: a window is at work, or its result has not left. A network that is taken over restarts the
    front, in the cycle of ``restart``: windows that had begun are dropped, whatever stands before ``i`` has to be, too, and numbers
    begin anew; ``number`` is the new one from the next cycle on. Its wires ``tap_*`` show, for simulation, what the front makes,
    what operations write, and the results."""

    def __init__(self, params: ArrayParams, spec: NormaliserSpec, fronts: tuple[int, ...]):
        self.params, self.spec, self.fronts = params, spec, fronts
        super().__init__(
            {
                "i": In(stream.Signature(sample_layout(spec))),
                "image": In(stream.Signature(Byte)),
                "o": Out(stream.Signature(Beat)),
                "status": Out(Status),
                "loaded": Out(1),
                "waiting": Out(1),
                "busy": Out(1),
                "number": Out(IMAGE_BITS),
                "restart": Out(1),
                "overrun": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        restart = self.restart
        again = ResetInserter(restart)
        m.submodules.front = front = Front(self.spec, self.params.images)
        lengths = {FRONTS["normalised window"]: self.spec.window, FRONTS["GASF image"]: POINTS * POINTS}
        m.submodules.array = array = Array(self.params, {front: lengths[front] for front in self.fronts})
        m.submodules.results = collected = Results(self.params.classes)
        numbers, meta = skid.SkidBuffer(Meta), ElasticChain(ElasticParams(Meta, IN_FLIGHT - skid.CAPACITY))
        # A register each way between front and array, whose ways are long.
        samples = skid.SkidBuffer(signed(8))
        m.submodules.numbers, m.submodules.meta, m.submodules.samples = again(numbers), again(meta), again(samples)
        connect(m, wiring.flipped(self.i), front.i)
        connect(m, front.o, samples.i)
        connect(m, front.meta, numbers.i)
        connect(m, numbers.o, meta.i)
        connect(m, meta.o, collected.meta)
        connect(m, wiring.flipped(self.image), array.image)
        connect(m, collected.o, wiring.flipped(self.o))
        # From registers alone: from here a cycle's ways go through the whole front.
        opens = Signal()
        m.d.sync += [restart.eq(array.taken), opens.eq(array.loaded & ~array.taken)]
        m.d.comb += [
            array.i.payload.eq(samples.o.payload),
            array.i.valid.eq(samples.o.valid & ~restart),
            samples.o.ready.eq(array.i.ready),
            front.restart.eq(restart),
            front.enable.eq(opens),
            front.image.eq(array.images),
            collected.logit.eq(array.logit),
            collected.done.eq(array.done),
            collected.fault.eq(array.fault),
            collected.image.eq(self.number),
            array.hold.eq(collected.hold),
            array.pending.eq(collected.pending),
            self.status.eq(array.status),
            self.loaded.eq(array.loaded),
            self.waiting.eq(array.waiting),
            self.busy.eq(~array.idle | collected.pending),
            self.overrun.eq(array.overrun),
        ]
        with m.If(restart):
            m.d.sync += self.number.eq(self.number + 1)
        writes = Signal()
        m.d.comb += writes.eq(array.tap_write_moves)
        taps = {
            "normalised": (front.tap, front.tap_moves),
            "write": (array.tap_write, writes),
            "low": (array.tap_low, writes),
            "high": (array.tap_high, writes),
            "result": (self.o.payload, self.o.valid & self.o.ready),
        }
        for name, (what, when) in taps.items():
            value, moves = Signal(len(Value.cast(what)), name=f"tap_{name}"), Signal(name=f"tap_{name}_moves")
            m.d.comb += [value.eq(what), moves.eq(when)]
        return m


def ports(last: bool = True) -> dict:
    """Ports of a top with the array: samples (with TLAST where ``last``), networks to load, results, and what became of a load."""
    return {
        **axis.sink_ports("s_axis", 16, last=last),
        **axis.sink_ports("c_axis", 8),
        **axis.source_ports("m_axis", 32),
        "status": Out(3),
        "loaded": Out(1),
        "waiting": Out(1),
        "busy": Out(1),
        "image": Out(IMAGE_BITS),
        "overrun": Out(1),
    }


def network_in(top: wiring.Component, image: skid.SkidBuffer) -> list:
    """Joins a top's ``c_axis_*`` to the buffer of networks' bytes."""
    return [
        image.i.valid.eq(top.c_axis_tvalid),
        image.i.payload.data.eq(top.c_axis_tdata),
        image.i.payload.last.eq(top.c_axis_tlast),
        top.c_axis_tready.eq(image.i.ready),
    ]


def told(top: wiring.Component, array, number: Signal) -> list:
    """What the ``array`` in a top says of its network, the one with this ``number``, at the top's ports."""
    same = [getattr(top, name).eq(getattr(array, name)) for name in ("status", "loaded", "waiting", "busy", "overrun")]
    return [*same, top.image.eq(number)]


class MacTop(wiring.Component):
    """A whole classifier on the multi-bit array, with AXI4-Stream ports.

    ``s_axis_*`` raw samples and ``m_axis_*`` result packets are those of :class:`hw.binary.top.Top`; of an image network
    ``s_axis_*`` takes beats of 256 samples. In a packet's header bits 31-26 are the ``image``, the number of the network that it is
    of: how many had been taken over since reset, modulo 64. Bit 25, fault: the program did not end in the cycles that its image
    says, or read a word of the network that had changed in its memory (parity); the window is a *no call*, and the header is the
    whole packet.

    ``c_axis_*`` takes networks to load, a byte a beat, TLAST with the last one. ``status`` tells what became of the last one
    (:class:`hw.mac.loader.Status`); ``waiting``: it is whole and right, and waits to be taken over; ``loaded``: there is a network,
    whose number is ``image``; without one, samples wait. A new network is taken over when the array is not ``busy``: no window is
    at work and all results have been read. Windows that had begun are dropped then, and numbers begin anew: send its samples when
    ``image`` has changed. An image that stops without TLAST is given up when the next one begins. Reset forgets the network.
    ``overrun``: the program is faulty. ``fronts``: numbers of the front ends whose networks are loaded, by default all there are.
    """

    def __init__(self, params: ArrayParams, spec: NormaliserSpec, fronts: tuple[int, ...] = ()):
        if spec.window > params.window:
            raise ValueError(f"the normaliser takes windows of {spec.window} samples, the array of {params.window} at most")
        self.params, self.spec = params, spec
        self.fronts = fronts or tuple(FRONTS.values())[: 1 + params.images]
        super().__init__(ports())

    def elaborate(self, platform):
        m = Module()
        m.submodules.datapath = datapath = MacDatapath(self.params, self.spec, self.fronts)
        source = skid.SkidBuffer(sample_layout(self.spec))
        m.submodules.source = ResetInserter(datapath.restart)(source)
        m.submodules.image = image = skid.SkidBuffer(Byte)
        m.submodules.sink = sink = skid.SkidBuffer(Beat)
        connect(m, source.o, datapath.i)
        connect(m, image.o, datapath.image)
        connect(m, datapath.o, sink.i)
        m.d.comb += [
            *axis.samples_in(self, source, self.spec.raw_bits),
            *network_in(self, image),
            *axis.results_out(self, sink),
            *told(self, datapath, datapath.number),
        ]
        return m
