"""Max-pool of 7 positions, every second one, while they pass: of bits (then it is an OR) or of counts.

A pool is three pairs of positions and a single one. For each channel three values are kept: at an even position the oldest pair
is done with, and its place holds the position itself; at an odd one the place becomes a pair again and moves to the end. After
six positions everything kept is of the current window, so nothing has to be cleared between windows.
"""

from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from numpy.lib.stride_tricks import sliding_window_view

from sw.networks import POOL, POOL_STRIDE


@dataclass(frozen=True)
class PoolParams:
    """``positions`` a window, ``groups`` beats a position, ``pe`` values a beat of ``bits`` bits each (unsigned)."""

    positions: int
    groups: int
    pe: int
    bits: int = 1

    def __post_init__(self):
        if self.positions < POOL or (self.positions - POOL) % POOL_STRIDE:
            raise ValueError(f"{self.positions} positions are not 7, 9, 11, ...: the last pool would not end with the window")

    @property
    def latency(self) -> int:
        """Last position to maximum. Counts take a cycle more: two comparisons follow each other."""
        return 1 if self.bits == 1 else 2

    def reference(self, values: np.ndarray) -> np.ndarray:
        """Maxima of ``[positions, ...]``: ``[(positions - 5) // 2, ...]``."""
        return sliding_window_view(values, POOL, axis=0)[::POOL_STRIDE].max(axis=-1)


class Pool(wiring.Component):
    """Beats in order of position and channel group; for every even position from the seventh on, a beat of maxima per group.

    Ports: ``i`` and ``o``, ``pe`` values a beat, without backpressure. Reset begins a window.
    """

    def __init__(self, params: PoolParams):
        self.params = params
        layout = data.ArrayLayout(unsigned(params.bits), params.pe)
        super().__init__(
            {"i": In(stream.Signature(layout, always_ready=True)), "o": Out(stream.Signature(layout, always_ready=True))}
        )

    def elaborate(self, platform):
        m = Module()
        p = self.params

        def larger(a, b):
            return a | b if p.bits == 1 else Mux(a > b, a, b)

        group, position = Signal(range(max(p.groups, 2))), Signal(range(p.positions))
        with m.If(self.i.valid):
            m.d.sync += group.eq(group + 1)
            with m.If(group == p.groups - 1):
                m.d.sync += [group.eq(0), position.eq(Mux(position == p.positions - 1, 0, position + 1))]

        # One entry a group; the entry of the group that comes next is at the bottom.
        entry = 3 * p.pe * p.bits
        kept = Signal(p.groups * entry, reset_less=True)
        even = Signal()
        m.d.comb += even.eq(~position[0])
        entries, maxima = [], []
        for q in range(p.pe):
            value = self.i.payload[q]
            first, second, third = (kept[(3 * q + k) * p.bits : (3 * q + k + 1) * p.bits] for k in range(3))
            pair = Signal(p.bits, name=f"pair{q}")
            m.d.comb += pair.eq(larger(first, value))
            entries.append(Mux(even, Cat(value, second, third), Cat(second, third, pair)))
            maxima.append((pair, second, third))
        with m.If(self.i.valid):
            m.d.sync += kept.eq(Cat(kept[entry:], *entries))

        ends = Signal()
        m.d.comb += ends.eq(self.i.valid & even & (position >= POOL - 1))
        valid = Signal()
        m.d.sync += valid.eq(ends)
        if p.bits == 1:
            out = Signal(p.pe, reset_less=True)
            m.d.sync += out.eq(Cat(a | b | c for a, b, c in maxima))
            m.d.comb += [self.o.valid.eq(valid), self.o.payload.eq(out)]
            return m
        m.d.sync += self.o.valid.eq(valid)
        for q, (pair, second, third) in enumerate(maxima):
            left, right = Signal(p.bits, name=f"left{q}", reset_less=True), Signal(p.bits, name=f"right{q}", reset_less=True)
            best = Signal(p.bits, name=f"best{q}", reset_less=True)
            m.d.sync += [left.eq(pair), right.eq(larger(second, third)), best.eq(larger(left, right))]
            m.d.comb += self.o.payload[q].eq(best)
        return m
