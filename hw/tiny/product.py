"""A product with one register behind it, in iCE40 UltraPlus' multiplier block also where one factor alone is signed."""

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Shape, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

LATENCY = 1
BLOCK_BITS = 16


class Product(wiring.Component):
    """``p = a * b``, ``LATENCY`` cycle later; factors of at most 16 bits, new ones every cycle, no reset.

    On the ``ice40`` family the block is instantiated: synthesis would widen an unsigned factor beside a signed one by a bit, and
    so past the block. The register is none of the block's here: yosys' ice40_dsp packs blocks anew, and drops one that is asked
    for. Elsewhere the product is left to synthesis.
    """

    def __init__(self, a: Shape, b: Shape):
        a, b = Shape.cast(a), Shape.cast(b)
        if max(a.width, b.width) > BLOCK_BITS:
            raise ValueError(f"factors have at most {BLOCK_BITS} bits, not {a.width} and {b.width}")
        self.shape = Shape(a.width + b.width, a.signed or b.signed)
        super().__init__({"a": In(a), "b": In(b), "p": Out(self.shape)})

    def elaborate(self, platform):
        m = Module()
        product = Signal(self.shape, reset_less=True)
        m.d.comb += self.p.eq(product)
        if platform != "ice40":
            m.d.sync += product.eq(self.a * self.b)
            return m
        ports = {}
        for name, factor in (("A", self.a), ("B", self.b)):
            is_signed = factor.shape().signed
            filled = Cat(factor, *[factor[-1] if is_signed else Const(0, 1)] * (BLOCK_BITS - len(factor)))
            ports |= {f"i_{name}": filled, f"p_{name}_SIGNED": Const(int(is_signed), 1)}
        out = Signal(2 * BLOCK_BITS)
        zeros = {f"i_{name}": Const(0, 1) for name in ("AHOLD", "BHOLD", "CHOLD", "DHOLD", "OHOLDTOP", "OHOLDBOT")}
        zeros |= {f"i_{name}": Const(0, 1) for name in ("IRSTTOP", "IRSTBOT", "ORSTTOP", "ORSTBOT", "OLOADTOP", "OLOADBOT")}
        zeros |= {f"i_{name}": Const(0, 1) for name in ("ADDSUBTOP", "ADDSUBBOT", "CI", "ACCUMCI", "SIGNEXTIN")}
        m.submodules.block = Instance(
            "SB_MAC16",
            p_TOPOUTPUT_SELECT=Const(3, 2),
            p_BOTOUTPUT_SELECT=Const(3, 2),
            **ports,
            **zeros,
            i_C=Const(0, BLOCK_BITS),
            i_D=Const(0, BLOCK_BITS),
            i_CLK=ClockSignal(),
            i_CE=Const(1, 1),
            o_O=out,
        )
        m.d.sync += product.eq(out)
        return m
