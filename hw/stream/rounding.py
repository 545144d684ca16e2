"""Rounding and saturation in gateware, one named function each: the twins of ``sw/export/rounding.py``."""

from amaranth.hdl import Cat, Const, Mux, Value, signed


def less_if_negative(value: Value) -> Value:
    """``value - (value < 0)``: first step of a rounding shift. Signed, as wide as ``value`` (its least value must not occur)."""
    return (value + value[-1].as_signed())[: len(value)].as_signed()


def halve_round(value: Value) -> Value:
    """``(value + 1) >> 1``: last step of a rounding shift by s, when ``value`` is ``less_if_negative(x) >> (s - 1)``. Together
    they are x / 2^s rounded to the nearest integer, halves away from zero."""
    return (value + 1) >> 1


def shift_round(value: Value, shift: int) -> Value:
    """``value / 2**shift`` rounded to the nearest integer, halves away from zero, by one addition; ``shift`` >= 1, signed."""
    half = Cat(value[-1].replicate(shift - 1), ~value[-1])  # one unit less where the value is negative
    return (value + half) >> shift


def saturate(value: Value, bits: int) -> Value:
    """Clip a signed value to ``bits`` bits, signed."""
    if len(value) <= bits:
        return value
    upper = value[bits - 1 :]
    fits = (upper == 0) | upper.all()
    limit = Mux(value[-1], Const(-(1 << (bits - 1)), signed(bits)), Const((1 << (bits - 1)) - 1, signed(bits)))
    return Mux(fits, value[:bits].as_signed(), limit)
