"""What a classification looks like on its way out, for every engine."""

from amaranth.lib import data

from sw.export.binary.integer import NO_CALL

NUMBER_BITS = 16

# What accompanies a window round the datapath: its running number, and whether its samples are all equal.
Meta = data.StructLayout({"number": NUMBER_BITS, "flat": 1})

IMAGE_BITS = 6
# A result is a packet of 32-bit beats: this header first, then one signed logit a class. Only engines whose networks are loaded set
# ``fault``, the program did not end in time and the header is the whole packet, and ``image``, how many networks had been loaded.
Header = data.StructLayout({"number": NUMBER_BITS, "label": 8, "no_call": 1, "fault": 1, "image": IMAGE_BITS})
Beat = data.StructLayout({"word": 32, "last": 1})


def header(loaded: bool) -> dict[str, list[int]]:
    """Highest and lowest bit of each field of the header, for those who read it elsewhere; ``loaded``: of an engine whose networks
    are loaded."""
    fields = {name: [f.offset + f.width - 1, f.offset] for name, f in Header}
    return fields if loaded else {name: bits for name, bits in fields.items() if name not in ("fault", "image")}


__all__ = ["IMAGE_BITS", "NO_CALL", "NUMBER_BITS", "Beat", "Header", "Meta", "header"]
