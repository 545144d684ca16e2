"""The angles of a beat's points: x, the cosine, and v, the sine, each in units of 1/127. One division a beat, one product a point.

Both go bit by bit: a beat has the time in which the image before it leaves.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.images.points import DATA_LATENCY, FIRST_POINT, PLACE_BITS, Range
from hw.qrs.taps import tap
from sw.export.front.image import LEAST_RANGE, POINT_BITS, POINTS, RECIPROCAL_SHIFT, TOP

RECIPROCAL_BITS = 20  # of r: d is LEAST_RANGE at least
NUMERATOR = TOP << RECIPROCAL_SHIFT
STEPS = POINT_BITS  # of a product: bits of |2 * (p - low) - d|
ROOT_BITS = 7
# A point read, its difference, the product, its rounding, the root read, the offer.
POINT_CYCLES = 1 + DATA_LATENCY + STEPS + 1 + 1 + DATA_LATENCY
LATENCY = 1 + RECIPROCAL_BITS + POINTS * POINT_CYCLES - 1

Angle = data.StructLayout({"x": signed(8), "v": ROOT_BITS, "flat": 1})


class _Work:
    """The registers of a beat's division and of its points' products, and the phase that counts their steps."""

    def __init__(self):
        # Of the beat: the range, the sum of its ends; the rest and the quotient r.
        self.d, self.twice_middle = (
            Signal(POINT_BITS, reset_less=True),
            Signal(signed(POINT_BITS + 1), name="twice_middle", reset_less=True),
        )
        self.rest, self.r = Signal(POINT_BITS, reset_less=True), Signal(RECIPROCAL_BITS, name="r", reset_less=True)
        self.trial = Signal(signed(POINT_BITS + 2))
        self.flat = Signal()
        # The product: |t| comes from its least bit on; what is shifted out of the sum can't carry any more.
        self.t, self.past = Signal(signed(POINT_BITS + 1), reset_less=True), Signal(name="past")  # past: the lowest 1 of t
        self.product = Signal(RECIPROCAL_BITS, reset_less=True)
        self.size = Signal(ROOT_BITS, reset_less=True)  # |x|
        self.point, self.count = Signal(range(POINTS)), Signal(range(RECIPROCAL_BITS))
        self.ends, self.of_root = Signal(), Signal()  # a phase, with this cycle; the root is read

    def phase(self, m: Module, cycles: int, following: str) -> None:
        """Count the cycles of a phase, two at least, and go on to the next."""
        m.d.sync += [self.count.eq(self.count + 1), self.ends.eq(self.count == cycles - 2)]
        with m.If(self.ends):
            m.d.sync += [self.count.eq(0), self.ends.eq(0)]
            m.next = following


class Angles(wiring.Component):
    """Ports:
    - ``i``: stream of the least and the largest points of beats, taken with the transfer of a beat's last angle at ``o``;
    - ``place``, ``data``: of the memory of :class:`hw.images.points.Points`, whose points stay meanwhile;
    - ``o``: stream of angles, 64 a beat, each with whether its beat is flat (then x is 0). The last one is offered ``LATENCY``
      cycles after the range at ``i`` where ``o`` does not pause.
    """

    def __init__(self):
        super().__init__(
            {
                "i": In(stream.Signature(Range)),
                "place": Out(PLACE_BITS),
                "data": In(signed(POINT_BITS)),
                "o": Out(stream.Signature(Angle)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        work = _Work()
        d, rest, r, trial, point = work.d, work.rest, work.r, work.trial, work.point
        m.d.comb += [work.flat.eq(d < LEAST_RANGE), trial.eq(Cat(r[-1], rest) - d)]
        negative = work.t[-1]
        m.d.comb += self.place.eq(Mux(work.of_root, work.size, Cat(point, Const(FIRST_POINT // POINTS, PLACE_BITS - len(point)))))
        m.d.comb += [
            self.o.payload.x.eq(Mux(negative, -work.size, work.size)),
            self.o.payload.v.eq(self.data),
            self.o.payload.flat.eq(work.flat),
        ]
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [
                    d.eq(self.i.payload.high - self.i.payload.low),
                    work.twice_middle.eq(self.i.payload.high + self.i.payload.low),
                    rest.eq(NUMERATOR >> RECIPROCAL_BITS),  # below every d that is not flat
                    r.eq(NUMERATOR & ((1 << RECIPROCAL_BITS) - 1)),
                ]
                with m.If(self.i.valid):
                    m.next = "DIVIDE"
            with m.State("DIVIDE"):  # the numerator's lower bits leave where the quotient's come in
                m.d.sync += [rest.eq(Mux(trial < 0, Cat(r[-1], rest), trial)), r.eq(Cat(trial >= 0, r))]
                work.phase(m, RECIPROCAL_BITS, "READ")
                with m.If(work.ends & work.flat):
                    m.d.sync += r.eq(0)
            self._cosine(m, work, negative)
            with m.State("OFFER"):
                m.d.comb += [work.of_root.eq(1), self.o.valid.eq(1)]
                with m.If(self.o.ready):
                    m.d.sync += point.eq(point + 1)
                    m.next = "READ"
                    with m.If(point.all()):
                        m.d.comb += self.i.ready.eq(1)
                        m.next = "IDLE"
        tap(m, "x", self.o.payload.x, self.o.valid & self.o.ready)
        return m

    def _cosine(self, m: Module, work: _Work, negative) -> None:
        """A point's difference to the middle, its product with r, the rounding, and the root that belongs to it."""
        t, past, product = work.t, work.past, work.product
        with m.State("READ"):
            m.d.sync += [product.eq(0), past.eq(0)]
            work.phase(m, DATA_LATENCY, "DIFFERENCE")
        with m.State("DIFFERENCE"):
            m.d.sync += t.eq((self.data << 1) - work.twice_middle)
            m.next = "MULTIPLY"
        with m.State("MULTIPLY"):  # of a negative t the bits past the lowest 1 are turned
            bit = t[0] ^ (negative & past)
            m.d.sync += [t.eq(t >> 1), past.eq(past | t[0]), product.eq((product + Mux(bit, work.r, 0)) >> 1)]
            work.phase(m, STEPS, "ROUND")
        with m.State("ROUND"):
            m.d.sync += work.size.eq((product >> (RECIPROCAL_SHIFT - STEPS)) + product[RECIPROCAL_SHIFT - STEPS - 1])
            m.next = "ROOT"
        with m.State("ROOT"):
            m.d.comb += work.of_root.eq(1)
            work.phase(m, DATA_LATENCY, "OFFER")
