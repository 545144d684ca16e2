"""The scaler: raw samples to Q3.8, z = saturate(round((N * x - S1) * r / 2^shift)), a sample a cycle."""

from amaranth.hdl import Cat, Const, Module, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.front.reciprocal import scale_layout
from hw.stream import multiplier
from hw.stream.delay import delay
from hw.stream.rounding import halve_round, less_if_negative, saturate
from sw.export.front.normaliser import NormaliserSpec

# N * x, d, the products, their sum, then one each for the sign's unit, the coarse and the fine shift, rounding, clip.
LATENCY = 2 + multiplier.LATENCY + 1 + 5


class Scaler(wiring.Component):
    """Ports: ``i`` raw samples (signed), each with the scale of its window, and ``o`` normalised ones, without backpressure,
    ``LATENCY`` cycles apart."""

    def __init__(self, spec: NormaliserSpec):
        self.spec = spec
        sample = data.StructLayout({"sample": signed(spec.raw_bits), "scale": scale_layout(spec)})
        super().__init__(
            {
                "i": In(stream.Signature(sample, always_ready=True)),
                "o": Out(stream.Signature(signed(spec.z_bits), always_ready=True)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        spec = self.spec
        least_shift = spec.point - spec.max_exponent
        split = spec.difference_bits // 2

        # The scale travels along, each part of it as far as it is needed.
        scale = [self.i.payload.scale]
        for stage in range(1, LATENCY - 4):
            scale.append(Signal(scale_layout(spec), name=f"scale{stage}", reset_less=True))
            m.d.sync += scale[stage].eq(scale[stage - 1])

        # d = N * x - S1, and d * r as two products that fit a multiplier block each: d = high * 2^split + low.
        scaled = Signal(signed(spec.difference_bits), reset_less=True)
        difference = Signal(signed(spec.difference_bits), reset_less=True)
        m.d.sync += [scaled.eq(_times(self.i.payload.sample, spec.window)), difference.eq(scaled - scale[1].s1)]
        factor = unsigned(spec.reciprocal_bits)
        m.submodules.high = high = multiplier.Multiplier(signed(spec.difference_bits - split), factor)
        m.submodules.low = low = multiplier.Multiplier(unsigned(split), factor)
        m.d.comb += [
            high.a.eq(difference[split:].as_signed()),
            low.a.eq(difference[:split]),
            high.b.eq(scale[2].r),
            low.b.eq(scale[2].r),
        ]
        product = Signal(signed(spec.difference_bits + spec.reciprocal_bits), reset_less=True)
        m.d.sync += product.eq((high.p << split) + low.p)

        # Rounding shift in three steps, the shift itself in two.
        reduced = Signal.like(product, reset_less=True)
        by = Signal(len(scale[-1].shift), reset_less=True)
        m.d.sync += [
            reduced.eq(less_if_negative(product) >> (least_shift - 1)),
            by.eq(scale[-1].shift - least_shift),
        ]
        coarse = Signal(signed(len(product) - (least_shift - 1)), reset_less=True)
        fine = Signal(2, reset_less=True)
        m.d.sync += [coarse.eq(reduced >> Cat(Const(0, 2), by[2:])), fine.eq(by)]
        shifted = Signal.like(coarse, reset_less=True)
        rounded = Signal.like(coarse, reset_less=True)
        z = Signal(signed(spec.z_bits), reset_less=True)
        m.d.sync += [shifted.eq(coarse >> fine), rounded.eq(halve_round(shifted)), z.eq(saturate(rounded, spec.z_bits))]
        m.d.comb += [self.o.valid.eq(delay(m, self.i.valid, LATENCY, "valid")[-1]), self.o.payload.eq(z)]
        return m


def _times(value, factor: int):
    """``value`` times a constant as a sum of shifted copies, by the constant's signed digits (3,600 = 4,096 - 512 + 16)."""
    total, place = 0, 0
    while factor:
        if factor & 1:
            digit = 2 - (factor & 3)  # +1 or -1: no two digits side by side
            total = total + (value << place) if digit == 1 else total - (value << place)
            factor -= digit
        factor >>= 1
        place += 1
    return total
