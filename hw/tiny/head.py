"""The head of the tiny engine: :mod:`hw.binary.head` with its constants in a memory; the largest logit is looked for at the end."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.binary.head import HeadParams
from hw.stream import parity
from hw.stream.result import NO_CALL, Beat, Header, Meta

# A count to its logit in the memory.
COUNT_LATENCY = 2
# Cycles a class takes when the largest is looked for, and a word when it is sent.
SCAN_CYCLES, SEND_CYCLES = 2, 3


def latency(params: HeadParams) -> int:
    """Last count to the offer of the header."""
    return COUNT_LATENCY + 1 + SCAN_CYCLES * params.classes


def send_cycles(params: HeadParams) -> int:
    """Offer of the header to the last beat's transfer, the consumer ready."""
    return SEND_CYCLES * params.classes


class _Count:
    """Where the next count belongs, and what one needs later: that stays put until the next one."""

    def __init__(self, params: HeadParams):
        self.index, self.position = Signal(range(params.classes)), Signal(range(params.positions), name="position")
        self.of, self.first, self.end = Signal.like(self.index), Signal(), Signal(name="end")
        self.x = Signal(signed(params.count_bits + 2), reset_less=True)
        self.multiplies, self.adds = Signal(), Signal(name="adds")


class Head(wiring.Component):
    """Pooled counts in, result packets out: logits and packets as of :class:`hw.binary.head.Head`.

    Ports:
      - ``i``: counts, one class a beat, position by position, without backpressure, at least 2 cycles apart;
      - ``meta``: of the window, from its last count on;
      - ``o``: stream of :data:`Beat`; ties go to the lowest class;
      - ``free``: high for a cycle when a packet has left;
      - ``damaged`` (where ``checked``): high, until reset, from when a constant was read whose parity is wrong.
    """

    def __init__(self, params: HeadParams):
        self.params = params
        super().__init__(
            {
                "i": In(stream.Signature(unsigned(params.count_bits), always_ready=True)),
                "meta": In(Meta),
                "o": Out(stream.Signature(Beat)),
                "free": Out(1),
                **({"damaged": Out(1)} if params.checked else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        p = self.params
        count = _Count(p)
        self._take(m, count)
        offset, product = self._multiply(m, count)
        # What is written is read again only much later.
        attributes = {"ram_style": "block", "no_rw_check": 1}
        m.submodules.logits = logits = Memory(shape=signed(p.logit_bits), depth=p.classes, init=[], attrs=attributes)
        read, write = logits.read_port(domain="sync"), logits.write_port()
        beat, counting = Signal(range(p.classes + 1)), Signal()
        m.d.comb += [
            read.addr.eq(Mux(counting, count.of, beat)),
            write.addr.eq(count.of),
            write.data.eq(Mux(count.first, offset, read.data) + product),
            write.en.eq(count.adds),
        ]
        self._send(m, read, beat, counting, count.adds & count.end)
        return m

    def _take(self, m: Module, count: _Count) -> None:
        """Which count this is."""
        p, index, position = self.params, count.index, count.position
        with m.If(self.i.valid):
            m.d.sync += [
                count.x.eq((self.i.payload << 1) - p.taps),
                count.of.eq(index),
                count.first.eq(position == 0),
                count.end.eq((position == p.positions - 1) & (index == p.classes - 1)),
                index.eq(index + 1),
            ]
            with m.If(index == p.classes - 1):
                m.d.sync += [index.eq(0), position.eq(position + 1)]
                with m.If(position == p.positions - 1):
                    m.d.sync += position.eq(0)
        m.d.sync += [count.multiplies.eq(self.i.valid), count.adds.eq(count.multiplies)]

    def _multiply(self, m: Module, count: _Count) -> tuple[Value, Signal]:
        """Its class's offset, and its product with the slope. The memory has rows of both slopes, then rows of offsets: a count's
        are read one after the other."""
        p, x = self.params, count.x
        slopes = unsigned(p.slope_bits)
        mask = (1 << p.slope_bits) - 1
        pairs = zip(p.positive, p.negative, strict=True)
        half = 1 << len(count.index)
        rows = [(int(above) & mask) | (int(below) & mask) << p.slope_bits for above, below in pairs]
        rows += [0] * (half - p.classes) + [int(offset) & ((1 << p.logit_bits) - 1) for offset in p.offset]
        bits = max(2 * p.slope_bits, p.logit_bits)
        rows, width = parity.stored(rows, bits, p.checked)
        m.submodules.constants = constants = Memory(shape=width, depth=len(rows), init=rows, attrs={"ram_style": "block"})
        constant = constants.read_port(domain="sync")
        m.d.comb += constant.addr.eq(Mux(count.multiplies, Cat(count.of, 1), Cat(count.index, 0)))
        if p.checked:
            m.d.comb += self.damaged.eq(parity.damage(m, constant.data, "constants"))
        above, below = (constant.data.word_select(k, slopes.width).as_signed() for k in range(2))
        product = Signal(signed(len(x) + p.slope_bits), reset_less=True)
        m.d.sync += product.eq(x * Mux(x < 0, below, above))
        return constant.data[: p.logit_bits].as_signed(), product

    def _send(self, m: Module, read, beat: Signal, counting: Signal, ends) -> None:
        """Once the last count ``ends`` the window, the largest logit; then the packet, header first. ``counting`` until then:
        after that the memory is read for the ``beat``."""
        p = self.params
        best, label = Signal(signed(p.logit_bits), reset_less=True), Signal(range(p.classes), reset_less=True)
        scans, heads = Signal(), Signal()
        header = Signal(Header)
        m.d.comb += [
            header.number.eq(self.meta.number),
            header.label.eq(Mux(self.meta.flat, NO_CALL, label)),
            header.no_call.eq(self.meta.flat),
            self.o.payload.word.eq(Mux(heads, header, best)),
            self.o.payload.last.eq(~heads & (beat == p.classes)),
        ]
        with m.FSM():
            with m.State("COUNT"):
                m.d.comb += counting.eq(1)
                m.d.sync += [beat.eq(0), scans.eq(1)]
                with m.If(ends):
                    m.next = "READ"
            with m.State("READ"):
                m.next = "TAKE"
            with m.State("TAKE"):
                m.d.sync += beat.eq(beat + 1)
                m.next = "READ"
                with m.If(~scans | (beat == 0) | (read.data > best)):
                    m.d.sync += best.eq(read.data)
                    with m.If(scans):
                        m.d.sync += label.eq(beat)
                with m.If(~scans):
                    m.next = "OFFER"
                with m.Elif(beat == p.classes - 1):
                    m.d.sync += [scans.eq(0), heads.eq(1), beat.eq(0)]
                    m.next = "OFFER"
            with m.State("OFFER"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.d.sync += heads.eq(0)
                    m.next = "READ"
                    with m.If(self.o.payload.last):
                        m.d.comb += self.free.eq(1)
                        m.next = "COUNT"
