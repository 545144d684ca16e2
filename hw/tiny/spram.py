"""A large memory with one port: iCE40 UltraPlus' SPRAM."""

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

BLOCK_DEPTH, BLOCK_WIDTH = 1 << 14, 16


class SinglePortMemory(wiring.Component):
    """``depth`` words of ``width`` bits (at most 16,384 of 16); nothing is in it at first.

    Ports: ``address``; ``write``: store ``data_in`` there; else ``data_out`` is what is there, a cycle later (after a cycle that
    writes, nobody may look at it). On the ``ice40`` family an SPRAM block, which synthesis does not choose for a memory that
    begins with zeros; elsewhere a memory.
    """

    def __init__(self, width: int, depth: int):
        if not (1 <= width <= BLOCK_WIDTH and 2 <= depth <= BLOCK_DEPTH):
            raise ValueError(f"a single-port memory has up to {BLOCK_DEPTH} words of {BLOCK_WIDTH} bits, not {depth} of {width}")
        self.width, self.depth = width, depth
        super().__init__({"address": In(range(depth)), "write": In(1), "data_in": In(width), "data_out": Out(width)})

    def elaborate(self, platform):
        m = Module()
        if platform == "ice40":
            out = Signal(BLOCK_WIDTH)
            m.submodules.block = Instance(
                "SB_SPRAM256KA",
                i_CLOCK=ClockSignal(),
                i_ADDRESS=Cat(self.address, Const(0, 14 - len(self.address))),
                i_DATAIN=Cat(self.data_in, Const(0, BLOCK_WIDTH - self.width)),
                i_MASKWREN=Const(0b1111, 4),
                i_WREN=self.write,
                i_CHIPSELECT=Const(1, 1),
                i_STANDBY=Const(0, 1),
                i_SLEEP=Const(0, 1),
                i_POWEROFF=Const(1, 1),  # active low
                o_DATAOUT=out,
            )
            m.d.comb += self.data_out.eq(out)
            return m
        m.submodules.memory = memory = Memory(shape=self.width, depth=self.depth, init=[], attrs={"ram_style": "block"})
        write, read = memory.write_port(), memory.read_port(domain="sync")
        m.d.comb += [
            write.addr.eq(self.address),
            write.data.eq(self.data_in),
            write.en.eq(self.write),
            read.addr.eq(self.address),
            read.en.eq(~self.write),
            self.data_out.eq(read.data),
        ]
        return m
