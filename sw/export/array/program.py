"""The layer program of the multi-bit array: descriptors, parameter sections, and the image that is loaded over a stream.

A descriptor is one operation. Its work is a nest of loops, outermost first: blocks of channels, rows, tiles of positions, passes,
taps. In a pass every lane adds or subtracts one input a tap; after it the sums are multiplied by their alphas and combined into
partial sums, and after a block's last pass of a tile come bias, shift, clip, pool and write. ``docs/array.md`` has the whole
account; :mod:`sw.export.array.machine` is the same in numpy.
"""

import math
import struct
import zlib
from dataclasses import dataclass, field

import numpy as np

from sw.errors import PopbeatError

LANES = 16  # positions of a group at most
SLOTS = 4  # a group's lanes serve 1, 2 or 4 channels at 16, 8 or 4 positions
SUM_BITS = 18
ALPHA_BITS = 8
TOTAL_BITS = 32
BIAS_BITS = 16
SHIFT_BITS = 5
POOL_BITS = 9
LOGIT_BITS = 16
MAX_TAPS = ((1 << (SUM_BITS - 1)) - 1) // 255
LEAST_PERIOD = LANES + 1
WRITE_MARGIN = 4
# What the array's pipeline takes beside the passes of an operation (:mod:`hw.mac.array` adds the same up from its parts).
DRAIN_CYCLES = 41

MAGIC = b"PBMA"
VERSION = 2

# Bits of each field of a descriptor, in their order from the least significant bit of the first word.
FIELDS = {
    "in_base": 17,
    "in_chan": 17,
    "in_block": 17,
    "in_pass": 17,
    "in_row": 13,
    "width": 13,
    "height": 11,
    "taps_c": 11,
    "taps_y": 5,
    "taps_x": 13,
    "pad_x": 4,
    "pad_y": 4,
    "stride_x": 1,
    "stride_y": 1,
    "out_w": 13,
    "out_h": 11,
    "out_base": 17,
    "out_chan": 17,
    "out_row": 13,
    "channels": 12,
    "single": 1,
    "shared": 1,
    "slots": 2,
    "largest": 1,
    "bias_shift": 4,
    "pool_stride": 4,
    "pool_chunks": 1,
    "pool_rest": 1,
    "kind": 2,
    "in_signed": 1,
    "table": 3,
    "alpha_memory": 1,
    "alpha_base": 17,
    "alpha_pass": 17,
    "period": 10,
    "end": 1,
    "input": 1,
}
DESCRIPTOR_BITS = sum(FIELDS.values())
DESCRIPTOR_WORDS = -(-DESCRIPTOR_BITS // 32)
FETCH_CYCLES = DESCRIPTOR_WORDS + 2

UNSIGNED, SIGNED, LOGITS = range(3)  # kinds of output: uint8 with ReLU, int8, int16 that leave the array


@dataclass(frozen=True)
class Descriptor:
    """One operation. Addresses and strides count bytes and wrap at 2^17; the input is ``[channel][row][x]`` by strides.

    ``in_base`` where the first tap of the first position lies, or would lie where that is padding (+ half the input region in every
    second window where ``input``); ``in_chan``, ``in_row`` strides
    of a tap's channel and row; ``in_block``, ``in_pass`` what block and pass add. ``width``, ``height``: beyond them the input is
    0. ``taps_c x taps_y x taps_x`` taps, ``pad_x``, ``pad_y`` before the first position, ``stride_x``, ``stride_y`` 1 or 2.

    ``out_w x out_h`` positions; ``out_base``, ``out_chan``, ``out_row`` where results go; ``channels`` of them, all in groups x
    slots a block, or one a block where ``single``; where ``shared``, all blocks have the parameters of the first. ``slots`` 1, 2 or
    4 channels a group. ``largest``: passes are combined by their maximum, not their sum. ``bias_shift``: bias counts 2^bias_shift.
    Pool along x over ``pool_chunks`` (1 or 2) times ``pool_stride`` positions, and one more where ``pool_rest``. ``kind`` of
    output; ``in_signed``: input bytes are int8. ``table``: 0, or 1 + number of the table that outputs look up. ``alpha_memory``:
    one alpha for all, read from ``alpha_base`` + rows and blocks done + passes x ``alpha_pass``; signed where the input is.
    ``period``: least cycles of a pass. ``end``: of the program. An operation begins when all that came before is written.
    """

    in_base: int = 0
    in_chan: int = 0
    in_block: int = 0
    in_pass: int = 0
    in_row: int = 0
    width: int = 1
    height: int = 1
    taps_c: int = 1
    taps_y: int = 1
    taps_x: int = 1
    pad_x: int = 0
    pad_y: int = 0
    stride_x: int = 1
    stride_y: int = 1
    out_w: int = 1
    out_h: int = 1
    out_base: int = 0
    out_chan: int = 0
    out_row: int = 0
    channels: int = 1
    single: int = 0
    shared: int = 0
    slots: int = 1
    largest: int = 0
    bias_shift: int = 0
    pool_stride: int = 1
    pool_chunks: int = 1
    pool_rest: int = 0
    kind: int = UNSIGNED
    in_signed: int = 0
    table: int = 0
    alpha_memory: int = 0
    alpha_base: int = 0
    alpha_pass: int = 0
    period: int = LEAST_PERIOD
    end: int = 0
    input: int = 0

    def __post_init__(self):
        for name, bits in FIELDS.items():
            value = self.encoded(name)
            if type(value) is not int or not 0 <= value < 1 << bits:
                raise PopbeatError(f"{name} = {getattr(self, name)!r} of an operation does not fit into its {bits} bits")
        if self.slots not in (1, 2, 4) or (self.single and self.slots != 1):
            raise PopbeatError(f"{self.slots} channels a group: there are 1, 2 or 4, and 1 where channels are taken one by one")
        if self.taps > MAX_TAPS:
            raise PopbeatError(f"{self.taps} taps in one sum: {SUM_BITS} bits hold those of {MAX_TAPS}; split the operation")
        if min(self.taps_c, self.taps_y, self.taps_x, self.out_w, self.out_h, self.channels, self.width, self.height) < 1:
            raise PopbeatError("an operation has at least one tap, one position and one channel")
        if self.kind > LOGITS or (self.kind == LOGITS and (self.pool, self.table) != (1, 0)):
            raise PopbeatError("logits are neither pooled nor looked up")

    def encoded(self, name: str) -> int:
        """A field's bits as stored: strides of 1 and 2 and pool chunks less one, slots as a power of two."""
        value = getattr(self, name)
        if name in ("stride_x", "stride_y", "pool_chunks"):
            return value - 1
        if name == "slots":
            return {1: 0, 2: 1, 4: 2}.get(value, value)
        return value

    @property
    def taps(self) -> int:
        """Additions of a lane in a pass."""
        return self.taps_c * self.taps_y * self.taps_x

    @property
    def positions(self) -> int:
        """Positions of a tile."""
        return LANES // self.slots

    @property
    def tiles(self) -> int:
        """Tiles of a row."""
        return -(-self.out_w // self.positions)

    @property
    def pool(self) -> int:
        """Positions that a pool looks at."""
        return self.pool_stride * self.pool_chunks + self.pool_rest

    @property
    def pass_cycles(self) -> int:
        """Cycles of a pass: taps, one to take the sums and clear the lanes, one to fetch an alpha from memory."""
        return max(self.taps + 1 + self.alpha_memory, self.period)

    def rows(self, groups: int) -> int:
        """Channels of a block."""
        return 1 if self.single else groups * self.slots

    def blocks(self, groups: int) -> int:
        """Number of blocks."""
        return -(-self.channels // self.rows(groups))

    def words(self) -> list[int]:
        """The descriptor as 32-bit words."""
        value, place = 0, 0
        for name, bits in FIELDS.items():
            value |= self.encoded(name) << place
            place += bits
        return [(value >> (32 * i)) & 0xFFFFFFFF for i in range(DESCRIPTOR_WORDS)]


@dataclass(frozen=True)
class Operation:
    """A descriptor with its parameters. ``weights``: per block ``int8[passes, rows, taps]`` of -1 and +1; ``alphas``: per block
    ``int64[passes, rows]``; ``bias``, ``shift``: ``int64[channels]``. Rows of a block beyond the last channel have alpha 0.
    ``name`` is for the listing."""

    descriptor: Descriptor
    weights: tuple[np.ndarray, ...]
    alphas: tuple[np.ndarray, ...]
    bias: np.ndarray
    shift: np.ndarray
    name: str = ""

    @property
    def passes(self) -> list[int]:
        """Passes of each block."""
        return [len(block) for block in self.weights]

    def alike(self) -> bool:
        """Whether all blocks have the same parameters."""
        channels = np.stack([self.bias, self.shift])
        rows = self.weights[0].shape[1]
        return all(
            np.array_equal(w, self.weights[0])
            and np.array_equal(a, self.alphas[0])
            and np.array_equal(here := channels[:, i * rows : (i + 1) * rows], channels[:, : here.shape[1]])
            for i, (w, a) in enumerate(zip(self.weights, self.alphas, strict=True))
        )


@dataclass(frozen=True)
class Program:
    """Operations in their order, look-up tables ``uint8[n, 256]``, for an array of ``groups``; ``classes`` logits leave it."""

    groups: int
    operations: tuple[Operation, ...]
    tables: np.ndarray = field(default_factory=lambda: np.zeros((0, 256), np.uint8))

    def __post_init__(self):
        for op in self.operations:
            rows, taps = op.descriptor.rows(self.groups), op.descriptor.taps
            if len(op.weights) != op.descriptor.blocks(self.groups) or len(op.alphas) != len(op.weights):
                raise PopbeatError(f"{op.name}: {len(op.weights)} blocks of weights, not {op.descriptor.blocks(self.groups)}")
            for weights, alphas in zip(op.weights, op.alphas, strict=True):
                if weights.shape[1:] != (rows, taps) or alphas.shape != weights.shape[:2] or not 1 <= len(weights) < 256:
                    raise PopbeatError(f"{op.name}: weights {weights.shape} and alphas {alphas.shape} are no block of {rows}")
                if alphas.min() < 0 or alphas.max() >= 1 << ALPHA_BITS:
                    raise PopbeatError(f"{op.name}: alphas {alphas.min()} to {alphas.max()}; there are {ALPHA_BITS} bits, unsigned")
            if op.descriptor.shared and not op.alike():
                raise PopbeatError(f"{op.name}: blocks that share their parameters have the same ones")
        if not self.operations or [op.descriptor.end for op in self.operations].index(1) != len(self.operations) - 1:
            raise PopbeatError("a program ends with its last operation, and only there")

    @property
    def classes(self) -> int:
        """Number of logits."""
        return self.operations[-1].descriptor.channels


# Sections of an image: name, bytes of a word (by groups).
def section_bytes(groups: int) -> dict[str, int]:
    """Bytes of a word of each section, in the order of their numbers."""
    return {
        "program": 4,
        "passes": 1,
        "weights": SLOTS * groups // 8,
        "alphas": groups * ALPHA_BITS // 8,
        "channels": groups * 3,
        "tables": 1,
    }


def sections(program: Program) -> dict[str, np.ndarray]:
    """Words of each section as ``uint8[words, bytes]``, least significant byte first."""
    groups = program.groups
    descriptors, passes, weights, alphas, channels = [], [], [], [], []
    for op in program.operations:
        d = op.descriptor
        stored = 1 if d.shared else len(op.weights)
        descriptors += d.words()
        passes += op.passes[:stored]
        rows = d.rows(groups)
        for number, (block, alpha) in enumerate(zip(op.weights[:stored], op.alphas[:stored], strict=True)):
            # Row slot * groups + group; a word holds 4, 2 or 1 taps of all rows.
            lines = groups * d.slots
            bits = np.zeros((len(block), d.taps, lines), np.uint8)
            bits[:, :, :rows] = (block > 0).transpose(0, 2, 1)
            padded = -(-d.taps * lines // (SLOTS * groups)) * SLOTS * groups
            flat = np.zeros((len(block), padded), np.uint8)
            flat[:, : d.taps * lines] = bits.reshape(len(block), -1)
            weights.append(np.packbits(flat, axis=1, bitorder="little").reshape(-1, SLOTS * groups // 8))
            full = np.zeros((len(block), lines), np.uint8)
            full[:, :rows] = alpha
            alphas.append(full.reshape(-1, groups))
            of_block = slice(number * rows, (number + 1) * rows)
            words = np.zeros((lines, 3), np.uint8)
            bias, shift = op.bias[of_block], op.shift[of_block]
            words[: len(bias), 0] = bias & 0xFF
            words[: len(bias), 1] = (bias >> 8) & 0xFF
            words[: len(bias), 2] = shift
            channels.append(words.reshape(d.slots, groups * 3))
    return {
        "program": np.array(descriptors, "<u4").view(np.uint8).reshape(-1, 4),
        "passes": np.array(passes, np.uint8).reshape(-1, 1),
        "weights": np.concatenate(weights),
        "alphas": np.concatenate(alphas),
        "channels": np.concatenate(channels),
        "tables": program.tables.reshape(-1, 1),
    }


def image(program: Program) -> bytes:
    """What is loaded: magic, version, groups, length of the body (u32), the body, CRC-32 of all before. The body holds the
    sections: number (u8), words (u24), the words. All little-endian."""
    body = b""
    for number, words in enumerate(sections(program).values()):
        body += struct.pack("<I", number | len(words) << 8) + words.tobytes()
    head = MAGIC + struct.pack("<HHI", VERSION, program.groups, len(body))
    return head + body + struct.pack("<I", zlib.crc32(head + body))


def pooled(d: Descriptor, positions: int) -> int:
    """Results that the first ``positions`` of a row make."""
    return (positions - d.pool) // d.pool_stride + 1 if positions >= d.pool else 0


def written_last(d: Descriptor, groups: int) -> int:
    """Bytes of an operation's last tile."""
    channels = d.channels - (d.blocks(groups) - 1) * d.rows(groups)
    return channels * (pooled(d, d.out_w) - pooled(d, (d.tiles - 1) * d.positions))


def descriptor_cycles(d: Descriptor, groups: int, passes: int) -> int:
    """Cycles of an operation whose blocks have so many passes in all, exact: its descriptor is fetched, its passes run, and what
    the last of them leaves is written."""
    return FETCH_CYCLES + passes * d.tiles * d.out_h * d.pass_cycles + DRAIN_CYCLES + written_last(d, groups)


def operation_cycles(op: Operation, groups: int) -> int:
    """Cycles of an operation, exact."""
    return descriptor_cycles(op.descriptor, groups, sum(op.passes))


def cycles(program: Program) -> int:
    """Cycles of a program, exact: from the cycle that starts it to the one that says it is done."""
    return sum(operation_cycles(op, program.groups) for op in program.operations)


def least_period(d: Descriptor, groups: int, passes: int) -> int:
    """Cycles that a pass needs at least, so that a tile's results are written before the next ones come: the writer takes a byte
    a cycle. A tile leaves at most ceil(positions / pool stride) results a channel."""
    written = min(d.rows(groups), d.channels) * math.ceil(d.positions / d.pool_stride)
    return max(LEAST_PERIOD, -(-(written + WRITE_MARGIN) // passes))
