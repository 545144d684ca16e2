"""Columns, a feature map's channels at one position: a queue (FIFO) of them, put together again from their groups of channels.

Matrix unit and pool of a block work on ``pe`` output channels at once; the next block takes all channels of a position.
"""

from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.stream.elastic import ElasticChain, ElasticParams


@dataclass(frozen=True)
class ColumnsParams:
    """``channels`` of a column, ``pe`` bits a beat, ``depth`` of the queue."""

    channels: int
    pe: int
    depth: int

    @property
    def groups(self) -> int:
        """Beats a column."""
        return -(-self.channels // self.pe)

    @property
    def latency(self) -> int:
        """Last beat of a column to its offer, the queue empty."""
        return self.depth

    def reference(self, bits: np.ndarray) -> np.ndarray:
        """Columns of beats: ``uint8[n, groups, pe]`` to ``uint8[n, channels]``."""
        return bits.reshape(len(bits), -1)[:, : self.channels]


class Columns(wiring.Component):
    """Beats of ``pe`` bits in, columns of ``channels`` bits out (channel 0 least significant).

    Ports: ``i`` without backpressure; ``o`` a stream; ``gone`` high in a cycle in which a column leaves. The producer counts:
    it never lets more than ``depth`` columns be under way, so the queue always has room. Reset empties everything.
    """

    def __init__(self, params: ColumnsParams):
        self.params = params
        super().__init__(
            {
                "i": In(stream.Signature(data.ArrayLayout(1, params.pe), always_ready=True)),
                "o": Out(stream.Signature(params.channels)),
                "gone": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        p = self.params
        group = Signal(range(max(p.groups, 2)))
        gathered = Signal(p.groups * p.pe, reset_less=True)
        whole = Cat(gathered[p.pe :], self.i.payload)
        with m.If(self.i.valid):
            m.d.sync += [gathered.eq(whole), group.eq(group + 1)]
            with m.If(group == p.groups - 1):
                m.d.sync += group.eq(0)
        m.submodules.queue = queue = ElasticChain(ElasticParams(p.channels, p.depth))
        m.d.comb += [
            queue.i.payload.eq(whole),
            queue.i.valid.eq(self.i.valid & (group == p.groups - 1)),
            self.gone.eq(queue.o.valid & queue.o.ready),
        ]
        connect(m, queue.o, flipped(self.o))
        return m
