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
        d, twice_middle = Signal(POINT_BITS, reset_less=True), Signal(signed(POINT_BITS + 1), reset_less=True)
        rest, r = Signal(POINT_BITS, reset_less=True), Signal(RECIPROCAL_BITS, reset_less=True)
        trial = Signal(signed(POINT_BITS + 2))
        flat = Signal()
        m.d.comb += [flat.eq(d < LEAST_RANGE), trial.eq(Cat(r[-1], rest) - d)]

        # The product: |t| comes from its least bit on; what is shifted out of the sum can't carry any more.
        t, past = Signal(signed(POINT_BITS + 1), reset_less=True), Signal()  # past: the lowest 1 of t
        product = Signal(RECIPROCAL_BITS, reset_less=True)
        size = Signal(ROOT_BITS, reset_less=True)  # |x|
        negative = t[-1]

        point, count = Signal(range(POINTS)), Signal(range(RECIPROCAL_BITS))
        ends, of_root = Signal(), Signal()
        m.d.comb += self.place.eq(Mux(of_root, size, Cat(point, Const(FIRST_POINT // POINTS, PLACE_BITS - len(point)))))
        m.d.comb += [
            self.o.payload.x.eq(Mux(negative, -size, size)),
            self.o.payload.v.eq(self.data),
            self.o.payload.flat.eq(flat),
        ]

        def phase(cycles: int, following: str) -> None:
            """Count the cycles of a phase, two at least, and go on to the next."""
            m.d.sync += [count.eq(count + 1), ends.eq(count == cycles - 2)]
            with m.If(ends):
                m.d.sync += [count.eq(0), ends.eq(0)]
                m.next = following

        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [
                    d.eq(self.i.payload.high - self.i.payload.low),
                    twice_middle.eq(self.i.payload.high + self.i.payload.low),
                    rest.eq(NUMERATOR >> RECIPROCAL_BITS),  # below every d that is not flat
                    r.eq(NUMERATOR & ((1 << RECIPROCAL_BITS) - 1)),
                ]
                with m.If(self.i.valid):
                    m.next = "DIVIDE"
            with m.State("DIVIDE"):  # the numerator's lower bits leave where the quotient's come in
                m.d.sync += [rest.eq(Mux(trial < 0, Cat(r[-1], rest), trial)), r.eq(Cat(trial >= 0, r))]
                phase(RECIPROCAL_BITS, "READ")
                with m.If(ends & flat):
                    m.d.sync += r.eq(0)
            with m.State("READ"):
                m.d.sync += [product.eq(0), past.eq(0)]
                phase(DATA_LATENCY, "DIFFERENCE")
            with m.State("DIFFERENCE"):
                m.d.sync += t.eq((self.data << 1) - twice_middle)
                m.next = "MULTIPLY"
            with m.State("MULTIPLY"):  # of a negative t the bits past the lowest 1 are turned
                bit = t[0] ^ (negative & past)
                m.d.sync += [t.eq(t >> 1), past.eq(past | t[0]), product.eq((product + Mux(bit, r, 0)) >> 1)]
                phase(STEPS, "ROUND")
            with m.State("ROUND"):
                m.d.sync += size.eq((product >> (RECIPROCAL_SHIFT - STEPS)) + product[RECIPROCAL_SHIFT - STEPS - 1])
                m.next = "ROOT"
            with m.State("ROOT"):
                m.d.comb += of_root.eq(1)
                phase(DATA_LATENCY, "OFFER")
            with m.State("OFFER"):
                m.d.comb += [of_root.eq(1), self.o.valid.eq(1)]
                with m.If(self.o.ready):
                    m.d.sync += point.eq(point + 1)
                    m.next = "READ"
                    with m.If(point.all()):
                        m.d.comb += self.i.ready.eq(1)
                        m.next = "IDLE"
        tap(m, "x", self.o.payload.x, self.o.valid & self.o.ready)
        return m
