"""Thresholds: one bit of each sum. PReLU, batch norm and sign of the network are in the thresholds already."""

from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Array, Const, Module, Mux, Shape, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out


@dataclass(frozen=True, eq=False)
class ThresholdParams:
    """``thresholds`` ``int[groups, pe]``; ``sum_shape`` of the sums."""

    thresholds: np.ndarray
    sum_shape: Shape

    @property
    def pe(self) -> int:
        """Sums a beat."""
        return self.thresholds.shape[1]

    @property
    def latency(self) -> int:
        """Sum to bit."""
        return 1

    @property
    def threshold_shape(self) -> Shape:
        """Wide enough for every threshold, one beyond the largest sum among them."""
        low, high = int(self.thresholds.min()), int(self.thresholds.max())
        return signed(max(high, ~low).bit_length() + 1) if low < 0 else unsigned(max(high.bit_length(), 1))

    def reference(self, sums: np.ndarray) -> np.ndarray:
        """Bits of sums ``[n, groups, pe]``, ``uint8`` of the same shape."""
        return (sums >= self.thresholds[None]).astype(np.uint8)


class Threshold(wiring.Component):
    """``o[q] = i[q] >= threshold[group][q]``; the groups come in turn, beginning with 0 after reset.

    Ports: ``i`` sums, ``o`` bits, both ``pe`` a beat without backpressure; one beat out per beat in, ``latency`` cycles later.
    """

    def __init__(self, params: ThresholdParams):
        self.params = params
        super().__init__(
            {
                "i": In(stream.Signature(data.ArrayLayout(params.sum_shape, params.pe), always_ready=True)),
                "o": Out(stream.Signature(data.ArrayLayout(1, params.pe), always_ready=True)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        p = self.params
        groups = len(p.thresholds)
        # Of the beat after the next: a table's word is read one beat ahead of its comparison, from a register.
        ahead = Signal(range(max(groups, 2)), init=1 % groups)
        m.d.sync += self.o.valid.eq(self.i.valid)
        with m.If(self.i.valid):
            m.d.sync += ahead.eq(Mux(ahead == groups - 1, 0, ahead + 1))
        for q in range(p.pe):
            column = [int(value) for value in p.thresholds[:, q]]
            table = Array(Const(value, p.threshold_shape) for value in column)
            current = Signal(p.threshold_shape, name=f"threshold{q}", init=column[0])
            bit = Signal(name=f"bit{q}", reset_less=True)
            with m.If(self.i.valid):
                m.d.sync += current.eq(table[ahead])
            m.d.sync += bit.eq(self.i.payload[q] >= current)
            m.d.comb += self.o.payload[q].eq(bit)
        return m
