"""Popcount: how many of N bits are 1, pipelined.

A carry-save tree: on each level three bits of one weight become a sum bit of that weight and a carry bit of the next, until no
weight has more than two bits left; one carry-chain adder then adds the two numbers that remain. Levels are written on whole
vectors (all full adders of a weight at once), which costs the FPGA nothing and lets a simulator work on words.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


@dataclass(frozen=True)
class PopcountParams:
    """``width``: number of bits N. ``levels_per_stage``: carry-save levels between two registers."""

    width: int
    levels_per_stage: int = 2

    def __post_init__(self):
        if self.width < 1:
            raise ValueError(f"a popcount counts at least 1 bit, not {self.width}")
        if self.levels_per_stage < 1:
            raise ValueError(f"there is at least 1 level between registers, not {self.levels_per_stage}")

    @property
    def out_bits(self) -> int:
        """Bits of the count, unsigned."""
        return self.width.bit_length()

    @cached_property
    def levels(self) -> int:
        """Carry-save levels until every weight has at most two bits."""
        heights, levels = {0: self.width}, 0
        while max(heights.values()) > 2:
            after: dict[int, int] = {}
            for weight, height in heights.items():
                after[weight] = after.get(weight, 0) + height - 2 * (height // 3)
                if height >= 3:
                    after[weight + 1] = after.get(weight + 1, 0) + height // 3
            heights, levels = after, levels + 1
        return levels

    @property
    def latency(self) -> int:
        """Cycles from ``i`` to ``o``: a register after every ``levels_per_stage`` levels, one after the final adder."""
        return -(-self.levels // self.levels_per_stage) + 1

    def reference(self, bits: np.ndarray) -> np.ndarray:
        """The count of each row of ``bits`` ``[n, width]``."""
        return np.asarray(bits).sum(axis=1)


class Popcount(wiring.Component):
    """``o = number of ones in i``, ``latency`` cycles later; a new ``i`` every cycle, no handshake, no reset.

    Ports: ``i`` (``width`` bits), ``o`` (unsigned, ``out_bits`` bits).
    """

    def __init__(self, params: PopcountParams):
        self.params = params
        super().__init__({"i": In(params.width), "o": Out(params.out_bits)})

    def elaborate(self, platform):
        m = Module()
        columns = {0: self.i}
        level = 0

        def register(values: dict) -> dict:
            held = {}
            for weight, value in values.items():
                held[weight] = Signal(len(value), name=f"level{level}_weight{weight}", reset_less=True)
                m.d.sync += held[weight].eq(value)
            return held

        while max(len(value) for value in columns.values()) > 2:
            parts: dict[int, list] = {}
            for weight, value in columns.items():
                third = len(value) // 3
                if third:
                    a, b, c = value[:third], value[third : 2 * third], value[2 * third : 3 * third]
                    parts.setdefault(weight, []).append(a ^ b ^ c)
                    parts.setdefault(weight + 1, []).append((a & b) | (a & c) | (b & c))
                if len(value) > 3 * third:
                    parts.setdefault(weight, []).append(value[3 * third :])
            columns = {weight: Cat(*values) for weight, values in sorted(parts.items())}
            level += 1
            if level % self.params.levels_per_stage == 0:
                columns = register(columns)
        if level % self.params.levels_per_stage:
            columns = register(columns)
        bits = [columns.get(weight, ()) for weight in range(self.params.out_bits)]
        first = Cat(*(value[0] if len(value) > 0 else Const(0, 1) for value in bits))
        second = Cat(*(value[1] if len(value) > 1 else Const(0, 1) for value in bits))
        total = Signal(self.params.out_bits, reset_less=True)
        m.d.sync += total.eq(first + second)
        m.d.comb += self.o.eq(total)
        return m
