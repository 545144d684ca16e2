"""A pipelined product, with the registers where an FPGA's multiplier block has its own: at its inputs, inside, at its output."""

from amaranth.hdl import Cat, ClockSignal, Instance, Module, Shape, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

LATENCY = 3
BLOCK_BITS = 18


class Multiplier(wiring.Component):
    """``p = a * b``, ``LATENCY`` cycles later; new factors every cycle, no handshake, no reset.

    Factors of at most 18 bits fit one multiplier block. On the ``ecp5`` family that block is instantiated, for synthesis would use
    none of its registers. On ``ice40`` the last register stays outside the block: yosys' ice40_dsp loses a product when it takes
    both of those behind it into an SB_MAC16. Elsewhere the product is left to synthesis.
    """

    def __init__(self, a: Shape, b: Shape):
        a, b = Shape.cast(a), Shape.cast(b)
        self.shape = Shape(a.width + b.width, a.signed or b.signed)
        super().__init__({"a": In(a), "b": In(b), "p": Out(self.shape)})

    def elaborate(self, platform):
        m = Module()
        if platform == "ecp5" and max(len(self.a), len(self.b)) <= BLOCK_BITS:
            m.submodules.block, product = self._block()
            m.d.comb += self.p.eq(product)
            return m
        a, b = Signal.like(self.a, reset_less=True), Signal.like(self.b, reset_less=True)
        product = Signal(self.shape, reset_less=True, attrs={"keep": 1} if platform == "ice40" else {})
        out = Signal(self.shape, reset_less=True)
        m.d.sync += [a.eq(self.a), b.eq(self.b), product.eq(a * b), out.eq(product)]
        m.d.comb += self.p.eq(out)
        return m

    def _block(self) -> tuple[Instance, Signal]:
        """MULT18X18D with all of its registers, and its product."""
        ports = {}
        for name, factor in (("A", self.a), ("B", self.b)):
            is_signed = factor.shape().signed
            bits = Cat(factor, *[factor[-1] if is_signed else 0] * (BLOCK_BITS - len(factor)))
            ports |= {f"i_{name}{i}": bits[i] for i in range(BLOCK_BITS)} | {f"i_SIGNED{name}": int(is_signed)}
        product = Signal(2 * BLOCK_BITS)
        ports |= {f"o_P{i}": product[i] for i in range(2 * BLOCK_BITS)}
        registers = {
            f"p_REG_{stage}_{kind}": value
            for stage in ("INPUTA", "INPUTB", "PIPELINE", "OUTPUT")
            for kind, value in (("CLK", "CLK0"), ("CE", "CE0"), ("RST", "RST0"))
        }
        return Instance("MULT18X18D", **registers, **ports, i_CLK0=ClockSignal(), i_CE0=1, i_RST0=0), product
