"""The envelope's peaks to beats: candidates, levels, search-back, as :class:`sw.qrs.detector.Judge` has them."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.qrs.taps import tap
from sw.qrs.params import POSITION_BITS, QrsParams

# Cycles from the transfer of a sample to the beat that it made known, by a search-back or not; a beat may follow a search-back's.
SEARCH_LATENCY = 2
LATENCY = 3
BOTH_LATENCY = 6
# A candidate works so long at most, the sample's own cycle included, where beats are taken at once.
LONGEST = 8


def _thrice(value: Value) -> Value:
    """3 times a value without a multiplier."""
    return value + (value << 1)


class Judge(wiring.Component):
    """The envelope in, R peaks out.

    Ports:
      - ``i``: stream of the envelope, ``envelope_bits`` unsigned; taken in every cycle, but for up to ``LONGEST`` - 1 cycles after
        the sample that makes a candidate known, and while a beat waits;
      - ``o``: stream of R peaks: the number of their sample modulo 2^16, the first sample after reset being 0. Each is offered
        ``LATENCY`` cycles after the sample with which it is known (``SEARCH_LATENCY`` a search-back's, ``BOTH_LATENCY`` after the
        transfer of that one the beat that follows it) and held until taken. They are in order and final.

    In the first ``learning`` samples there is a cycle more. ``tap_judged`` (threshold, signal, noise, interval, since, kept height)
    and ``tap_judged_moves`` are there to be looked at: a candidate has been judged.
    """

    def __init__(self, params: QrsParams):
        self.params = params
        super().__init__(
            {
                "i": In(stream.Signature(unsigned(params.envelope_bits))),
                "o": Out(stream.Signature(unsigned(POSITION_BITS))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        params = self.params
        bits, longest = params.envelope_bits, params.since_limit
        height = unsigned(bits)

        # Peaks: the largest value so far, and for how long. It begins so that the first sample starts at 0.
        held_bits = params.hold.bit_length()
        largest, held = Signal(height), Signal(held_bits, init=(1 << held_bits) - 1)
        candidate = Signal(height, reset_less=True)
        number = Signal(POSITION_BITS, init=(1 << POSITION_BITS) - 1)
        learned = Signal()
        since, kept_age = Signal(params.since_bits, init=longest), Signal(params.since_bits, reset_less=True)
        kept, last = Signal(height), Signal(height)
        signal, noise = Signal(height, init=params.floor), Signal(height)
        interval = Signal(params.since_bits + 4, init=params.first_interval << 4)

        # What follows from the state, a cycle later.
        threshold, limit = Signal(height, reset_less=True), Signal(params.since_bits, reset_less=True)
        difference = Signal(signed(bits + 1))
        wait = _thrice(interval) >> 5
        m.d.comb += difference.eq(signal - noise)
        m.d.sync += [
            threshold.eq(noise + (_thrice(difference) >> 3)),
            limit.eq(Mux(wait > params.search_limit, params.search_limit, wait)),
        ]

        judged = Signal()
        searched = Signal(reset_less=True)  # the beat in hand is a search-back's
        beat_height = Mux(searched, kept, candidate)
        beat_age = Mux(searched, kept_age, Const(params.hold, params.since_bits))
        m.d.sync += judged.eq(0)
        m.d.comb += self.o.payload.eq(number - (beat_age + params.delay))
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid):
                    m.d.sync += [number.eq(number + 1), held.eq(held + 1), searched.eq(0)]
                    with m.If(since != longest):
                        m.d.sync += since.eq(since + 1)
                    with m.If(kept_age != longest):
                        m.d.sync += kept_age.eq(kept_age + 1)
                    with m.If(number == params.learning - 1):
                        m.d.sync += learned.eq(1)
                    with m.If(self.i.payload > largest):
                        m.d.sync += [largest.eq(self.i.payload), held.eq(0)]
                    with m.Elif(held == params.hold - 1):
                        m.d.sync += [candidate.eq(largest), largest.eq(self.i.payload), held.eq(0)]
                        m.next = "SEARCH"
            with m.State("SEARCH"):
                with m.If(~learned):
                    with m.If(candidate > signal):
                        m.d.sync += signal.eq(candidate)
                    m.next = "SETTLE"
                with m.Elif((since > limit) & (kept > threshold >> 1) & (kept_age <= params.search_age)):
                    m.d.sync += searched.eq(1)
                    m.next = "BEAT"
                with m.Else():
                    m.next = "JUDGE"
            with m.State("SETTLE"):
                m.d.sync += searched.eq(0)
                m.next = "JUDGE"
            with m.State("JUDGE"):
                t_wave = (since < params.hold + params.t_wave) & (candidate < _thrice(last) >> 3)
                with m.If((candidate > threshold) & ~t_wave):
                    m.next = "BEAT"
                with m.Else():
                    below = Mux(candidate < signal, candidate, signal)
                    m.d.sync += [noise.eq(noise + ((below - noise) >> 3)), judged.eq(1)]
                    with m.If(since > params.silence):
                        sunk = signal - (signal >> 3)
                        m.d.sync += signal.eq(Mux(sunk < params.floor, params.floor, sunk))
                    with m.If((since >= params.hold + params.search_from) & (candidate > kept)):
                        m.d.sync += [kept.eq(candidate), kept_age.eq(params.hold)]
                    m.next = "IDLE"
            with m.State("BEAT"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "TAKE"
            with m.State("TAKE"):
                with m.If(since != longest):
                    sixteenths = Cat(Const(0, 4), (since - beat_age)[: params.since_bits])
                    m.d.sync += interval.eq(interval + ((sixteenths - interval) >> 3))
                most = signal + (signal >> 1)
                raised = Signal(signed(bits + 2))
                m.d.comb += raised.eq(signal + ((Mux(beat_height < most, beat_height, most) - signal) >> 2))
                m.d.sync += [
                    signal.eq(Mux(raised < params.floor, params.floor, raised)),
                    since.eq(beat_age),
                    last.eq(beat_height),
                    kept.eq(0),
                ]
                with m.If(searched):
                    m.next = "SETTLE"
                with m.Else():
                    m.d.sync += judged.eq(1)
                    m.next = "IDLE"

        tap(m, "judged", Cat(threshold, signal, noise, interval, since, kept), judged)
        return m
