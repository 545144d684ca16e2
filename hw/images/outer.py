"""The outer product: the angles of a beat in, its image out, G_ij = round((x_i * x_j - v_i * v_j) / 2^7), a value a cycle.

All pairs of x and their roots lie in -127..127 so (``tests/sw/export/front/test_image.py`` goes through them): nothing is clipped.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.images.angles import ROOT_BITS, Angle
from hw.stream import multiplier
from hw.stream.delay import delay
from hw.stream.rounding import shift_round
from sw.export.front.image import IMAGE_BITS, POINTS, PRODUCT_SHIFT

# Values between the memory and ``o``; more than the cycles from a read to the queue's end and back.
QUEUE = 16
QUEUE_LATENCY = 2
READ_LATENCY = 3  # the memory, its own register, and one more, beside which the row's angle comes
VALUE_LATENCY = READ_LATENCY + multiplier.LATENCY + 2
# From the transfer at ``flat`` to the first value, and from an image's first value to the next one's.
LATENCY = 1 + VALUE_LATENCY + QUEUE_LATENCY
INTERVAL = POINTS * POINTS + READ_LATENCY


class _Reading:
    """Where the memory is read, and what moves: an image ``begins``, a column's angle is read, a value ``leaves``."""

    def __init__(self):
        self.half, self.row, self.column = Signal(), Signal(range(POINTS)), Signal(range(POINTS), name="column")
        self.begins, self.reads, self.leaves = Signal(), Signal(), Signal(name="leaves")
        # What was read, and that a cycle later.
        self.angle, self.later = Signal(Angle, reset_less=True), Signal(Angle, name="later", reset_less=True)


class Outer(wiring.Component):
    """Ports:
    - ``i``: stream of angles, 64 a beat. Two beats fit: one comes in while the image of the other leaves; then ``i`` pauses;
    - ``flat``: stream of whether an image is that of a flat beat (all 0), one beat as each begins to leave, the cycle after its
      last angle came in, where nothing else is under way;
    - ``o``: stream of the images' values, int8, 4,096 each, row by row; the first ``LATENCY`` cycles after the transfer at
      ``flat``, one a cycle where ``o`` does not pause.
    """

    def __init__(self):
        super().__init__(
            {
                "i": In(stream.Signature(Angle)),
                "flat": Out(stream.Signature(1)),
                "o": Out(stream.Signature(signed(IMAGE_BITS))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        attributes = {"ram_style": "block", "no_rw_check": 1}  # a half is never read and written at once
        m.submodules.angles = memory = Memory(shape=Angle, depth=2 * POINTS, init=[], attrs=attributes)
        write, read = memory.write_port(), memory.read_port(domain="sync")
        filled = Signal(2)  # the halves
        self._write(m, write, filled)

        now = _Reading()
        self._read(m, now, read, filled)
        value = self._values(m, now)

        m.submodules.queue = queue = SyncFIFOBuffered(width=IMAGE_BITS, depth=QUEUE)
        m.d.comb += [
            queue.w_en.eq(delay(m, now.reads, VALUE_LATENCY, "valued")[-1]),
            queue.w_data.eq(value),
            self.o.valid.eq(queue.r_rdy),
            self.o.payload.eq(queue.r_data.as_signed()),
            queue.r_en.eq(self.o.ready),
            now.leaves.eq(self.o.valid & self.o.ready),
        ]
        return m

    def _write(self, m: Module, write, filled: Signal) -> None:
        """Angles into the memory's halves, one after the other."""
        place = Signal(range(2 * POINTS))
        m.d.comb += [
            self.i.ready.eq(~filled.bit_select(place[-1], 1)),
            write.addr.eq(place),
            write.data.eq(self.i.payload),
            write.en.eq(self.i.valid & self.i.ready),
        ]
        with m.If(write.en):
            m.d.sync += place.eq(place + 1)
            with m.If(place[:-1].all()):
                m.d.sync += filled.bit_select(place[-1], 1).eq(1)

    def _read(self, m: Module, now: _Reading, read, filled: Signal) -> None:
        """Reading, on credit. Before an image, its first angle stands at the memory's output."""
        idle = Signal(init=1)
        credits, may_read = Signal(range(QUEUE + 1), init=QUEUE), Signal(init=1)
        settled = delay(m, idle, READ_LATENCY - 1, "settled")[-1]
        m.d.comb += [
            read.addr.eq(Cat(now.column, now.half)),
            self.flat.valid.eq(idle & settled & filled.bit_select(now.half, 1)),
            self.flat.payload.eq(now.angle.flat),
            now.begins.eq(self.flat.valid & self.flat.ready),
            now.reads.eq(~idle & may_read),
        ]
        m.d.sync += [
            now.angle.eq(read.data),
            now.later.eq(now.angle),
            credits.eq(credits - now.reads + now.leaves),
            may_read.eq(now.leaves | Mux(now.reads, credits > 1, credits != 0)),
        ]
        with m.If(now.begins):
            m.d.sync += idle.eq(0)
        with m.If(now.reads):
            m.d.sync += now.column.eq(now.column + 1)
            with m.If(now.column.all()):
                m.d.sync += now.row.eq(now.row + 1)
                with m.If(now.row.all()):
                    m.d.sync += [idle.eq(1), now.half.eq(~now.half), filled.bit_select(now.half, 1).eq(0)]

    def _values(self, m: Module, now: _Reading) -> Signal:
        """The row's angle times the column's. The next row's is kept as it passes by as a column's."""
        of_row, of_next = Signal(Angle, reset_less=True), Signal(Angle, reset_less=True)
        first = delay(m, now.column == 0, READ_LATENCY - 1, "first")[-1]
        passes = delay(m, now.reads & (now.column == (now.row + 1)[: len(now.row)]), READ_LATENCY - 1, "passes")[-1]
        with m.If(first):
            m.d.sync += of_row.eq(of_next)
        with m.If(passes | now.begins):
            m.d.sync += of_next.eq(now.angle)
        m.submodules.cosines = cosines = multiplier.Multiplier(signed(8), signed(8))
        m.submodules.sines = sines = multiplier.Multiplier(unsigned(ROOT_BITS), unsigned(ROOT_BITS))
        difference = Signal(signed(17), reset_less=True)
        value = Signal(signed(IMAGE_BITS), reset_less=True)
        m.d.comb += [cosines.a.eq(of_row.x), cosines.b.eq(now.later.x), sines.a.eq(of_row.v), sines.b.eq(now.later.v)]
        m.d.sync += [difference.eq(cosines.p - sines.p), value.eq(shift_round(difference, PRODUCT_SHIFT))]
        with m.If(delay(m, now.later.flat, multiplier.LATENCY + 1, "flat_later")[-1]):
            m.d.sync += value.eq(0)
        return value
