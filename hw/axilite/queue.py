"""The words of results that wait until they are read one by one."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from hw.stream.result import Beat


class ResultQueue(wiring.Component):
    """A FIFO of ``depth`` result words that counts packets.

    Ports:
      - ``i``, ``o``: streams of words, ``last`` with a packet's last one; where the FIFO is full ``i`` waits, nothing is lost;
      - ``level``: words in it;
      - ``packet``: it holds a whole packet at least, whose first word is at ``o`` or on its way there;
      - ``windows``: packets that have come in whole since reset, modulo 2^32.
    """

    def __init__(self, depth: int):
        self.depth = depth
        super().__init__(
            {
                "i": In(stream.Signature(Beat)),
                "o": Out(stream.Signature(Beat)),
                "level": Out(range(depth + 1)),
                "packet": Out(1),
                "windows": Out(32),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.fifo = fifo = SyncFIFOBuffered(width=Beat.size, depth=self.depth)
        packets, comes, goes = Signal(range(self.depth + 1)), Signal(), Signal()
        m.d.comb += [
            fifo.w_data.eq(self.i.payload),
            fifo.w_en.eq(self.i.valid),
            self.i.ready.eq(fifo.w_rdy),
            self.o.payload.eq(fifo.r_data),
            self.o.valid.eq(fifo.r_rdy),
            fifo.r_en.eq(self.o.ready),
            self.level.eq(fifo.level),
            # A packet of one word counts a cycle before it can be read.
            self.packet.eq((packets != 0) & fifo.r_rdy),
            comes.eq(self.i.valid & self.i.ready & self.i.payload.last),
            goes.eq(self.o.valid & self.o.ready & self.o.payload.last),
        ]
        m.d.sync += [packets.eq(packets + comes - goes), self.windows.eq(self.windows + comes)]
        return m
