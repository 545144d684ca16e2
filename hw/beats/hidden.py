"""Hidden bits: a binary dense layer over rhythm bits, a neuron a cycle.

A neuron's bit is 1 where at least its threshold of the rhythm bits equal its weights: XNOR, popcount, comparison, as in the blocks.
"""

from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.binary.popcount import Popcount, PopcountParams
from hw.stream import parity
from hw.stream.delay import delay


@dataclass(frozen=True)
class HiddenParams:
    """``weights``: ``int[neurons, bits]`` of -1 and +1; ``thresholds``: ``int[neurons]``, 0 (always) to bits + 1 (never);
    ``checked``: the memory of both has a parity bit beside each word."""

    weights: np.ndarray
    thresholds: np.ndarray
    checked: bool = False

    @property
    def popcount(self) -> PopcountParams:
        """The one popcount."""
        return PopcountParams(self.weights.shape[1])

    @property
    def delay(self) -> int:
        """Cycles from ``start`` to the first bit: the neuron is addressed, read, compared with the bits, counted."""
        return 3 + self.popcount.latency

    @property
    def latency(self) -> int:
        """Cycles from ``start`` to the last bit."""
        return self.delay + len(self.weights) - 1


class Hidden(wiring.Component):
    """Ports: ``i``: the rhythm bits, which stay from ``start`` until ``last``; ``start``: of a new pass, not before the ``last``
    of the one before; ``valid``: ``bit`` is a neuron's, in their order, ``last`` with the last one; ``damaged`` (where
    ``checked``): high, until reset, from when a neuron was read whose parity is wrong. Reset ends a pass."""

    def __init__(self, params: HiddenParams):
        self.params = params
        told = {"damaged": Out(1)} if params.checked else {}
        super().__init__({"i": In(params.popcount.width), "start": In(1), "valid": Out(1), "bit": Out(1), "last": Out(1)} | told)

    def elaborate(self, platform):
        m = Module()
        p = self.params
        count = len(p.weights)
        threshold = range(p.popcount.width + 2)
        layout = data.StructLayout({"weights": p.popcount.width, "threshold": threshold})
        packed = [int("".join("1" if w > 0 else "0" for w in row[::-1]), 2) for row in p.weights]
        init = [{"weights": w, "threshold": int(t)} for w, t in zip(packed, p.thresholds, strict=True)]
        read, row, damaged = parity.table(m, "neurons", layout, init, p.checked)
        if p.checked:
            m.d.comb += self.damaged.eq(damaged)
        step, naming, ends = Signal(range(max(count, 2))), Signal(), Signal()
        m.d.comb += [ends.eq(naming & (step == count - 1)), read.addr.eq(step)]
        m.d.sync += [naming.eq(self.start | naming & ~ends), step.eq(step + 1)]
        with m.If(self.start):
            m.d.sync += step.eq(0)

        equal = Signal(p.popcount.width, reset_less=True)
        m.submodules.popcount = popcount = Popcount(p.popcount)
        m.d.sync += equal.eq(~(self.i ^ row.weights))
        m.d.comb += popcount.i.eq(equal)
        wanted = row.threshold
        for k in range(1 + p.popcount.latency):
            later = Signal(threshold, name=f"threshold{k}", reset_less=True)
            m.d.sync += later.eq(wanted)
            wanted = later
        m.d.comb += [
            self.valid.eq(delay(m, naming, p.delay - 1, "valid_later")[-1]),
            self.last.eq(delay(m, ends, p.delay - 1, "last_later")[-1]),
            self.bit.eq(popcount.o >= wanted),
        ]
        return m
