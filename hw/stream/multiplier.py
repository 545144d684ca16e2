"""A pipelined product, with the registers where an FPGA's multiplier block has its own: at its inputs, inside, at its output."""

from amaranth.hdl import Module, Shape, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

LATENCY = 3


class Multiplier(wiring.Component):
    """``p = a * b``, ``LATENCY`` cycles later; new factors every cycle, no handshake, no reset.

    Factors of at most 18 bits fit one multiplier block. A module of its own, so that a synthesis flow can put a vendor's block
    with its registers in its place.
    """

    def __init__(self, a: Shape, b: Shape):
        a, b = Shape.cast(a), Shape.cast(b)
        self.shape = Shape(a.width + b.width, a.signed or b.signed)
        super().__init__({"a": In(a), "b": In(b), "p": Out(self.shape)})

    def elaborate(self, platform):
        m = Module()
        a, b = Signal.like(self.a, reset_less=True), Signal.like(self.b, reset_less=True)
        product = Signal(self.shape, reset_less=True)
        out = Signal(self.shape, reset_less=True)
        m.d.sync += [a.eq(self.a), b.eq(self.b), product.eq(a * b), out.eq(product)]
        m.d.comb += self.p.eq(out)
        return m
