"""A serial line: 8 bits, no parity, one stop bit, least significant bit first."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out


class Receiver(wiring.Component):
    """Ports: ``rx``, the line (any clock); ``o``: bytes, without backpressure. A byte with a wrong stop bit is dropped.

    ``divisor``: clock cycles a bit, at least 4.
    """

    def __init__(self, divisor: int):
        if divisor < 4:
            raise ValueError(f"a bit takes at least 4 clock cycles, not {divisor}")
        self.divisor = divisor
        super().__init__({"rx": In(1, init=1), "o": Out(stream.Signature(8, always_ready=True))})

    def elaborate(self, platform):
        m = Module()
        rx = Signal(init=1)
        m.submodules.synchronise = FFSynchronizer(self.rx, rx, init=1)
        wait, left, shifted = Signal(range(2 * self.divisor)), Signal(range(10)), Signal(8)
        m.d.sync += self.o.valid.eq(0)
        m.d.comb += self.o.payload.eq(shifted)
        with m.If(left == 0), m.If(~rx):  # the middle of the first data bit is one and a half bits away
            m.d.sync += [left.eq(9), wait.eq(self.divisor + self.divisor // 2 - 1)]
        with m.Elif(wait != 0):
            m.d.sync += wait.eq(wait - 1)
        with m.Else():
            m.d.sync += [left.eq(left - 1), wait.eq(self.divisor - 1)]
            with m.If(left == 1):
                m.d.sync += self.o.valid.eq(rx)
            with m.Else():
                m.d.sync += shifted.eq(Cat(shifted[1:], rx))
        return m


class Transmitter(wiring.Component):
    """Ports: ``i``: bytes; ``tx``: the line, from a register. ``divisor`` as of the :class:`Receiver`."""

    def __init__(self, divisor: int):
        self.divisor = divisor
        super().__init__({"i": In(stream.Signature(8)), "tx": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()
        wait, left, shifted = Signal(range(self.divisor)), Signal(range(11)), Signal(9, init=0x1FF)
        m.d.comb += self.i.ready.eq(left == 0)
        m.d.sync += self.tx.eq(shifted[0])
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [shifted.eq(Cat(Const(0, 1), self.i.payload)), left.eq(10), wait.eq(self.divisor - 1)]
        with m.Elif(wait != 0):
            m.d.sync += wait.eq(wait - 1)
        with m.Elif(left != 0):
            m.d.sync += [shifted.eq(Cat(shifted[1:], Const(1, 1))), left.eq(left - 1), wait.eq(self.divisor - 1)]
        return m
