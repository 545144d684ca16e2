"""The window of the tiny engine: all columns of a kernel for one group of channels, as a row of a small memory."""

from amaranth.hdl import Cat, Module, Mux
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.tiny.params import GROUP, TinyParams


class Window(wiring.Component):
    """Rows of ``kernel`` columns, ``GROUP`` channels each, oldest column lowest; two of them a group, for this position and the one
    before.

    Ports: ``part``, ``side``: row to read; a cycle later ``byte``, its new column, ``shifts`` (the row without its oldest column
    and with the new one, else as it is), ``write`` (put it back on the other side, where ``to_part`` and ``to_side`` say), and
    ``row``.
    """

    def __init__(self, params: TinyParams):
        self.params = params
        part = range(params.max_parts)
        super().__init__(
            {
                "part": In(part),
                "side": In(1),
                "byte": In(GROUP),
                "shifts": In(1),
                "write": In(1),
                "to_part": In(part),
                "to_side": In(1),
                "row": Out(params.kernel * GROUP),
            }
        )

    def elaborate(self, platform):
        m = Module()
        # What is read was written two cycles before at the latest: no logic need look for reads and writes of one place.
        attributes = {"ram_style": "block", "no_rw_check": 1}
        m.submodules.rows = memory = Memory(shape=len(self.row), depth=2 * self.params.max_parts, init=[], attrs=attributes)
        write, read = memory.write_port(), memory.read_port(domain="sync")
        m.d.comb += [
            read.addr.eq(Cat(self.side, self.part)),
            self.row.eq(Mux(self.shifts, Cat(read.data[GROUP:], self.byte), read.data)),
            write.addr.eq(Cat(self.to_side, self.to_part)),
            write.data.eq(self.row),
            write.en.eq(self.write),
        ]
        return m
