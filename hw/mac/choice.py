"""A multiplexer of four words, as two levels of multiplexers of two: neighbours in a rotation can share the first level. A
comparison of signed numbers by the sign of their difference."""

from collections.abc import Sequence

from amaranth.hdl import Mux, Value


def one_of_four(words: Sequence[Value], which: Value) -> Value:
    """``words[which]``, unsigned: four words of the same width, ``which`` of 2 bits. Synthesis turns an :class:`Array` into a flat
    choice, and in a rotation twice the tables of this one."""
    a, b, c, d = (Value.cast(word)[:] for word in words)
    return Mux(which[1], Mux(which[0], d, c), Mux(which[0], b, a))


def exceeds(a: Value, b: Value) -> Value:
    """``a > b``, signed: the sign of their difference. A comparison would leave the carry chain before its last bit, too, which
    breaks it in two."""
    return (b - a)[-1]
