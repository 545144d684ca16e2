"""Activation memory: 16 neighbouring bytes a cycle from any address, or every second of 32, and one byte written a cycle.

Bank b of 16 holds the byte pairs whose number is b modulo 16. A read of 16 pairs takes one word of each bank, from the row of the
first pair or the row after it; two rotating stages put the pairs in order, and the last stage picks the bytes.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.mac.choice import one_of_four
from hw.mac.params import ArrayParams
from sw.export.array.program import FIELDS, LANES

# Row of each bank, the bank, its output register, two rotations, the choice of bytes.
READ_LATENCY = 6
ADDRESS_BITS = FIELDS["in_base"]

# A read: lane j gets the byte at address + j * (1 + stride), or 0 where j * (1 + stride) < low or >= high; high 31 is no end.
Read = data.StructLayout({"address": ADDRESS_BITS, "stride": 1, "low": 4, "high": 5, "signed": 1})
Write = data.StructLayout({"address": ADDRESS_BITS, "data": 8, "enable": 1})
Inputs = data.ArrayLayout(signed(9), LANES)


class VectorMemory(wiring.Component):
    """Ports: ``read`` (:data:`Read`, every cycle), ``x`` (:data:`Inputs`, ``READ_LATENCY`` cycles later), ``write``
    (:data:`Write`; a read sees it two cycles later). Addresses wrap at the memory's size. Not reset."""

    def __init__(self, params: ArrayParams):
        self.params = params
        super().__init__({"read": In(Read), "x": Out(Inputs), "write": In(Write)})

    def elaborate(self, platform):
        m = Module()
        rows = self.params.memory // (2 * LANES)
        row_bits = (rows - 1).bit_length()
        pair, row = self.read.address[1:5], self.read.address[5 : 5 + row_bits]

        # Stage 1: this row and the next one, and which banks read the next.
        here, after = Signal(row_bits, reset_less=True), Signal(row_bits, reset_less=True)
        next_row = Signal(LANES, reset_less=True)
        m.d.sync += [here.eq(row), after.eq(row + 1), next_row.eq(Cat(Const(b, 4) < pair for b in range(LANES)))]

        # Stages 2 and 3: the banks and their output registers.
        write = Signal(Write)
        m.d.sync += write.eq(self.write)
        words = []
        for bank in range(LANES):
            memory = Memory(shape=unsigned(16), depth=rows, init=[], attrs={"ram_style": "block"})
            m.submodules[f"bank{bank}"] = memory
            reading, writing = memory.read_port(domain="sync"), memory.write_port(granularity=8)
            m.d.comb += [
                reading.addr.eq(Mux(next_row[bank], after, here)),
                writing.addr.eq(write.address[5 : 5 + row_bits]),
                writing.data.eq(Cat(write.data, write.data)),
            ]
            with m.If(write.enable & (write.address[1:5] == bank)):
                m.d.comb += writing.en.eq(Cat(~write.address[0], write.address[0]))
            word = Signal(16, name=f"word{bank}", reset_less=True)
            m.d.sync += word.eq(reading.data)
            words.append(word)

        # What the later stages need to know travels along.
        known = [self.read]
        for stage in range(1, READ_LATENCY):
            known.append(Signal(Read, name=f"read{stage}", reset_less=True))
            m.d.sync += known[stage].eq(known[stage - 1])

        # Stages 4 and 5: rotate by 4, 8 or 12 pairs, then by 1, 2 or 3.
        for stage, places in ((3, (4, 3)), (4, (1, 1))):
            step, low = places[0], places[1]
            amount = known[stage].address[low : low + 2]
            turned = []
            for k in range(LANES):
                word = Signal(16, name=f"turned{stage}_{k}", reset_less=True)
                m.d.sync += word.eq(one_of_four([words[(k + step * turn) % LANES] for turn in range(4)], amount))
                turned.append(word)
            words = turned

        # Stage 6: bytes, padding, sign.
        now = known[5]
        inputs = Signal(Inputs, reset_less=True)
        for j in range(LANES):
            near = [words[(j + odd) >> 1].word_select((j + odd) & 1, 8) for odd in (0, 1)]
            byte = Mux(
                now.stride,
                Mux(now.address[0], words[j][8:], words[j][:8]),
                Mux(now.address[0], near[1], near[0]),
            )
            place = Mux(now.stride, Const(2 * j, 5), Const(j, 5))
            inside = (place >= now.low) & (place < now.high)
            m.d.sync += inputs[j].eq(Mux(inside, Cat(byte, byte[7] & now.signed), 0).as_signed())
        m.d.comb += self.x.eq(inputs)
        return m
