"""Channels that a block takes beside the column before it: the window's rhythm bits, the same for every column, and marks.

A column is a feature map's channels at one position. A mark is 0 up to a place in the window and 1 from there on, so that the
block's kernel can tell where its column lies.
"""

from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from sw.export.binary import rhythm as reference
from sw.networks import Rhythm


@dataclass(frozen=True)
class BesideParams:
    """``channels`` of a column, ``length`` columns a window, and what the ``rhythm`` puts beside them."""

    channels: int
    length: int
    rhythm: Rhythm

    def reference(self, columns: np.ndarray, bits: np.ndarray) -> np.ndarray:
        """Columns ``uint8[n, length, channels]`` and bits ``uint8[n, comparisons]`` to ``uint8[n, length, channels + beside]``."""
        return np.concatenate([columns, reference.columns(self.rhythm, bits, self.length)], axis=2)


class Beside(wiring.Component):
    """Joins columns (``i``) with the bits of their window (``bits``, one beat a window) to wider columns (``o``): the column's
    channels least significant, then the bits, then the marks.

    No latency: a column passes when its window's bits are there and ``o`` takes it; the bits leave with the last column.
    """

    def __init__(self, params: BesideParams):
        self.params = params
        super().__init__(
            {
                "i": In(stream.Signature(params.channels)),
                "bits": In(stream.Signature(len(params.rhythm.comparisons))),
                "o": Out(stream.Signature(params.channels + params.rhythm.channels)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        p = self.params
        column, last, moves = Signal(range(p.length)), Signal(init=p.length == 1), Signal()
        marks = [Signal(name=f"mark{k}", init=mark == 0) for k, mark in enumerate(p.rhythm.marks)]
        m.d.comb += [
            self.o.payload.eq(Cat(self.i.payload, self.bits.payload, *marks)),
            self.o.valid.eq(self.i.valid & self.bits.valid),
            self.i.ready.eq(self.o.ready & self.bits.valid),
            moves.eq(self.o.valid & self.o.ready),
            self.bits.ready.eq(moves & last),
        ]
        with m.If(moves):
            m.d.sync += [column.eq(column + 1), last.eq(column == p.length - 2)]
            m.d.sync += [flag.eq(flag | (column == mark - 1)) for flag, mark in zip(marks, p.rhythm.marks, strict=True) if mark]
        with m.If(moves & last):
            m.d.sync += [column.eq(0), last.eq(p.length == 1)]
            m.d.sync += [flag.eq(mark == 0) for flag, mark in zip(marks, p.rhythm.marks, strict=True)]
        return m
