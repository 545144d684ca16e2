"""How samples lie side by side: one or several a beat, the first in the least significant bits."""

from amaranth.hdl import Shape, signed
from amaranth.lib import data


def samples_layout(bits: int, count: int) -> Shape | data.ArrayLayout:
    """``count`` signed samples of ``bits`` bits; a single one is a plain number."""
    return signed(bits) if count == 1 else data.ArrayLayout(signed(bits), count)


def each(payload, count: int) -> list:
    """The samples of a payload."""
    return [payload] if count == 1 else [payload[k] for k in range(count)]
