"""The scaler of the tiny engine: as :mod:`hw.front.scaler`, with a scale that stays put for a whole window."""

from amaranth.hdl import Cat, Const, Module, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.front.reciprocal import scale_layout
from hw.stream.rounding import halve_round, saturate
from hw.tiny import product
from sw.export.front.normaliser import NormaliserSpec

# d, the products, their sum, the coarse and the fine shift, rounding and clip.
LATENCY = 1 + product.LATENCY + 1 + 2 + 1


def cut(spec: NormaliserSpec) -> int:
    """Bits of the difference below the cut. Of the shift all but one bit of its least value is taken at once: there d is cut, and
    only the upper product goes on."""
    return spec.point - spec.max_exponent - 1


def widest(spec: NormaliserSpec) -> int:
    """Bits of the widest factor of the two products."""
    return max(spec.difference_bits - cut(spec), cut(spec), spec.reciprocal_bits)


class Scaler(wiring.Component):
    """``z = saturate(round(d * r / 2^shift))`` with ``d = N * sample - s1``; a sample a cycle, ``LATENCY`` cycles.

    Ports: ``sample``, raw; ``scale``, constant while samples of its window are under way; ``z``.
    """

    def __init__(self, spec: NormaliserSpec):
        self.spec = spec
        super().__init__({"sample": In(signed(spec.raw_bits)), "scale": In(scale_layout(spec)), "z": Out(signed(spec.z_bits))})

    def elaborate(self, platform):
        m = Module()
        spec = self.spec
        below = cut(spec)
        difference = Signal(signed(spec.difference_bits), reset_less=True)
        m.d.sync += difference.eq(self.sample * Const(spec.window) - self.scale.s1)
        factor = unsigned(spec.reciprocal_bits)
        m.submodules.high = high = product.Product(signed(spec.difference_bits - below), factor)
        m.submodules.low = low = product.Product(unsigned(below), factor)
        m.d.comb += [
            high.a.eq(difference[below:].as_signed()),
            low.a.eq(difference[:below]),
            high.b.eq(self.scale.r),
            low.b.eq(self.scale.r),
        ]
        # (p - (p < 0)) >> cut, for p = d * r: one less where p is below zero and has nothing behind the cut.
        negative = Signal(reset_less=True)
        m.d.sync += negative.eq(difference[-1])
        less = negative & (low.p[:below] == 0)
        reduced = Signal(signed(spec.difference_bits - below + spec.reciprocal_bits), reset_less=True)
        m.d.sync += reduced.eq(high.p + (Cat(low.p[below:], Const(0, 1)).as_signed() - less))

        by = Signal(range(spec.max_exponent + 1))
        m.d.comb += by.eq(self.scale.shift - (below + 1))
        coarse, fine = Signal.like(reduced, reset_less=True), Signal.like(reduced, reset_less=True)
        z = Signal(signed(spec.z_bits), reset_less=True)
        m.d.sync += [
            coarse.eq(reduced >> Cat(Const(0, 2), by[2:])),
            fine.eq(coarse >> by[:2]),
            z.eq(saturate(halve_round(fine), spec.z_bits)),
        ]
        m.d.comb += self.z.eq(z)
        return m
