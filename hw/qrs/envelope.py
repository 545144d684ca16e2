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
        write, read = memory.write_port(), memory.read_port(domain="sync")

        place = Signal(range(ring))
        before = Signal(range(params.settled + 1))  # samples before this one, no further than the envelope looks back
        step = Signal(range(INTERVAL))
        sample = Signal(signed(params.raw_bits), reset_less=True)
        total = Signal(signed(params.sum_bits))
        slope = Signal(signed(params.sum_bits + 1), reset_less=True)
        peak = Signal(signed(params.sum_bits + 2), reset_less=True)
        magnitude = Signal(params.magnitude_bits, reset_less=True)
        envelope = Signal(params.envelope_bits)

        # What each step reads: it is there in the next one. Before the first sample everything was 0.
        back, region, there = Signal(range(ring)), Signal(2), Signal(reset_less=True)
        past, past_magnitude = Signal(signed(params.sum_bits)), Signal(params.magnitude_bits)
        m.d.comb += [
            read.addr.eq(Cat((place - back)[: len(place)], region)),
            past.eq(Mux(there, read.data[: params.sum_bits].as_signed(), 0)),
            past_magnitude.eq(Mux(there, read.data[: params.magnitude_bits], 0)),
            write.addr[: len(place)].eq(place),
        ]
        m.d.sync += there.eq(before >= back)

        def look(where: int, samples: int) -> None:
            m.d.comb += [region.eq(where), back.eq(samples)]

        def keep(where: int, value) -> None:
            m.d.comb += [write.en.eq(1), write.addr[len(place) :].eq(where), write.data.eq(value)]

        with m.If(step == LATENCY):
            m.d.comb += self.o.valid.eq(1)
            with m.If(self.o.ready):
                m.d.sync += [step.eq(0), place.eq(place + 1)]
                with m.If(before != params.settled):
                    m.d.sync += before.eq(before + 1)
        with m.Elif((step != 0) | self.i.valid):
            m.d.sync += step.eq(step + 1)
        m.d.comb += self.o.payload.eq(Mux(before == params.settled, envelope, 0))

        with m.Switch(step):
            with m.Case(0):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += sample.eq(self.i.payload)
                look(SAMPLES, taps)
            with m.Case(1):
                m.d.sync += total.eq(total + sample - past)
                keep(SAMPLES, sample)
                look(SUMS, taps // 2)
            with m.Case(2):
                m.d.sync += slope.eq(past)
                keep(SUMS, total)
                look(SUMS, 3 * taps // 2)
            with m.Case(3):
                m.d.sync += slope.eq(slope - past)
                look(SUMS, taps)
            with m.Case(4):
                m.d.sync += peak.eq(Cat(Const(0, 1), past).as_signed() - total)
                look(SUMS, 2 * taps)
            with m.Case(5):
                m.d.sync += peak.eq(peak - past)
            with m.Case(6):  # their sizes
                m.d.sync += [slope.eq(Mux(slope < 0, -slope, slope)), peak.eq(Mux(peak < 0, -peak, peak))]
            with m.Case(7):  # the larger one in peak
                swap = slope > peak
                m.d.sync += [slope.eq(Mux(swap, peak, slope)), peak.eq(Mux(swap, slope, peak))]
            with m.Case(8):
                m.d.sync += magnitude.eq((peak + (slope >> 1)) >> 1)
                look(MAGNITUDES, params.smooth)
            with m.Case(9):
                m.d.sync += envelope.eq(envelope + magnitude - past_magnitude)
                keep(MAGNITUDES, magnitude)

        tap(m, "filtered", Cat(slope, peak), step == 6)
        tap(m, "magnitude", magnitude, step == 9)
        return m
