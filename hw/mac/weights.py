"""The weight memory, and its reader, which hands the lanes a word in step with their inputs.

A word holds the signs of 4, 2 or 1 taps of a block's rows. Every pass begins with a new word; a tile's passes begin anew with the
next tile, and the next block's words follow (or the same again, where blocks share theirs).
"""

from amaranth.hdl import Array, C, Cat, Module, Mux, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.mac.choice import one_of_four
from hw.mac.params import ArrayParams
from hw.stream import parity
from sw.export.array.program import SLOTS

# A parameter memory: what is loaded is never read meanwhile, so nothing need decide what such a read would show.
BLOCK = {"ram_style": "block", "no_rw_check": 1}
# A bank is two block RAMs, side by side.
BANK_BITS = 1 << 15
# From ``add`` to the word at the lanes: the bank, its output register, the choice in two steps.
LATENCY = 4


class WeightMemory(wiring.Component):
    """``weights`` words, where ``params.halves`` twice, one half at work and one to be loaded, in banks that hold some words of
    each. A block RAM's output is late in its cycle: it has a register of its own before the choice.

    Ports: ``half`` at work; ``address``, ``data`` (``LATENCY`` cycles later); ``write_address``, ``write_data`` (a word with its
    parity bit on top), ``write_enable`` of the other half (there two cycles later); ``odd``: a bit of the word that was there a
    cycle ago has changed. Not reset."""

    def __init__(self, params: ArrayParams):
        self.params = params
        self.width = SLOTS * params.groups
        super().__init__(
            {
                "half": In(1),
                "address": In(range(params.weights)),
                "data": Out(self.width),
                "write_address": In(range(params.weights)),
                "write_data": In(self.width + 1),
                "write_enable": In(1),
                "odd": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        stored = self.width + 1
        halves = 1 + self.params.halves
        rows = BANK_BITS // (halves * self.width)  # of each half in a bank
        if not self.params.halves:
            rows *= 4  # block RAMs side by side
        within, banks = (rows - 1).bit_length(), -(-self.params.weights // rows)
        row, data = Signal(within, reset_less=True), Signal(stored, reset_less=True)
        enables = Signal(banks)
        m.d.sync += [row.eq(self.write_address[:within]), data.eq(self.write_data)]
        words = []
        for bank in range(banks):
            memory = Memory(shape=unsigned(stored), depth=halves * rows, init=[], attrs=BLOCK)
            m.submodules[f"bank{bank}"] = memory
            read, write = memory.read_port(domain="sync"), memory.write_port()
            word = Signal(stored, name=f"word{bank}", reset_less=True)
            m.d.sync += [
                enables[bank].eq(self.write_enable & (self.write_address[within:] == bank)),
                word.eq(read.data),
            ]
            m.d.comb += [
                read.addr.eq(Cat(self.address[:within], self.half)[: len(read.addr)]),
                write.addr.eq(Cat(row, ~self.half)[: len(write.addr)]),
                write.data.eq(data),
                write.en.eq(enables[bank]),
            ]
            words.append(word)
        # The choice: among four neighbours, then among those.
        chosen, later = (Signal(range(banks), name=n, reset_less=True) for n in ("chosen", "later"))
        far = Signal(range(-(-banks // 4)), reset_less=True)
        m.d.sync += [chosen.eq(self.address[within:]), later.eq(chosen), far.eq(later >> 2)]
        near = []
        for first in range(0, banks, 4):
            four = [words[min(first + k, banks - 1)] for k in range(4)]
            one = Signal(stored, name=f"near{first}", reset_less=True)
            m.d.sync += one.eq(one_of_four(four, Cat(later, C(0, 2))[:2]))
            near.append(one)
        word = Signal(stored, reset_less=True)
        m.d.sync += word.eq(Array(near)[far])
        m.d.comb += [self.data.eq(word[: self.width]), self.odd.eq(parity.changed(m, word, "weights"))]
        return m


class WeightReader(wiring.Component):
    """Ports: ``add`` a tap whose word shall be at the lanes ``LATENCY`` cycles later, ``slots`` as they are stored; ``end`` of a
    pass, not before its last ``add`` and before the next one's first, with ``last`` (pass of its tile) and ``onward`` (other words
    follow it); ``restart`` begins the program. ``address`` goes to the memory, whose word comes to the lanes in step with
    ``tap``."""

    def __init__(self, params: ArrayParams):
        self.params = params
        super().__init__(
            {
                "add": In(1),
                "end": In(1),
                "last": In(1),
                "onward": In(1),
                "restart": In(1),
                "slots": In(2),
                "address": Out(range(params.weights)),
                "tap": Out(2),
            }
        )

    def elaborate(self, platform):
        m = Module()
        place, block = Signal(range(self.params.weights)), Signal(range(self.params.weights))
        tap, final = Signal(2), Signal()
        m.d.comb += final.eq(Mux(self.slots[1], 1, Mux(self.slots[0], tap[0], tap == 3)))
        following = Signal.like(place)
        # Where the next pass begins: after this word, or after the one before where that was just used up.
        m.d.comb += following.eq(Mux((tap == 0) & ~self.add, place, place + 1))
        with m.If(self.add):
            m.d.sync += tap.eq(Mux(final, 0, tap + 1))
            with m.If(final):
                m.d.sync += place.eq(place + 1)
        with m.If(self.end):
            m.d.sync += [tap.eq(0), place.eq(Mux(self.last & ~self.onward, block, following))]
            with m.If(self.last & self.onward):
                m.d.sync += block.eq(following)
        with m.If(self.restart):
            m.d.sync += [tap.eq(0), place.eq(0), block.eq(0)]
        taps = [Signal(2, name=f"tap{k}", reset_less=True) for k in range(LATENCY)]
        m.d.sync += [after.eq(before) for before, after in zip([tap, *taps], taps, strict=False)]
        m.d.comb += [self.address.eq(place), self.tap.eq(taps[-1])]
        return m
