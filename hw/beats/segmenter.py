"""The segmenter: raw samples and the R peaks in them in, a packet for every beat out: its words and its samples.

Samples lie in a ring memory. A beat waits there for the next one, whose RR interval is one of its words, at most ``PATIENCE``
samples long; then its words are worked out and its packet leaves, while the samples wait. The words are those of
:mod:`sw.data.beats`.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from sw.data.beats import (
    ALWAYS,
    AREA_SHIFT,
    BEFORE,
    FIRST,
    GUARD,
    LONGEST,
    PATIENCE,
    RR_WORDS,
    SHAPE_WORDS,
    SPACING,
    STEP,
    TAPS,
    WINDOW,
)
from sw.qrs.params import POSITION_BITS

DEPTH = 2048
# Samples that the detector may be behind the segmenter.
SLACK = 8
RR_BITS = LONGEST.bit_length()
WORDS = len(RR_WORDS) + len(SHAPE_WORDS)


def longest_wait(raw_bits: int, max_delay: int) -> int:
    """Samples from an R peak to the start of its packet at the latest, the next beat not being there; raises where samples are no
    words or the ring is too short."""
    if raw_bits != RR_BITS + 1:
        raise ValueError(f"words have {RR_BITS + 1} bits, and so must samples, not {raw_bits}")
    if (wait := PATIENCE + max_delay + SLACK) + WINDOW > DEPTH:
        raise ValueError(f"a beat that waits {wait} samples does not lie in a ring of {DEPTH} any more")
    return wait


class Segmenter(wiring.Component):
    """Ports:
      - ``i``: stream of raw samples, ``raw_bits`` signed (12: a word, unsigned, has one bit less), number 0 first;
      - ``peaks``: stream of R peaks, the numbers of their samples modulo 2^16, rising, each at most ``max_delay`` + ``SLACK``
        samples behind its own;
      - ``o``: packets of ``WORDS`` words and ``WINDOW`` samples, the first one ``BEFORE`` the R peak; ``last`` with the last;
      - ``position``: stream of the R peaks whose packets leave, one before each packet.

    A beat leaves as soon as the next one is known, or ``PATIENCE`` + ``max_delay`` + ``SLACK`` samples after its R peak. Before
    the first sample the first one stands. While a packet is made and leaves, ``i`` pauses; two cycles a sample.
    """

    def __init__(self, raw_bits: int, max_delay: int):
        self.raw_bits, self.longest_wait = raw_bits, longest_wait(raw_bits, max_delay)
        super().__init__(
            {
                "i": In(stream.Signature(signed(raw_bits))),
                "peaks": In(stream.Signature(POSITION_BITS)),
                "o": Out(stream.Signature(data.StructLayout({"sample": signed(raw_bits), "last": 1}))),
                "position": Out(stream.Signature(POSITION_BITS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.ring = ring = Memory(shape=signed(self.raw_bits), depth=DEPTH, init=[], attrs={"ram_style": "block"})
        write, read = ring.write_port(), ring.read_port(domain="sync")
        m.submodules.usual = usual = Memory(shape=signed(self.raw_bits + 1), depth=TAPS, init=[])
        keep, kept = usual.write_port(), usual.read_port(domain="comb")

        # ``now``: number of samples so far, from 2^16 on modulo it; ``young``: none has been overwritten yet.
        now, young = Signal(POSITION_BITS), Signal(init=1)
        m.d.comb += [write.addr.eq(now), write.data.eq(self.i.payload), write.en.eq(self.i.valid & self.i.ready)]
        with m.If(write.en):
            m.d.sync += now.eq(now + 1)
            with m.If(now == DEPTH - 1):
                m.d.sync += young.eq(0)

        # The beat in hand, and the rhythm before it.
        waits, first = Signal(), Signal(init=1)
        peak, age = Signal(POSITION_BITS), Signal(POSITION_BITS)
        following = Signal(POSITION_BITS)
        known, far = Signal(), Signal()  # the next beat is there; it is so late that its number tells nothing
        distance = Signal(POSITION_BITS)
        interval, behind = Signal(RR_BITS), Signal(RR_BITS)
        before, earlier = Signal(RR_BITS), Signal(RR_BITS)
        means = ("short", "long", "deviation", "irregular")
        short, long, deviation, irregular = (Signal(RR_BITS + GUARD, name=name) for name in means)
        m.d.comb += [
            age.eq(now - peak),
            distance.eq(following - peak),
            interval.eq(Mux(far | (distance > LONGEST), LONGEST, distance)),
            behind.eq(Mux(~known | (interval > PATIENCE), PATIENCE, interval)),
        ]
        with m.If(age[-1]):
            m.d.sync += far.eq(1)

        # Places in the ring: of the shape's taps, then of the packet's samples.
        index, offset = Signal(range(max(WINDOW, WORDS))), Signal(signed(11))
        place = Signal(POSITION_BITS)
        m.d.comb += [place.eq(peak + offset), read.addr.eq(Mux(young & place[-1], 0, place))]

        # The shape: sample less the mean, beside what is usual.
        total = Signal(signed(self.raw_bits + TAPS.bit_length() - 1))
        shape, was, differs, step = (Signal(signed(self.raw_bits + 2), name=n) for n in ("shape", "was", "differs", "step"))
        areas = [Signal(self.raw_bits + 7, name=f"area{k}") for k in range(len(SHAPE_WORDS))]
        m.d.comb += [
            shape.eq(read.data - (total >> (TAPS.bit_length() - 1))),
            was.eq(Mux(first, shape, kept.data)),
            differs.eq(shape - was),
            step.eq(Mux(differs > STEP, STEP, Mux(differs < -STEP, -STEP, differs))),
            kept.addr.eq(index),
            keep.addr.eq(index),
            keep.data.eq(was + step),
        ]

        words = Signal(data.ArrayLayout(RR_BITS, WORDS))
        rhythm = (before, behind, earlier, *(value >> GUARD for value in (short, long, deviation, irregular)))
        shapes = (Mux((area >> AREA_SHIFT) > LONGEST, LONGEST, area >> AREA_SHIFT) for area in areas)
        m.d.comb += [words[k].eq(value) for k, value in enumerate((*rhythm, *shapes))]

        with m.FSM():
            with m.State("IDLE"):
                with m.If(self.peaks.valid):
                    m.d.comb += self.peaks.ready.eq(1)
                    m.d.sync += [following.eq(self.peaks.payload), known.eq(1)]
                    m.next = "NEXT"
                    with m.If(waits):
                        m.next = "WAIT"
                with m.Elif(waits & (age >= self.longest_wait)):
                    m.d.sync += known.eq(0)
                    m.next = "WAIT"
                with m.Else():
                    m.d.comb += self.i.ready.eq(1)
            with m.State("WAIT"):
                # Its last samples may be still to come.
                with m.If(age < WINDOW - BEFORE):
                    m.d.comb += self.i.ready.eq(1)
                with m.Else():
                    m.next = "BEGIN"
            with m.State("BEGIN"):
                m.d.comb += self.position.valid.eq(1)
                with m.If(self.position.ready):
                    m.next = "SUM_READ"
                with m.If(first):
                    guarded = Cat(Const(0, GUARD), behind)
                    m.d.sync += [before.eq(behind), earlier.eq(behind), short.eq(guarded), long.eq(guarded), deviation.eq(behind)]
                m.d.sync += [index.eq(0), offset.eq(FIRST), total.eq(0)]
                m.d.sync += [area.eq(0) for area in areas]
            with m.State("SUM_READ"):
                m.next = "SUM"
            with m.State("SUM"):
                m.d.sync += [total.eq(total + read.data), index.eq(index + 1), offset.eq(offset + SPACING)]
                m.next = "SUM_READ"
                with m.If(index == TAPS - 1):
                    m.d.sync += [index.eq(0), offset.eq(FIRST)]
                    m.next = "SHAPE_READ"
            with m.State("SHAPE_READ"):
                m.next = "SHAPE"
            with m.State("SHAPE"):
                m.d.comb += keep.en.eq(1)
                sizes = [Mux(value < 0, -value, value) for value in (differs, was, shape)]
                m.d.sync += [area.eq(area + size) for area, size in zip(areas, sizes, strict=True)]
                m.d.sync += [index.eq(index + 1), offset.eq(offset + SPACING)]
                m.next = "SHAPE_READ"
                with m.If(index == TAPS - 1):
                    m.d.sync += [index.eq(0), offset.eq(-BEFORE)]
                    m.next = "WORDS"
            with m.State("WORDS"):
                m.d.comb += [self.o.valid.eq(1), self.o.payload.sample.eq(words[index])]
                with m.If(self.o.ready):
                    m.d.sync += index.eq(index + 1)
                    with m.If(index == WORDS - 1):
                        m.d.sync += index.eq(0)
                        m.next = "SAMPLE_READ"
            with m.State("SAMPLE_READ"):
                m.next = "SAMPLE"
            with m.State("SAMPLE"):
                ends = index == WINDOW - 1
                m.d.comb += [self.o.valid.eq(1), self.o.payload.sample.eq(read.data), self.o.payload.last.eq(ends)]
                with m.If(self.o.ready):
                    m.d.sync += [index.eq(index + 1), offset.eq(offset + 1)]
                    m.next = "SAMPLE_READ"
                    with m.If(ends):
                        m.next = "AFTER"
            with m.State("AFTER"):
                # The rhythm goes on; the next beat is in hand, where it is there.
                guarded = Cat(Const(0, GUARD), before)
                away = Signal(signed(RR_BITS + GUARD + 1))
                change = Signal(signed(RR_BITS + 1))
                odd = Signal()
                m.d.comb += [
                    away.eq(guarded - short),
                    change.eq(before - earlier),
                    odd.eq((Mux(change < 0, -change, change) << 3) > earlier),
                ]
                with m.If(~first):
                    m.d.sync += [
                        deviation.eq(deviation + ((Mux(away < 0, -away, away) - deviation) >> 3)),
                        short.eq(short + (away >> 3)),
                        long.eq(long + ((guarded - long) >> 6)),
                        irregular.eq(irregular + ((Mux(odd, ALWAYS << GUARD, 0) - irregular) >> 6)),
                        earlier.eq(before),
                    ]
                m.d.sync += [first.eq(0), waits.eq(0)]
                m.next = "IDLE"
                with m.If(known):
                    m.next = "NEXT"
            with m.State("NEXT"):
                m.d.sync += [before.eq(interval), peak.eq(following), waits.eq(1), far.eq(0)]
                m.next = "IDLE"
        m.d.comb += self.position.payload.eq(peak)
        return m
