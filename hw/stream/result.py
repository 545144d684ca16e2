"""What a classification looks like on its way out, for every engine."""

from amaranth.lib import data

from sw.export.binary.integer import NO_CALL

NUMBER_BITS = 16

# What accompanies a window round the datapath: its running number, and whether its samples are all equal.
Meta = data.StructLayout({"number": NUMBER_BITS, "flat": 1})

# A result is a packet of 32-bit beats: this header first, then one signed logit a class.
Header = data.StructLayout({"number": NUMBER_BITS, "label": 8, "no_call": 1, "zero": 7})
Beat = data.StructLayout({"word": 32, "last": 1})


def header() -> dict[str, list[int]]:
    """Highest and lowest bit of each field of the header, for those who read it elsewhere."""
    return {name: [f.offset + f.width - 1, f.offset] for name, f in Header if name != "zero"}


__all__ = ["NO_CALL", "NUMBER_BITS", "Beat", "Header", "Meta", "header"]
