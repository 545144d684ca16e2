"""What a classification looks like on its way out, for every engine."""

from amaranth.lib import data

from sw.export.binary.integer import NO_CALL

NUMBER_BITS = 16

# What accompanies a window round the datapath: its running number, and whether its samples are all equal.
Meta = data.StructLayout({"number": NUMBER_BITS, "flat": 1})

IMAGE_BITS = 6
# A result is a packet of 32-bit beats: this header first, then one signed logit a class. ``fault``, where the header is the whole
# packet: the program did not end in time, or a guard saw the classifier fail. ``image``: how many networks had been loaded, where
# they are; else 0, but that behind a guard its lowest bit tells that a constant of the network has changed (*damaged*).
Header = data.StructLayout({"number": NUMBER_BITS, "label": 8, "no_call": 1, "fault": 1, "image": IMAGE_BITS})
DAMAGED = Header["image"].offset
Beat = data.StructLayout({"word": 32, "last": 1})


def header(loaded: bool, guarded: bool = False) -> dict[str, list[int]]:
    """Highest and lowest bit of each field of the header, for those who read it elsewhere; ``loaded``: of an engine whose networks
    are loaded; ``guarded``: of one behind a guard."""
    left_out = set() if loaded else {"image"} if guarded else {"fault", "image"}
    told = {name: [f.offset + f.width - 1, f.offset] for name, f in Header if name not in left_out}
    return told | ({"damaged": [DAMAGED, DAMAGED]} if guarded else {})


__all__ = ["DAMAGED", "IMAGE_BITS", "NO_CALL", "NUMBER_BITS", "Beat", "Header", "Meta", "header"]
