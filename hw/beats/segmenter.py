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
# Cycles of a beat's packet in which no sample is taken, from the next beat's R peak on, where its taker does not pause: that peak,
# two states to begin, twice over the taps, the words, the samples, two states to end.
WORK = 5 + 4 * TAPS + WORDS + 2 * WINDOW


def longest_wait(raw_bits: int, max_delay: int) -> int:
    """Samples from an R peak to the start of its packet at the latest, the next beat not being there; raises where samples are no
    words or the ring is too short."""
    if raw_bits != RR_BITS + 1:
        raise ValueError(f"words have {RR_BITS + 1} bits, and so must samples, not {raw_bits}")
    if (wait := PATIENCE + max_delay + SLACK) + WINDOW > DEPTH:
        raise ValueError(f"a beat that waits {wait} samples does not lie in a ring of {DEPTH} any more")
    return wait


class _Beat:
    """The beat in hand, the next one, and the rhythm before them."""

    def __init__(self):
        self.waits, self.first = Signal(), Signal(init=1, name="first")
        self.peak, self.age = Signal(POSITION_BITS), Signal(POSITION_BITS, name="age")
        self.following = Signal(POSITION_BITS)
        self.known, self.far = Signal(), Signal(name="far")  # the next beat is there; it is so late that its number tells nothing
        self.distance = Signal(POSITION_BITS)
        self.interval, self.behind = Signal(RR_BITS), Signal(RR_BITS, name="behind")
        self.before, self.earlier = Signal(RR_BITS), Signal(RR_BITS, name="earlier")
        means = ("short", "long", "deviation", "irregular")
        self.short, self.long, self.deviation, self.irregular = (Signal(RR_BITS + GUARD, name=name) for name in means)

    def measure(self, m: Module, now: Signal) -> None:
        """The beat's age in samples, ``now`` being the next one's number, and the interval behind it."""
        m.d.comb += [
            self.age.eq(now - self.peak),
            self.distance.eq(self.following - self.peak),
            self.interval.eq(Mux(self.far | (self.distance > LONGEST), LONGEST, self.distance)),
            self.behind.eq(Mux(~self.known | (self.interval > PATIENCE), PATIENCE, self.interval)),
        ]
        with m.If(self.age[-1]):
            m.d.sync += self.far.eq(1)

    def words(self) -> list:
        """The words of the rhythm."""
        means = (value >> GUARD for value in (self.short, self.long, self.deviation, self.irregular))
        return [self.before, self.behind, self.earlier, *means]

    def begin_rhythm(self, m: Module) -> None:
        """At the very first beat: what is behind it stands for what was before."""
        guarded = Cat(Const(0, GUARD), self.behind)
        m.d.sync += [
            self.before.eq(self.behind),
            self.earlier.eq(self.behind),
            self.short.eq(guarded),
            self.long.eq(guarded),
            self.deviation.eq(self.behind),
        ]

    def follow_rhythm(self, m: Module) -> None:
        """After a beat's packet: the running means take its interval in."""
        guarded = Cat(Const(0, GUARD), self.before)
        away = Signal(signed(RR_BITS + GUARD + 1))
        change = Signal(signed(RR_BITS + 1))
        odd = Signal()
        m.d.comb += [
            away.eq(guarded - self.short),
            change.eq(self.before - self.earlier),
            odd.eq((Mux(change < 0, -change, change) << 3) > self.earlier),
        ]
        with m.If(~self.first):
            m.d.sync += [
                self.deviation.eq(self.deviation + ((Mux(away < 0, -away, away) - self.deviation) >> 3)),
                self.short.eq(self.short + (away >> 3)),
                self.long.eq(self.long + ((guarded - self.long) >> 6)),
                self.irregular.eq(self.irregular + ((Mux(odd, ALWAYS << GUARD, 0) - self.irregular) >> 6)),
                self.earlier.eq(self.before),
            ]
        m.d.sync += [self.first.eq(0), self.waits.eq(0)]


class _Place:
    """What is read of the ring: ``offset`` samples behind the R peak; ``index`` counts taps, words or samples."""

    def __init__(self):
        self.index, self.offset = Signal(range(max(WINDOW, WORDS))), Signal(signed(11), name="offset")

    def start(self, m: Module, offset: int) -> None:
        """Begin at an offset."""
        m.d.sync += [self.index.eq(0), self.offset.eq(offset)]

    def step(self, m: Module, samples: int) -> None:
        """Go on by so many samples."""
        m.d.sync += [self.index.eq(self.index + 1), self.offset.eq(self.offset + samples)]


class _Shape:
    """The shape of a beat at its taps: sample less the mean, beside what is usual; the ``areas`` are its words."""

    def __init__(self, raw_bits: int):
        self.total = Signal(signed(raw_bits + TAPS.bit_length() - 1))
        names = ("shape", "was", "differs", "step")
        self.shape, self.was, self.differs, self.step = (Signal(signed(raw_bits + 2), name=n) for n in names)
        self.areas = [Signal(raw_bits + 7, name=f"area{k}") for k in range(len(SHAPE_WORDS))]

    def compare(self, m: Module, sample, usual, first: Signal) -> None:
        """A tap's ``sample`` against the ``usual`` one; the ``first`` beat is its own."""
        m.d.comb += [
            self.shape.eq(sample - (self.total >> (TAPS.bit_length() - 1))),
            self.was.eq(Mux(first, self.shape, usual)),
            self.differs.eq(self.shape - self.was),
            self.step.eq(Mux(self.differs > STEP, STEP, Mux(self.differs < -STEP, -STEP, self.differs))),
        ]

    def words(self) -> list:
        """The words of the shape."""
        return [Mux((area >> AREA_SHIFT) > LONGEST, LONGEST, area >> AREA_SHIFT) for area in self.areas]

    def clear(self, m: Module) -> None:
        """Before a beat."""
        m.d.sync += self.total.eq(0)
        m.d.sync += [area.eq(0) for area in self.areas]

    def add(self, m: Module) -> None:
        """Add a tap to the areas."""
        sizes = [Mux(value < 0, -value, value) for value in (self.differs, self.was, self.shape)]
        m.d.sync += [area.eq(area + size) for area, size in zip(self.areas, sizes, strict=True)]


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
        now, young = self._store(m, write)
        beat = _Beat()
        beat.measure(m, now)
        reading = _Place()
        place = Signal(POSITION_BITS)
        m.d.comb += [place.eq(beat.peak + reading.offset), read.addr.eq(Mux(young & place[-1], 0, place))]
        shape = _Shape(self.raw_bits)
        shape.compare(m, read.data, kept.data, beat.first)
        m.d.comb += [
            kept.addr.eq(reading.index),
            keep.addr.eq(reading.index),
            keep.data.eq(shape.was + shape.step),
        ]
        words = Signal(data.ArrayLayout(RR_BITS, WORDS))
        m.d.comb += [words[k].eq(value) for k, value in enumerate((*beat.words(), *shape.words()))]
        with m.FSM():
            self._wait(m, beat)
            self._begin(m, beat, reading, shape)
            self._measure_shape(m, reading, shape, read, keep)
            self._send(m, reading, words, read)
            self._go_on(m, beat)
        m.d.comb += self.position.payload.eq(beat.peak)
        return m

    def _store(self, m: Module, write) -> tuple[Signal, Signal]:
        """Samples into the ring. Returns ``now``, the number of samples so far, from 2^16 on modulo it, and ``young``: none has
        been overwritten yet."""
        now, young = Signal(POSITION_BITS), Signal(init=1)
        m.d.comb += [write.addr.eq(now), write.data.eq(self.i.payload), write.en.eq(self.i.valid & self.i.ready)]
        with m.If(write.en):
            m.d.sync += now.eq(now + 1)
            with m.If(now == DEPTH - 1):
                m.d.sync += young.eq(0)
        return now, young

    def _wait(self, m: Module, beat: _Beat) -> None:
        """Take samples until the next beat is known, or will not be in time, and the beat's last samples are there."""
        with m.State("IDLE"):
            with m.If(self.peaks.valid):
                m.d.comb += self.peaks.ready.eq(1)
                m.d.sync += [beat.following.eq(self.peaks.payload), beat.known.eq(1)]
                m.next = "NEXT"
                with m.If(beat.waits):
                    m.next = "WAIT"
            with m.Elif(beat.waits & (beat.age >= self.longest_wait)):
                m.d.sync += beat.known.eq(0)
                m.next = "WAIT"
            with m.Else():
                m.d.comb += self.i.ready.eq(1)
        with m.State("WAIT"):
            # Its last samples may be still to come.
            with m.If(beat.age < WINDOW - BEFORE):
                m.d.comb += self.i.ready.eq(1)
            with m.Else():
                m.next = "BEGIN"

    def _begin(self, m: Module, beat: _Beat, place: _Place, shape: _Shape) -> None:
        """Tell the beat's position; everything about its shape starts anew."""
        with m.State("BEGIN"):
            m.d.comb += self.position.valid.eq(1)
            with m.If(self.position.ready):
                m.next = "SUM_READ"
            with m.If(beat.first):
                beat.begin_rhythm(m)
            place.start(m, FIRST)
            shape.clear(m)

    def _measure_shape(self, m: Module, place: _Place, shape: _Shape, read, keep) -> None:
        """Twice over the taps: their sum, then the areas."""
        with m.State("SUM_READ"):
            m.next = "SUM"
        with m.State("SUM"):
            m.d.sync += shape.total.eq(shape.total + read.data)
            place.step(m, SPACING)
            m.next = "SUM_READ"
            with m.If(place.index == TAPS - 1):
                place.start(m, FIRST)
                m.next = "SHAPE_READ"
        with m.State("SHAPE_READ"):
            m.next = "SHAPE"
        with m.State("SHAPE"):
            m.d.comb += keep.en.eq(1)
            shape.add(m)
            place.step(m, SPACING)
            m.next = "SHAPE_READ"
            with m.If(place.index == TAPS - 1):
                place.start(m, -BEFORE)
                m.next = "WORDS"

    def _send(self, m: Module, place: _Place, words, read) -> None:
        """The packet: the words, then the samples."""
        with m.State("WORDS"):
            m.d.comb += [self.o.valid.eq(1), self.o.payload.sample.eq(words[place.index])]
            with m.If(self.o.ready):
                m.d.sync += place.index.eq(place.index + 1)
                with m.If(place.index == WORDS - 1):
                    m.d.sync += place.index.eq(0)
                    m.next = "SAMPLE_READ"
        with m.State("SAMPLE_READ"):
            m.next = "SAMPLE"
        with m.State("SAMPLE"):
            ends = place.index == WINDOW - 1
            m.d.comb += [self.o.valid.eq(1), self.o.payload.sample.eq(read.data), self.o.payload.last.eq(ends)]
            with m.If(self.o.ready):
                place.step(m, 1)
                m.next = "SAMPLE_READ"
                with m.If(ends):
                    m.next = "AFTER"

    def _go_on(self, m: Module, beat: _Beat) -> None:
        """The rhythm goes on; the next beat is in hand, where it is there."""
        with m.State("AFTER"):
            beat.follow_rhythm(m)
            m.next = "IDLE"
            with m.If(beat.known):
                m.next = "NEXT"
        with m.State("NEXT"):
            m.d.sync += [beat.before.eq(beat.interval), beat.peak.eq(beat.following), beat.waits.eq(1), beat.far.eq(0)]
            m.next = "IDLE"
