"""What travels between the parts of the array."""

from amaranth.hdl import signed
from amaranth.lib import data

from sw.export.array.program import FIELDS, GATES, LANES

# A descriptor as it is stored (``sw/export/array/program.py`` says what each field means).
Fields = data.StructLayout(dict(FIELDS))

ADDRESS_BITS = FIELDS["in_base"]
OPERATION_BITS = 9

# A read: byte j of the bus is that at address + j * (1 + stride), or 0 where j * (1 + stride) < low or >= high; high 31 is no end.
# It is multiplied by a gate where ``gated``. ``valid`` is for simulation: what is not is not looked at.
Read = data.StructLayout(
    {
        "valid": 1,
        "address": ADDRESS_BITS,
        "stride": 1,
        "low": 4,
        "high": 5,
        "signed": 1,
        "gated": 1,
        "gate": (GATES - 1).bit_length(),
    }
)

# A row of ``count`` (1 to 16) neighbouring bytes to be written from ``address`` on. Byte k of ``data`` goes to the address whose
# lower bits are those of k + ``turn``.
Row = data.StructLayout({"enable": 1, "address": ADDRESS_BITS, "turn": 4, "count": 5, "data": data.ArrayLayout(8, LANES)})

# What the sequencer says of a pass: is it the first or last of its tile, does the tile begin or end its row, does it end its block,
# do other weights follow; is it the first of its operation; or does it make the means of a block; and the tile's first position.
Pass = data.StructLayout(
    {
        "first": 1,
        "last": 1,
        "row_first": 1,
        "row_last": 1,
        "block_last": 1,
        "onward": 1,
        "begins": 1,
        "mean": 1,
        "x": FIELDS["out_w"],
    }
)


def bus(size: int) -> data.ArrayLayout:
    """Inputs that come from the memory at once."""
    return data.ArrayLayout(signed(9), size)


# What the lanes do with what they have: ``copy`` the loaded windows and take their first tap, or shift to the next one; ``add``;
# ``first`` of a pass; tap ``kx``, ``ky`` of a flat plane with rows of 2^plane, four of them a group where ``quad``; ``slots`` as
# they are stored.
Lane = data.StructLayout({"copy": 1, "add": 1, "first": 1, "kx": 2, "ky": 2, "plane": FIELDS["plane"], "quad": 1, "slots": 2})


def step(groups: int) -> data.StructLayout:
    """What the sequencer asks for in a cycle: a ``read``, for which groups (``load``), of how many slots (``spread``); what the
    ``lane``s do; ``end`` of a pass, and which one."""
    return data.StructLayout({"read": Read, "load": groups, "spread": 2, "lane": Lane, "end": 1, "pass_": Pass})


# A tile's results, or a block's means, stand in the groups' shift registers: ``count`` of them for each of ``slots`` channels (as
# stored), ``total`` in all. They go to ``address``, the next channel's ``step`` further on; ``channels`` of the block exist.
# ``operation``: which one (modulo 512), for simulation.
Job = data.StructLayout(
    {
        "count": 5,
        "total": 5,
        "address": ADDRESS_BITS,
        "step": ADDRESS_BITS,
        "channels": FIELDS["channels"],
        "operation": OPERATION_BITS,
    }
)
