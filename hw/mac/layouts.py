"""What travels between the parts of the array."""

from amaranth.lib import data

from sw.export.array.program import FIELDS

# A descriptor as it is stored (``sw/export/array/program.py`` says what each field means).
Fields = data.StructLayout(dict(FIELDS))

# What the sequencer says of a pass when its last tap is in: is it the first or last of its tile, does the tile begin or end its
# row, does it end its block, the operation; and the tile's first position.
Pass = data.StructLayout(
    {
        "first": 1,
        "last": 1,
        "row_first": 1,
        "row_last": 1,
        "block_last": 1,
        "operation_last": 1,
        "onward": 1,
        "x": FIELDS["out_w"],
    }
)

# A tile's results wait in the groups' buffers from ``start`` on, ``count`` of them for each slot; ``channels`` of the block exist.
Job = data.StructLayout(
    {
        "start": 5,
        "count": 5,
        "address": FIELDS["out_base"],
        "channels": FIELDS["channels"],
        "first_channel": FIELDS["channels"],
        "operation_last": 1,
    }
)
