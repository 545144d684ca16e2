"""Results of the array: collects a window's logits, names the largest and sends them as a packet.

There is room for two windows, so that a packet may wait while the next window is at work.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.mac.writer import Logit
from hw.stream.elastic import ElasticChain, ElasticParams
from hw.stream.result import IMAGE_BITS, NO_CALL, Beat, Header, Meta
from sw.export.array.program import LOGIT_BITS

BUFFERS = 2
# Done to the offer of the header, where nothing waits: the last comparison, the label's queue, the header.
LATENCY = BUFFERS + 2


class Results(wiring.Component):
    """Ports: ``logit`` (in the order of the classes, from 0 on) and ``done`` after a window's last one, with ``fault`` where it has
    no logits; ``meta``: stream of the windows' numbers, one is taken with each packet; ``image``: number of the network; ``o``:
    stream of :data:`hw.stream.result.Beat`: the header, then the logits, ties go to the lowest class; ``hold``: no further window
    may begin; ``pending``: a window's packet has not left yet. At most ``classes`` logits a window."""

    def __init__(self, classes: int):
        self.classes = classes
        super().__init__(
            {
                "logit": In(Logit),
                "done": In(1),
                "fault": In(1),
                "image": In(IMAGE_BITS),
                "meta": In(stream.Signature(Meta)),
                "o": Out(stream.Signature(Beat)),
                "hold": Out(1),
                "pending": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bits = (self.classes - 1).bit_length()
        m.submodules.logits = logits = Memory(shape=signed(LOGIT_BITS), depth=BUFFERS << bits, init=[])
        read, write = logits.read_port(domain="sync"), logits.write_port()
        into, out = Signal(), Signal()  # buffers: filled, sent

        # From registers: what comes and goes here lies far apart on an FPGA.
        logit, first, done, fault = Signal(Logit), Signal(), Signal(), Signal()
        m.d.sync += [logit.eq(self.logit), first.eq(self.logit.channel == 0), done.eq(self.done), fault.eq(self.fault)]
        m.d.comb += [
            write.addr.eq(Cat(logit.channel[:bits], into)),
            write.data.eq(logit.value),
            write.en.eq(logit.valid),
        ]
        label, last = self._largest(m, logit, first)

        # Labels of finished windows.
        finished = data.StructLayout({"label": 8, "last": 8, "fault": 1})
        m.submodules.labels = labels = ElasticChain(ElasticParams(finished, BUFFERS))
        waiting = Signal(range(BUFFERS + 1))
        sent = Signal()
        m.d.comb += [
            labels.i.valid.eq(done),
            labels.i.payload.label.eq(label),
            labels.i.payload.last.eq(last),
            labels.i.payload.fault.eq(fault),
            self.hold.eq(waiting == BUFFERS),
            self.pending.eq(waiting != 0),
        ]
        m.d.sync += waiting.eq(waiting + self.done - sent)
        with m.If(done):
            m.d.sync += into.eq(~into)
        self._send(m, labels.o, read, bits, out, sent)
        return m

    def _largest(self, m: Module, logit: Signal, first: Signal) -> tuple[Signal, Signal]:
        """The class of the largest logit so far, and the last class."""
        best, label, last = Signal(signed(LOGIT_BITS)), Signal(8), Signal(8)
        with m.If(logit.valid):
            m.d.sync += last.eq(logit.channel)
            with m.If(first | (logit.value > best)):
                m.d.sync += [best.eq(logit.value), label.eq(logit.channel)]
        return label, last

    def _send(self, m: Module, finished, read, bits: int, out: Signal, sent: Signal) -> None:
        """The packet of a ``finished`` window, from the buffer ``out``; ``sent``: it has left."""
        beat, final = Signal(8), Signal(8)
        word = Signal(32, reset_less=True)
        header = Signal(Header)
        m.d.comb += [
            header.number.eq(self.meta.payload.number),
            header.no_call.eq(self.meta.payload.flat | finished.payload.fault),
            header.label.eq(Mux(header.no_call, NO_CALL, finished.payload.label)),
            header.fault.eq(finished.payload.fault),
            header.image.eq(self.image),
            read.addr.eq(Cat(beat[:bits], out)),
            self.o.payload.word.eq(word),
            self.o.payload.last.eq(beat == final),
        ]
        with m.FSM():
            with m.State("HEADER"), m.If(finished.valid & self.meta.valid):
                m.d.comb += [finished.ready.eq(1), self.meta.ready.eq(1)]
                m.d.sync += [word.eq(header), beat.eq(0), final.eq(Mux(finished.payload.fault, 0, finished.payload.last + 1))]
                m.next = "OFFER"
            with m.State("OFFER"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "READ"
                    with m.If(self.o.payload.last):
                        m.d.comb += sent.eq(1)
                        m.d.sync += out.eq(~out)
                        m.next = "HEADER"
            with m.State("READ"):
                m.next = "TAKE"
            with m.State("TAKE"):
                m.d.sync += [word.eq(read.data), beat.eq(beat + 1)]
                m.next = "OFFER"
