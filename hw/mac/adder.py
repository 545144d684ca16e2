"""A sum or a difference from one carry chain."""

from amaranth.hdl import Cat, Instance, Module, Mux, Signal, Value

# Half of a CCU2C with D = 1: A ^ B ^ C ^ carry, and A is the carry where A and B ^ C are equal.
HALF = 0b1001_0110_1010_1010


def add_or_subtract(m: Module, a: Value, b: Value, minus: Value, family: str | None) -> Value:
    """``a - b`` where ``minus``, else ``a + b``: signed, as wide as ``a``, whose width is even; ``b`` is not wider. It wraps.

    On the ``ecp5`` family the carry cells are instantiated, for synthesis would invert ``b`` in tables of their own, or take two
    chains and a choice."""
    if family != "ecp5":
        return Mux(minus, a - b, a + b)[: len(a)].as_signed()
    wide = Cat(b, b[-1].replicate(len(a) - len(b)))
    total = Signal(len(a))
    carry = minus
    for place in range(0, len(a), 2):
        after = Signal()
        halves = {}
        for half in (0, 1):
            bit = place + half
            halves |= {f"i_A{half}": a[bit], f"i_B{half}": wide[bit], f"i_C{half}": minus, f"i_D{half}": 1}
            halves |= {f"o_S{half}": total[bit], f"p_INIT{half}": HALF, f"p_INJECT1_{half}": "NO"}
        m.submodules += Instance("CCU2C", **halves, i_CIN=carry, o_COUT=after)
        carry = after
    return total.as_signed()
