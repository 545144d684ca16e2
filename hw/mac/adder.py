"""A sum or a difference from one carry chain, or what is added alone."""

from amaranth.hdl import Cat, Instance, Module, Mux, Signal, Value

# Half of a CCU2C: (A & B) ^ C ^ D ^ carry, and A & B is the carry where A & B and C ^ D are equal.
HALF = 0b1000_0111_0111_1000


def add_or_subtract(m: Module, a: Value, b: Value, minus: Value, keep: Value, family: str | None) -> Value:
    """``a - b`` where ``minus``, else ``a + b``, and 0 in place of ``a`` unless ``keep``: signed, as wide as ``a``, whose width is
    even; ``b`` is not wider. It wraps.

    On the ``ecp5`` family the carry cells are instantiated, for synthesis would invert ``b`` in tables of their own, or take two
    chains and a choice."""
    if family != "ecp5":
        kept = Mux(keep, a, 0).as_signed()
        return Mux(minus, kept - b, kept + b)[: len(a)].as_signed()
    wide = Cat(b, b[-1].replicate(len(a) - len(b)))
    total = Signal(len(a))
    carry = minus
    for place in range(0, len(a), 2):
        after = Signal()
        halves = {}
        for half in (0, 1):
            bit = place + half
            halves |= {f"i_A{half}": a[bit], f"i_B{half}": keep, f"i_C{half}": wide[bit], f"i_D{half}": minus}
            halves |= {f"o_S{half}": total[bit], f"p_INIT{half}": HALF, f"p_INJECT1_{half}": "NO"}
        m.submodules += Instance("CCU2C", **halves, i_CIN=carry, o_COUT=after)
        carry = after
    return total.as_signed()
