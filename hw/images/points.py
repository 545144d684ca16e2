"""The points of a beat: sums of four samples, and the least and the largest of them. The table of roots lies in the same memory."""

from amaranth.hdl import Cat, Const, Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.qrs.taps import tap
from hw.stream.result import NUMBER_BITS
from sw.export.front.image import POINT_BITS, POINTS, RAW_BITS, ROOT, SAMPLES

LATENCY = 3
DATA_LATENCY = 2
# Places of the memory: the table of roots, then the points.
PLACE_BITS = 8
FIRST_POINT = len(ROOT)

Sample = data.StructLayout({"sample": signed(RAW_BITS), "last": 1})
Range = data.StructLayout({"low": signed(POINT_BITS), "high": signed(POINT_BITS), "number": NUMBER_BITS})


class Points(wiring.Component):
    """Ports:
    - ``i``: stream of raw samples, signed, in ADC units, with ``last``. A beat ends after 256 samples; ``last`` may mark that or
      stay low. A ``last`` that comes sooner breaks the beat off: its number is skipped, and the next sample begins a beat;
    - ``o``: stream of the beats' least and largest points (signed, sums of four samples), and running numbers, ``LATENCY`` cycles
      after their last sample was taken. Until a beat is taken here, ``i`` pauses and its points stay where they are;
    - ``place``, ``data``: of the memory, ``DATA_LATENCY`` cycles apart: ROOT[a] at a, point k at ``FIRST_POINT`` + k.
    """

    def __init__(self):
        super().__init__(
            {
                "i": In(stream.Signature(Sample)),
                "o": Out(stream.Signature(Range)),
                "place": In(PLACE_BITS),
                "data": Out(signed(POINT_BITS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        attributes = {"ram_style": "block", "no_rw_check": 1}  # what is read was written long before
        m.submodules.memory = memory = Memory(
            shape=signed(POINT_BITS), depth=1 << PLACE_BITS, init=[int(root) for root in ROOT], attrs=attributes
        )
        write, read = memory.write_port(), memory.read_port(domain="sync")
        word = Signal(signed(POINT_BITS), reset_less=True)  # so that it is the block RAM's own register
        m.d.comb += [read.addr.eq(self.place), self.data.eq(word)]
        m.d.sync += word.eq(read.data)

        # A point is a register, written and compared a cycle after its last sample, and a cycle later perhaps the least.
        index = Signal(range(SAMPLES))
        taken, ends, breaks, fourth = Signal(), Signal(), Signal(), Signal()
        busy, found, whole = Signal(), Signal(), Signal()
        part, total = Signal(signed(POINT_BITS)), Signal(signed(POINT_BITS))
        point = Signal(signed(POINT_BITS), reset_less=True)
        number, pointed, compared = Signal(range(POINTS)), Signal(), Signal()  # of the point
        lower, higher = Signal(), Signal()
        m.d.comb += [
            self.i.ready.eq(~busy),
            taken.eq(self.i.valid & ~busy),
            ends.eq(taken & index.all()),
            breaks.eq(taken & self.i.payload.last & ~index.all()),
            fourth.eq(index[:2].all()),
            total.eq(part + self.i.payload.sample),
            write.addr.eq(Cat(number, Const(FIRST_POINT // POINTS, PLACE_BITS - len(number)))),
            write.data.eq(point),
            write.en.eq(pointed),
        ]
        m.d.sync += [pointed.eq(taken & fourth), compared.eq(pointed)]
        with m.If(taken & fourth):
            m.d.sync += [point.eq(total), number.eq(index >> 2)]
        with m.If(taken):
            m.d.sync += [index.eq(index + 1), part.eq(total)]
            with m.If(fourth | self.i.payload.last):
                m.d.sync += part.eq(0)
        with m.If(breaks):
            m.d.sync += index.eq(0)

        of_beat = Signal(Range)
        m.d.sync += [lower.eq((number == 0) | (point < of_beat.low)), higher.eq((number == 0) | (point > of_beat.high))]
        with m.If(compared & lower):
            m.d.sync += of_beat.low.eq(point)
        with m.If(compared & higher):
            m.d.sync += of_beat.high.eq(point)
        goes = Signal()
        m.d.comb += [self.o.valid.eq(whole), self.o.payload.eq(of_beat), goes.eq(whole & self.o.ready)]
        m.d.sync += [found.eq(busy), whole.eq(busy & found & ~goes)]
        with m.If(ends):
            m.d.sync += busy.eq(1)
        with m.If(goes):
            m.d.sync += busy.eq(0)
        with m.If(goes | breaks):
            m.d.sync += of_beat.number.eq(of_beat.number + 1)
        tap(m, "points", point, pointed)
        return m
