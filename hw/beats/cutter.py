"""The cutter: raw samples and the R peaks in them in, the 256 samples round every R peak out.

Samples lie in a ring memory and go on coming in while beats wait there for their last samples and to be taken. Only where the next
sample would overwrite one that a beat still needs does the input pause: no beat is lost, and none has wrong samples.
"""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.images.points import Sample
from hw.stream.elastic import ElasticChain, ElasticParams
from sw.beats.images import BEFORE
from sw.export.front.image import RAW_BITS, SAMPLES
from sw.qrs.params import POSITION_BITS

DEPTH = 1024
# Samples that the detector may be behind the cutter.
SLACK = 8
LATE = 2  # samples that may still come after a beat has no room for more
# Beats that wait behind the one in hand; then their detector pauses.
QUEUE = 3
# A beat's last sample in, or its R peak where that comes later, to its first sample out; and a sample to the next.
LATENCY = 5
PEAK_LATENCY = QUEUE + LATENCY
INTERVAL = 2


def room(raw_bits: int, max_delay: int) -> int:
    """Samples that may come in while a beat waits that was detected as late as can be; raises where there is none, or where samples
    have another number of bits than an image's."""
    if raw_bits != RAW_BITS:
        raise ValueError(f"images are made of samples of {RAW_BITS} bits, not {raw_bits}")
    if (left := DEPTH - LATE - BEFORE - max_delay - SLACK) < 1:
        raise ValueError(f"a beat detected {max_delay} samples late does not lie in a ring of {DEPTH} any more")
    return left


class Cutter(wiring.Component):
    """Ports:
      - ``i``: stream of raw samples, 12 bits, signed, number 0 first;
      - ``peaks``: stream of R peaks, the numbers of their samples modulo 2^16, rising, each at most ``max_delay`` + ``SLACK``
        samples behind its own;
      - ``o``: beats of 256 samples, the first one ``BEFORE`` the R peak, ``INTERVAL`` cycles apart; ``last`` with the last;
      - ``position``: stream of the R peaks whose beats leave, one before each.

    A beat leaves when its last sample is there and those before it have left. Before the first sample the first one stands. ``i``
    pauses where a beat in hand would lose samples, which takes at least ``room`` samples. Reset begins a new recording.
    """

    def __init__(self, raw_bits: int, max_delay: int):
        self.room = room(raw_bits, max_delay)
        super().__init__(
            {
                "i": In(stream.Signature(signed(RAW_BITS))),
                "peaks": In(stream.Signature(POSITION_BITS)),
                "o": Out(stream.Signature(Sample)),
                "position": Out(stream.Signature(POSITION_BITS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        attributes = {"ram_style": "block", "no_rw_check": 1}  # no sample is read and overwritten at once
        m.submodules.ring = ring = Memory(shape=signed(RAW_BITS), depth=DEPTH, init=[], attrs=attributes)
        write, read = ring.write_port(), ring.read_port(domain="sync")
        m.submodules.peaks = queue = ElasticChain(ElasticParams(POSITION_BITS, QUEUE))
        connect(m, flipped(self.peaks), queue.i)

        # ``now``: number of samples so far, from 2^16 on modulo it; ``young``: none has been overwritten yet.
        now, young = Signal(POSITION_BITS), Signal(init=1)
        held, start, age = Signal(), Signal(POSITION_BITS), Signal(POSITION_BITS)  # the beat in hand; samples since its start
        whole, free = Signal(), Signal(init=1)  # its samples are there; the next sample overwrites none of them
        place = Signal(POSITION_BITS)
        m.d.comb += [
            age.eq(now - start),
            self.i.ready.eq(free),
            write.addr.eq(now),
            write.data.eq(self.i.payload),
            write.en.eq(self.i.valid & self.i.ready),
        ]
        m.d.sync += [whole.eq(held & (age >= SAMPLES)), free.eq(~held | (age < DEPTH - LATE))]
        with m.If(write.en):
            m.d.sync += now.eq(now + 1)
            with m.If(now == DEPTH - 1):
                m.d.sync += young.eq(0)

        index = Signal(range(SAMPLES))
        m.d.comb += [
            place.eq(start + index),
            read.addr.eq(Mux(young & place[-1], 0, place)),
            self.position.payload.eq(start + BEFORE),
            self.o.payload.sample.eq(read.data),
            self.o.payload.last.eq(index.all()),
        ]
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += queue.o.ready.eq(1)
                m.d.sync += start.eq(queue.o.payload - BEFORE)
                with m.If(queue.o.valid):
                    m.d.sync += held.eq(1)
                    m.next = "WAIT"
            with m.State("WAIT"), m.If(whole):
                m.next = "BEGIN"
            with m.State("BEGIN"):
                m.d.comb += self.position.valid.eq(1)
                with m.If(self.position.ready):
                    m.next = "READ"
            with m.State("READ"):
                m.next = "OFFER"
            with m.State("OFFER"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.d.sync += index.eq(index + 1)
                    m.next = "READ"
                    with m.If(index.all()):
                        m.d.sync += [held.eq(0), whole.eq(0)]
                        m.next = "IDLE"
        return m
