"""A multiplexer of four words, as two levels of multiplexers of two: neighbours in a rotation can share the first level."""

from collections.abc import Sequence

from amaranth.hdl import Mux, Value


def one_of_four(words: Sequence[Value], which: Value) -> Value:
    """``words[which]``, unsigned: four words of the same width, ``which`` of 2 bits. Synthesis turns an :class:`Array` into a flat
    choice, and in a rotation twice the tables of this one."""
    a, b, c, d = (Value.cast(word)[:] for word in words)
    return Mux(which[1], Mux(which[0], d, c), Mux(which[0], b, a))
