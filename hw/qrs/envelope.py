"""Raw samples to the envelope of :mod:`sw.qrs.envelope`, a step a clock: one adder's worth of work at a time, one small memory."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.qrs.taps import tap
from sw.qrs.params import QrsParams

LATENCY = 10
INTERVAL = LATENCY + 1
# Regions of the memory, a ring each.
SAMPLES, SUMS, MAGNITUDES = range(3)


class _History:
    """The rings of samples, sums and magnitudes of an :class:`Envelope` in one memory. What is looked up is there in the next step
    as ``past`` or ``past_magnitude``."""

    def __init__(self, params: QrsParams, write, read, ring: int):
        self.write, self.read = write, read
        self.place = Signal(range(ring))
        self.before = Signal(range(params.settled + 1))  # samples before this one, no further than the envelope looks back
        self.back, self.region, self.there = Signal(range(ring)), Signal(2), Signal(reset_less=True)
        self.past, self.past_magnitude = Signal(signed(params.sum_bits)), Signal(params.magnitude_bits, name="past_magnitude")

    def connect(self, m: Module) -> None:
        """The memory's ports. Before the first sample everything was 0."""
        place, data = self.place, self.read.data
        m.d.comb += [
            self.read.addr.eq(Cat((place - self.back)[: len(place)], self.region)),
            self.past.eq(Mux(self.there, data[: len(self.past)].as_signed(), 0)),
            self.past_magnitude.eq(Mux(self.there, data[: len(self.past_magnitude)], 0)),
            self.write.addr[: len(place)].eq(place),
        ]
        m.d.sync += self.there.eq(self.before >= self.back)

    def look(self, m: Module, region: int, samples: int) -> None:
        """Look up what was kept so many samples ago."""
        m.d.comb += [self.region.eq(region), self.back.eq(samples)]

    def keep(self, m: Module, region: int, value) -> None:
        """Keep this sample's value."""
        m.d.comb += [self.write.en.eq(1), self.write.addr[len(self.place) :].eq(region), self.write.data.eq(value)]


class Envelope(wiring.Component):
    """A raw sample in, the envelope at this sample out.

    Ports:
      - ``i``: stream of raw samples, ``raw_bits`` signed; taken when idle, every ``INTERVAL`` cycles at most;
      - ``o``: stream of the envelope, ``envelope_bits`` unsigned, one for each sample: offered ``LATENCY`` cycles after the
        transfer at ``i`` and held until taken.

    The signals ``tap_filtered`` (slope, then peak) and ``tap_magnitude`` with their ``_moves`` are there to be looked at. Reset
    makes the history zero again; what is in the memory then is not read.
    """

    def __init__(self, params: QrsParams):
        self.params = params
        super().__init__(
            {
                "i": In(stream.Signature(signed(params.raw_bits))),
                "o": Out(stream.Signature(unsigned(params.envelope_bits))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        params, taps = self.params, self.params.taps
        width = max(params.sum_bits, params.magnitude_bits)
        ring = 1 << (2 * taps).bit_length()
        m.submodules.history = memory = Memory(shape=width, depth=4 * ring, init=[])
        history = _History(params, memory.write_port(), memory.read_port(domain="sync"), ring)
        history.connect(m)
        step = Signal(range(INTERVAL))
        sample = Signal(signed(params.raw_bits), reset_less=True)
        total = Signal(signed(params.sum_bits))
        slope = Signal(signed(params.sum_bits + 1), reset_less=True)
        peak = Signal(signed(params.sum_bits + 2), reset_less=True)
        magnitude = Signal(params.magnitude_bits, reset_less=True)
        envelope = Signal(params.envelope_bits)
        self._step(m, step, history, envelope)
        with m.Switch(step):
            with m.Case(0):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += sample.eq(self.i.payload)
                history.look(m, SAMPLES, taps)
            with m.Case(1):
                m.d.sync += total.eq(total + sample - history.past)
                history.keep(m, SAMPLES, sample)
                history.look(m, SUMS, taps // 2)
            with m.Case(2):
                m.d.sync += slope.eq(history.past)
                history.keep(m, SUMS, total)
                history.look(m, SUMS, 3 * taps // 2)
            with m.Case(3):
                m.d.sync += slope.eq(slope - history.past)
                history.look(m, SUMS, taps)
            with m.Case(4):
                m.d.sync += peak.eq(Cat(Const(0, 1), history.past).as_signed() - total)
                history.look(m, SUMS, 2 * taps)
            with m.Case(5):
                m.d.sync += peak.eq(peak - history.past)
            with m.Case(6):  # their sizes
                m.d.sync += [slope.eq(Mux(slope < 0, -slope, slope)), peak.eq(Mux(peak < 0, -peak, peak))]
            with m.Case(7):  # the larger one in peak
                swap = slope > peak
                m.d.sync += [slope.eq(Mux(swap, peak, slope)), peak.eq(Mux(swap, slope, peak))]
            with m.Case(8):
                m.d.sync += magnitude.eq((peak + (slope >> 1)) >> 1)
                history.look(m, MAGNITUDES, params.smooth)
            with m.Case(9):
                m.d.sync += envelope.eq(envelope + magnitude - history.past_magnitude)
                history.keep(m, MAGNITUDES, magnitude)

        tap(m, "filtered", Cat(slope, peak), step == 6)
        tap(m, "magnitude", magnitude, step == 9)
        return m

    def _step(self, m: Module, step: Signal, history: _History, envelope: Signal) -> None:
        """A step a cycle from a sample on; the last one offers the envelope."""
        settled = self.params.settled
        with m.If(step == LATENCY):
            m.d.comb += self.o.valid.eq(1)
            with m.If(self.o.ready):
                m.d.sync += [step.eq(0), history.place.eq(history.place + 1)]
                with m.If(history.before != settled):
                    m.d.sync += history.before.eq(history.before + 1)
        with m.Elif((step != 0) | self.i.valid):
            m.d.sync += step.eq(step + 1)
        m.d.comb += self.o.payload.eq(Mux(history.before == settled, envelope, 0))
