"""The scale of a window: from its sums to r = C / sqrt(V) as mantissa and shift (formulas: ``sw/export/front/normaliser.py``).

One adder's worth of logic a phase, a bit a cycle: it has a whole window's time.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.front.statistics import sums_layout
from sw.export.front.normaliser import NormaliserSpec


def scale_layout(spec: NormaliserSpec) -> data.StructLayout:
    """Sum, mantissa r, shift (c - e) and whether the window is flat (then r is 0)."""
    return data.StructLayout(
        {
            "s1": signed(spec.sum_bits),
            "r": spec.reciprocal_bits,
            "shift": range(spec.point + 1),
            "flat": 1,
        }
    )


def latency(spec: NormaliserSpec) -> int:
    """Sums in to scale offered: N * S2 and S1^2 by bits, the doublings, the root, the quotient, one cycle between phases."""
    return spec.window.bit_length() + spec.sum_bits + spec.max_exponent + spec.root_bits + spec.reciprocal_bits + 1


class _Work:
    """The registers of a scale in the making, and the phase that counts their steps."""

    def __init__(self, spec: NormaliserSpec):
        v_bits = 2 * spec.root_bits
        self.s1 = Signal(signed(spec.sum_bits), reset_less=True)
        self.size = Signal(spec.sum_bits, reset_less=True)  # |S1|
        self.v = Signal(v_bits)  # zero between windows: the root shifts all of it out
        self.shifted = Signal(v_bits + 1, reset_less=True)  # multiplicand of the products, doubling each cycle
        self.multiplier = Signal(max(spec.sum_bits, spec.window.bit_length()), reset_less=True)
        self.exponent = Signal(range(spec.max_exponent + 1), reset_less=True)
        self.root = Signal(spec.root_bits, reset_less=True)
        self.quotient = Signal(spec.reciprocal_bits, reset_less=True)
        self.rest = Signal(signed(spec.root_bits + 3), reset_less=True)
        self.after, self.divided = Signal.like(self.rest), Signal.like(self.rest, name="divided")  # rests to come
        self.done = Signal()
        self.flat = Signal(reset_less=True)
        self.count = Signal(range(max(spec.sum_bits, spec.root_bits, spec.max_exponent + 1)))
        self.ends = Signal()  # a phase, with this cycle

    def phase(self, m: Module, cycles: int, following: str) -> None:
        """Count the cycles of a phase, two at least, and go on to the next."""
        m.d.sync += [self.count.eq(self.count + 1), self.ends.eq(self.count == cycles - 2)]
        with m.If(self.ends):
            m.d.sync += [self.count.eq(0), self.ends.eq(0)]
            m.next = following


class Reciprocal(wiring.Component):
    """Sums in, scale out, one window at a time.

    Ports: ``i`` stream of sums, taken when idle; ``o`` stream of scales, offered ``latency(spec)`` cycles after the transfer at
    ``i`` and held until taken.
    """

    def __init__(self, spec: NormaliserSpec):
        self.spec = spec
        super().__init__({"i": In(stream.Signature(sums_layout(spec))), "o": Out(stream.Signature(scale_layout(spec)))})

    def elaborate(self, platform):
        m = Module()
        spec, work = self.spec, _Work(self.spec)
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [
                    work.s1.eq(self.i.payload.s1),
                    work.size.eq(Mux(self.i.payload.s1 < 0, -self.i.payload.s1, self.i.payload.s1)),
                    work.shifted.eq(self.i.payload.s2),
                    work.multiplier.eq(spec.window),
                    work.exponent.eq(0),
                    work.root.eq(0),
                    work.rest.eq(0),
                ]
                with m.If(self.i.valid):
                    m.next = "SCALE"
            self._variance(m, work)
            self._root_and_quotient(m, work)
            with m.State("DONE"), m.If(self.o.ready):
                m.d.sync += work.done.eq(0)
                m.next = "IDLE"
        m.d.comb += [
            self.o.valid.eq(work.done),
            self.o.payload.s1.eq(work.s1),
            self.o.payload.r.eq(Mux(work.flat, 0, work.quotient)),
            self.o.payload.shift.eq(Mux(work.flat, spec.point, spec.point - work.exponent)),
            self.o.payload.flat.eq(work.flat),
        ]
        return m

    def _variance(self, m: Module, work: _Work) -> None:
        """v = N * S2 - S1^2, doubled twice until it fills its width."""
        spec, v = self.spec, work.v
        with m.State("SCALE"):  # v = N * S2
            m.d.sync += [work.shifted.eq(work.shifted << 1), work.multiplier.eq(work.multiplier >> 1)]
            with m.If(work.multiplier[0]):
                m.d.sync += v.eq(v + work.shifted)
            with m.If(work.ends):
                m.d.sync += [work.shifted.eq(work.size), work.multiplier.eq(work.size)]
            work.phase(m, spec.window.bit_length(), "SQUARE")
        with m.State("SQUARE"):  # v = N * S2 - S1^2
            m.d.sync += [work.shifted.eq(work.shifted << 1), work.multiplier.eq(work.multiplier >> 1)]
            with m.If(work.multiplier[0]):
                m.d.sync += v.eq(v - work.shifted)
            work.phase(m, spec.sum_bits, "DOUBLE")
        with m.State("DOUBLE"):  # v * 4^e fills its width
            with m.If(v[-2:] == 0):
                m.d.sync += [v.eq(v << 2), work.exponent.eq(work.exponent + 1)]
            m.d.sync += work.flat.eq(v == 0)
            work.phase(m, spec.max_exponent, "ROOT")

    def _root_and_quotient(self, m: Module, work: _Work) -> None:
        """Root and quotient come without restoring: where a rest is below zero, the next step adds instead of subtracting."""
        spec, v, root, rest, quotient = self.spec, work.v, work.root, work.rest, work.quotient
        negative, after, divided = rest[-1], work.after, work.divided
        with m.State("ROOT"):  # bring down two bits; then less 4 root + 1 (as ~(4 root)), or and 4 root + 3
            trial = Cat(Const(3, 2), root ^ (~negative).replicate(spec.root_bits), ~negative).as_signed()
            m.d.comb += after.eq(Cat(v[-2:], rest).as_signed() + trial)
            m.d.sync += [v.eq(v << 2), rest.eq(after), root.eq(Cat(~after[-1], root))]
            with m.If(work.ends):
                # The quotient has so many bits because the numerator's upper part is below every root.
                m.d.sync += [
                    rest.eq(spec.numerator >> spec.reciprocal_bits),
                    quotient.eq(spec.numerator & ((1 << spec.reciprocal_bits) - 1)),
                ]
            work.phase(m, spec.root_bits, "DIVIDE")
        with m.State("DIVIDE"):  # the numerator's lower bits leave where the quotient's come in
            # Both operands get a bit in front, whose carry is the 1 of a subtraction.
            divisor = Cat(~negative, root ^ (~negative).replicate(spec.root_bits), ~negative).as_signed()
            m.d.comb += divided.eq((Cat(Const(1, 1), quotient[-1], rest).as_signed() + divisor) >> 1)
            m.d.sync += [rest.eq(divided), quotient.eq(Cat(~divided[-1], quotient))]
            m.d.sync += work.done.eq(work.ends)
            work.phase(m, spec.reciprocal_bits, "DONE")
