"""Delay lines."""

from amaranth.hdl import Cat, Module, Signal


def delay(m: Module, value, cycles: int, name: str) -> Signal:
    """The last ``cycles`` states of a one-bit flag, the newest in bit 0 (reset to 0): bit ``k`` is ``value`` of k + 1 cycles ago,
    and the last one what it was ``cycles`` cycles ago."""
    line = Signal(cycles, name=name)
    m.d.sync += line.eq(Cat(value, line)[:cycles])
    return line
