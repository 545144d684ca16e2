"""Activation memory: neighbouring bytes from any address, or every second of 32, read in a cycle, and 16 bytes written to any.

Bank b of 16 holds the byte pairs whose number is b modulo 16. A read of 16 pairs takes one word of each bank, from the row of the
first pair or the row after it; two rotating stages put the pairs in order, and the last stage picks the bytes. A write turns its
bytes in two stages to where they belong.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.mac.choice import one_of_four
from hw.mac.layouts import Read, Row, bus
from hw.mac.params import ArrayParams
from sw.export.array.program import LANES

# Row of each bank, the bank, its output register, two rotations, the choice of bytes.
READ_LATENCY = 6
# From a write to the first read that sees it.
WRITE_LATENCY = 2


class VectorMemory(wiring.Component):
    """Ports: ``read`` (:data:`Read`, every cycle), ``x`` (``params.bus`` inputs, ``READ_LATENCY`` cycles later), ``write``
    (:data:`Row`; a read ``WRITE_LATENCY`` cycles later sees it). Addresses wrap at the memory's size. Not reset."""

    def __init__(self, params: ArrayParams):
        self.params = params
        self.row_bits = (params.memory // (2 * LANES) - 1).bit_length()
        super().__init__({"read": In(Read), "x": Out(bus(params.bus)), "write": In(Row)})

    def elaborate(self, platform):
        m = Module()
        writing = self._writing(m)
        words = self._banks(m, writing)
        # What the later stages need to know travels along.
        known = [self.read]
        for stage in range(1, READ_LATENCY):
            known.append(Signal(Read, name=f"read{stage}", reset_less=True))
            m.d.sync += known[stage].eq(known[stage - 1])
        self._pick(m, self._ordered(m, words, known), known[READ_LATENCY - 1])
        return m

    def _writing(self, m: Module) -> tuple[list[Signal], Signal, list[Signal]]:
        """A row's bytes where they belong, two cycles later: 16 bytes (the upper half of a line of 32 has the same), an enable for
        each byte of a line, and the row of each bank."""
        write = self.write
        turn, place = Signal(2, reset_less=True), Signal(5, reset_less=True)
        some = [Signal(8, name=f"some{k}", reset_less=True) for k in range(LANES)]
        data = [Signal(8, name=f"data{k}", reset_less=True) for k in range(LANES)]
        # Enables: the lowest ``count``, turned by 0 to 3 places, then by 4 to 28.
        lowest, near = Signal(LANES), Signal(LANES + 3)
        enables = Signal(2 * LANES)
        row, here, after = (Signal(self.row_bits, name=n, reset_less=True) for n in ("row", "here", "next"))
        behind = Signal(LANES, reset_less=True)  # banks that hold the row after
        shifted = [(Cat(lowest, Const(0, 3)) << k)[: LANES + 3] for k in range(4)]
        m.d.comb += lowest.eq(Cat(Const(k, 5) < write.count for k in range(LANES)))
        m.d.sync += [
            turn.eq(write.turn[2:]),
            place.eq(write.address[:5]),
            row.eq(write.address[5:]),
            near.eq(Mux(write.enable, one_of_four(shifted, write.address[:2]), 0)),
            here.eq(row),
            after.eq(row + 1),
            behind.eq(Cat(Const(b, 4) < place[1:] for b in range(LANES))),
        ]
        line = Cat(near, Const(0, 2 * LANES - len(near)))
        turned = [line.rotate_left(4 * k) for k in range(8)]
        m.d.sync += enables.eq(Mux(place[4], one_of_four(turned[4:], place[2:4]), one_of_four(turned[:4], place[2:4])))
        for k in range(LANES):
            m.d.sync += some[k].eq(one_of_four([write.data[(k - n) % LANES] for n in range(4)], write.turn[:2]))
            m.d.sync += data[k].eq(one_of_four([some[(k - 4 * n) % LANES] for n in range(4)], turn))
        return data, enables, [Mux(behind[b], after, here) for b in range(LANES)]

    def _banks(self, m: Module, written) -> list[Signal]:
        """The banks, with their output registers."""
        bytes_, enables, rows = written
        pair, row = self.read.address[1:5], self.read.address[5 : 5 + self.row_bits]
        here, after = Signal(self.row_bits, reset_less=True), Signal(self.row_bits, reset_less=True)
        next_row = Signal(LANES, reset_less=True)
        m.d.sync += [here.eq(row), after.eq(row + 1), next_row.eq(Cat(Const(b, 4) < pair for b in range(LANES)))]
        words = []
        for bank in range(LANES):
            memory = Memory(shape=unsigned(16), depth=1 << self.row_bits, init=[], attrs={"ram_style": "block"})
            m.submodules[f"bank{bank}"] = memory
            reading, writing = memory.read_port(domain="sync"), memory.write_port(granularity=8)
            word = Signal(16, name=f"word{bank}", reset_less=True)
            m.d.comb += [
                reading.addr.eq(Mux(next_row[bank], after, here)),
                writing.addr.eq(rows[bank]),
                writing.data.eq(Cat(bytes_[2 * bank % LANES], bytes_[(2 * bank + 1) % LANES])),
                writing.en.eq(enables[2 * bank : 2 * bank + 2]),
            ]
            m.d.sync += word.eq(reading.data)
            words.append(word)
        return words

    def _ordered(self, m: Module, words: list[Signal], known: list) -> list[Signal]:
        """Rotate by 4, 8 or 12 pairs, then by 1, 2 or 3."""
        for stage, places in ((3, (4, 3)), (4, (1, 1))):
            step, low = places[0], places[1]
            amount = known[stage].address[low : low + 2]
            turned = []
            for k in range(LANES):
                word = Signal(16, name=f"turned{stage}_{k}", reset_less=True)
                m.d.sync += word.eq(one_of_four([words[(k + step * turn) % LANES] for turn in range(4)], amount))
                turned.append(word)
            words = turned
        return words

    def _pick(self, m: Module, words: list[Signal], now) -> None:
        """Bytes, padding, sign."""
        inputs = Signal(self.x.shape(), reset_less=True)
        for j in range(self.params.bus):
            near = [words[(j + odd) >> 1].word_select((j + odd) & 1, 8) for odd in (0, 1)]
            byte, place = Mux(now.address[0], near[1], near[0]), Const(j, 5)
            if j < LANES:
                byte = Mux(now.stride, Mux(now.address[0], words[j][8:], words[j][:8]), byte)
                place = Mux(now.stride, Const(2 * j, 5), place)
            inside = (place >= now.low) & (place < now.high)
            m.d.sync += inputs[j].eq(Mux(inside, Cat(byte, byte[7] & now.signed), 0).as_signed())
        m.d.comb += self.x.eq(inputs)
