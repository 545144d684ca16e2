"""Crosses of the array's operations (functional coverage): how groups share work, times sizes, edges, and what results become.

They are counted from the descriptors of programs that a bench runs and compares.
"""

from collections import Counter
from collections.abc import Iterable

from sim.cover.crosses import Crosses
from sw.export.array.program import WINDOW_TAPS, Descriptor, Program

MODES = (
    "1 channel a group",
    "2 channels a group",
    "4 channels a group",
    "channel by channel",
    "windows of rows",
    "windows of flat planes",
    "windows of four planes",
    "windows of two operands",
)
EDGES = ("inside", "before", "beyond", "before and beyond")
PARTS = ("one, whole", "one, in part", "several, all whole", "several, the last in part")
# What an operation is beside its mode, by what it is called.
VALUES = {
    "input along x": EDGES,
    "input along y": EDGES,
    "tiles": PARTS,
    "blocks": PARTS,
    "stride": ("1", "2 along x", "2 along y", "2 along both"),
    "results": ("uint8", "int8", "logits", "looked up in a table", "to the gates"),
    "pool": ("none", "whole chunks", "chunks and one more", "behind a zero", "mean of two"),
    "left out": ("nothing", "every second column", "every second row", "both"),
    "gates": ("none", "some"),
    "means": ("none", "of some blocks", "of all blocks"),
    "parameters": ("of each block", "shared by several blocks"),
    "passes": ("added", "the largest"),
}
# Crosses that can't occur, by what they look like, with the reason: what a descriptor refuses, or the compiler has no use for.
EXCLUDED = {
    r"(4 channels a group|channel by channel|windows.*); results: logits": "logits leave one or two channels a group",
    r"([24] channels a group|windows.*); results: (looked up|to the)": "a table and the gate memory take one channel",
    r"windows.*; stride: 2 along (x|both)": "windows step by one along x",
    r"windows of (flat|four|two).*; stride: 2 along y": "planes and sums have every row; of planes some are left out instead",
    r"windows of (flat|four|two).*; (pool: (?!none)|passes: the)": "pools are of rows",
    r"(channel.*|windows of (four|two).*); left out: (?!nothing)": "columns are left out where windows are of rows or flat planes",
    r"windows of rows; left out: .*(row|both)": "rows of windows are stepped over, and not left out",
    r"windows of four planes; means: of": "four planes a group come without their means",
    r"windows of four planes; tiles: (?!one, whole)": "four planes of 2 x 2 are a tile",
    r"windows of flat planes; tiles: several, the last": "a plane has 4, 16 or 64 positions",
    r"flat planes; input along (x: (?!before$)|y: (?!beyond))": "a plane's kernel begins before it and ends below it",
    r"(four planes|two operands); input along .: (?!inside)": "edges of four planes are in their size; a sum reads what it writes",
    r"channel by channel; blocks: .*part": "a block of one channel is whole",
}


def _part(count: int, size: int) -> str:
    """How a number of things fills portions of a size."""
    return PARTS[2 * (count > size) + (count % size > 0)]


def _edge(first: int, last: int, size: int) -> str:
    """Where the inputs from ``first`` to ``last`` lie in ``size`` of them."""
    return EDGES[(first < 0) + 2 * (last >= size)]


def mode(d: Descriptor) -> str:
    """How the groups share an operation's work."""
    if not d.windows:
        return MODES[3] if d.single else f"{d.slots} channel{'s' * (d.slots > 1)} a group"
    return MODES[6 if d.slots == 4 else 5 if d.plane else 7 if d.taps_c == 2 else 4]


def situation(d: Descriptor, groups: int) -> dict[str, str]:
    """An operation by :data:`VALUES`."""
    taps_x = WINDOW_TAPS * (d.taps_x - 1) + d.load_taps if d.windows else d.taps_x
    results = "to the gates" if d.to_gates else "looked up in a table" if d.table else VALUES["results"][d.kind]
    # The first that holds.
    pools = {"behind a zero": d.pool_pad, "mean of two": d.pool_mean, "none": d.pool == 1, "chunks and one more": d.pool_rest}
    blocks = d.blocks(groups)
    return {
        "input along x": _edge(-d.pad_x, (d.out_w - 1) * d.stride_x + taps_x - 1 - d.pad_x, d.width),
        "input along y": _edge(-d.pad_y, (d.out_h - 1) * d.stride_y + d.taps_y - 1 - d.pad_y, d.height),
        "tiles": _part(d.out_w, d.positions),
        "blocks": _part(d.channels, d.rows(groups)),
        "stride": VALUES["stride"][(d.stride_x > 1) + 2 * (d.stride_y > 1)],
        "results": results,
        "pool": next((name for name, holds in pools.items() if holds), "whole chunks"),
        "left out": VALUES["left out"][d.drop_x + 2 * d.drop_y],
        "gates": VALUES["gates"][d.gated],
        "means": VALUES["means"][0 if not d.mean_blocks else 1 + (d.mean_blocks >= blocks)],
        "parameters": VALUES["parameters"][d.shared and blocks > 1],
        "passes": VALUES["passes"][d.largest],
    }


def _name(of: str, what: str, value: str) -> str:
    return f"{of}; {what}: {value}"


def occurred(programs: Iterable[Program]) -> Counter[str]:
    """Counts by cross of the operations of some programs."""
    counts: Counter[str] = Counter()
    for program in programs:
        for operation in program.operations:
            d = operation.descriptor
            counts.update(_name(mode(d), what, value) for what, value in situation(d, program.groups).items())
    return counts


ARRAY = Crosses(frozenset(_name(m, what, v) for m in MODES for what, values in VALUES.items() for v in values), EXCLUDED)
