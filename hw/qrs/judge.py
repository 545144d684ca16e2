"""The decision whether a peak of the envelope is a QRS complex: adaptive thresholds, refractory time, T waves, search-back, as
:class:`sw.qrs.detector.Judge` has them."""

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


class _State:
    """What the judge knows: the peak that rises, the candidate, its levels and ages."""

    def __init__(self, params: QrsParams):
        height, age = unsigned(params.envelope_bits), params.since_bits
        # Peaks: the largest value so far, and for how long. It begins so that the first sample starts at 0.
        held_bits = params.hold.bit_length()
        self.largest, self.held = Signal(height), Signal(held_bits, name="held", init=(1 << held_bits) - 1)
        self.candidate = Signal(height, reset_less=True)
        self.number = Signal(POSITION_BITS, init=(1 << POSITION_BITS) - 1)  # of the sample
        self.learned = Signal()
        self.since, self.kept_age = Signal(age, init=params.since_limit), Signal(age, name="kept_age", reset_less=True)
        self.kept, self.last = Signal(height), Signal(height, name="last")
        self.signal, self.noise = Signal(height, init=params.floor), Signal(height, name="noise")
        self.interval = Signal(age + 4, init=params.first_interval << 4)
        # What follows from the state, a cycle later.
        self.threshold, self.limit = Signal(height, reset_less=True), Signal(age, name="limit", reset_less=True)
        self.judged = Signal()
        self.searched = Signal(reset_less=True)  # the beat in hand is a search-back's
        self.beat_height = Mux(self.searched, self.kept, self.candidate)
        self.beat_age = Mux(self.searched, self.kept_age, Const(params.hold, age))


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
        params, s = self.params, _State(self.params)
        difference = Signal(signed(params.envelope_bits + 1))
        wait = _thrice(s.interval) >> 5
        m.d.comb += difference.eq(s.signal - s.noise)
        m.d.sync += [
            s.threshold.eq(s.noise + (_thrice(difference) >> 3)),
            s.limit.eq(Mux(wait > params.search_limit, params.search_limit, wait)),
        ]
        m.d.sync += s.judged.eq(0)
        m.d.comb += self.o.payload.eq(s.number - (s.beat_age + params.delay))
        with m.FSM():
            with m.State("IDLE"):
                self._take_sample(m, s)
            with m.State("SEARCH"):
                self._search_back(m, s)
            with m.State("SETTLE"):
                m.d.sync += s.searched.eq(0)
                m.next = "JUDGE"
            with m.State("JUDGE"):
                self._judge(m, s)
            with m.State("BEAT"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "TAKE"
            with m.State("TAKE"):
                self._learn_beat(m, s)
        tap(m, "judged", Cat(s.threshold, s.signal, s.noise, s.interval, s.since, s.kept), s.judged)
        return m

    def _take_sample(self, m: Module, s: _State) -> None:
        """A value of the envelope: everything is a sample older; a value that was the largest for long is a candidate."""
        params, longest = self.params, self.params.since_limit
        m.d.comb += self.i.ready.eq(1)
        with m.If(self.i.valid):
            m.d.sync += [s.number.eq(s.number + 1), s.held.eq(s.held + 1), s.searched.eq(0)]
            with m.If(s.since != longest):
                m.d.sync += s.since.eq(s.since + 1)
            with m.If(s.kept_age != longest):
                m.d.sync += s.kept_age.eq(s.kept_age + 1)
            with m.If(s.number == params.learning - 1):
                m.d.sync += s.learned.eq(1)
            with m.If(self.i.payload > s.largest):
                m.d.sync += [s.largest.eq(self.i.payload), s.held.eq(0)]
            with m.Elif(s.held == params.hold - 1):
                m.d.sync += [s.candidate.eq(s.largest), s.largest.eq(self.i.payload), s.held.eq(0)]
                m.next = "SEARCH"

    def _search_back(self, m: Module, s: _State) -> None:
        """Whether a beat was missed before this candidate; while learning, the signal's level follows the candidates."""
        with m.If(~s.learned):
            with m.If(s.candidate > s.signal):
                m.d.sync += s.signal.eq(s.candidate)
            m.next = "SETTLE"
        with m.Elif((s.since > s.limit) & (s.kept > s.threshold >> 1) & (s.kept_age <= self.params.search_age)):
            m.d.sync += s.searched.eq(1)
            m.next = "BEAT"
        with m.Else():
            m.next = "JUDGE"

    def _judge(self, m: Module, s: _State) -> None:
        """Whether the candidate is a QRS complex; else it counts as noise, and may be kept for a search-back."""
        params = self.params
        t_wave = (s.since < params.hold + params.t_wave) & (s.candidate < _thrice(s.last) >> 3)
        with m.If((s.candidate > s.threshold) & ~t_wave):
            m.next = "BEAT"
        with m.Else():
            below = Mux(s.candidate < s.signal, s.candidate, s.signal)
            m.d.sync += [s.noise.eq(s.noise + ((below - s.noise) >> 3)), s.judged.eq(1)]
            with m.If(s.since > params.silence):
                sunk = s.signal - (s.signal >> 3)
                m.d.sync += s.signal.eq(Mux(sunk < params.floor, params.floor, sunk))
            with m.If((s.since >= params.hold + params.search_from) & (s.candidate > s.kept)):
                m.d.sync += [s.kept.eq(s.candidate), s.kept_age.eq(params.hold)]
            m.next = "IDLE"

    def _learn_beat(self, m: Module, s: _State) -> None:
        """After a beat: the mean interval and the signal's level take it in."""
        params = self.params
        with m.If(s.since != params.since_limit):
            sixteenths = Cat(Const(0, 4), (s.since - s.beat_age)[: params.since_bits])
            m.d.sync += s.interval.eq(s.interval + ((sixteenths - s.interval) >> 3))
        most = s.signal + (s.signal >> 1)
        raised = Signal(signed(params.envelope_bits + 2))
        m.d.comb += raised.eq(s.signal + ((Mux(s.beat_height < most, s.beat_height, most) - s.signal) >> 2))
        m.d.sync += [
            s.signal.eq(Mux(raised < params.floor, params.floor, raised)),
            s.since.eq(s.beat_age),
            s.last.eq(s.beat_height),
            s.kept.eq(0),
        ]
        with m.If(s.searched):
            m.next = "SETTLE"
        with m.Else():
            m.d.sync += s.judged.eq(1)
            m.next = "IDLE"
