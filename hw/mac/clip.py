"""Rounding and clip of what an operation puts out."""

from amaranth.hdl import Mux, Value

from hw.stream.rounding import halve_round
from sw.export.array.program import LOGIT_BITS, LOGITS, UNSIGNED


def clipped(value: Value, kind: Value) -> Value:
    """``halve_round(value)``, clipped to what outputs of this kind hold: 16 bits signed. What is clipped is seen in ``value``
    itself, so that nothing waits for the carries of the rounding. 2^n - 1 is the least that becomes 2^(n - 1), too large for n
    bits; -2^n - 1, which just becomes the least that fits, may be clipped."""
    negative = value[-1]

    def large(bits: int) -> Value:
        return ~negative & (value[bits:].any() | value[:bits].all())

    def small(bits: int) -> Value:
        return negative & ~value[bits:].all()

    rounded = halve_round(value[: LOGIT_BITS + 1].as_signed())[:LOGIT_BITS].as_signed()
    as_logit, as_unsigned = kind == LOGITS, kind == UNSIGNED
    above = Mux(as_logit, large(LOGIT_BITS), Mux(as_unsigned, large(9), large(8)))
    below = Mux(as_logit, small(LOGIT_BITS), Mux(as_unsigned, negative, small(8)))
    most = Mux(as_logit, (1 << (LOGIT_BITS - 1)) - 1, Mux(as_unsigned, 255, 127))
    least = Mux(as_logit, -(1 << (LOGIT_BITS - 1)), Mux(as_unsigned, 0, -128))
    return Mux(above, most, Mux(below, least, rounded))
