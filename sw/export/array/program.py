"""The layer program of the multi-bit array: descriptors, parameter sections, and the image that is loaded over a stream.

A descriptor is one operation. Its work is a nest of loops, outermost first: blocks of channels, rows, tiles of positions, passes,
taps. In a pass every lane adds or subtracts one input a tap; after it the sums are multiplied by their alphas and combined into
partial sums, and after a block's last pass of a tile come bias, shift, clip, pool and write. ``docs/array.md`` has the whole
account; :mod:`sw.export.array.machine` is the same in numpy, :mod:`sw.export.array.schedule` says in which cycle what happens.
"""

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
POOL_BITS = 10
LOGIT_BITS = 16
GATES = 512  # values of the gate memory
GATE_SHIFT = 8  # a gate counts 256ths
MAX_TAPS = ((1 << (SUM_BITS - 1)) - 1) // 255
LEAST_PERIOD = LANES
# One load of a group's window serves so many taps: a window has 7 bytes behind those of its 16 lanes.
WINDOW_TAPS = 8

# The array's pipeline (:mod:`hw.mac.array` adds the same up from its parts). From the start of a program to its first descriptor;
# from there to an operation's first read.
START_CYCLES = 14
SETUP_CYCLES = 2
# From the turn after a pass's last cycle to the first read that sees the first row which it wrote, to the first one that has the
# gate of its first position, to the cycle after the first logit, and to when the fields of its operation are no longer needed.
WRITE_CYCLES = 49
GATE_CYCLES = 25
LOGIT_CYCLES = 28
HOLD_CYCLES = 18
# Between the ends of the last pass of an operation and of the next one's first.
APART_CYCLES = LEAST_PERIOD + 2

MAGIC = b"PBMA"
VERSION = 4
LIMIT_BITS = 24  # of a program's cycles in an image

# Bits of each field of a descriptor, in their order from the least significant bit of the first word.
FIELDS = {
    "in_base": 17,
    "in_chan": 17,
    "in_block": 17,
    "in_group": 17,
    "other_group": 17,
    "in_row": 13,
    "width": 13,
    "height": 11,
    "taps_c": 11,
    "taps_y": 5,
    "taps_x": 13,
    "load_taps": 3,
    "plane": 2,
    "pad_x": 4,
    "pad_y": 4,
    "stride_x": 1,
    "stride_y": 1,
    "out_w": 13,
    "out_h": 11,
    "drop_x": 1,
    "drop_y": 1,
    "out_base": 17,
    "out_chan": 17,
    "out_row": 13,
    "channels": 12,
    "windows": 1,
    "single": 1,
    "shared": 1,
    "slots": 2,
    "largest": 1,
    "bias_shift": 4,
    "pool_stride": 4,
    "pool_chunks": 1,
    "pool_rest": 1,
    "pool_pad": 1,
    "pool_mean": 1,
    "kind": 2,
    "in_signed": 1,
    "table": 3,
    "to_gates": 1,
    "gated": 1,
    "gate_first": 9,
    "gate_step": 4,
    "mean_blocks": 8,
    "mean_base": 17,
    "mean_step": 6,
    "mean_alpha": 8,
    "mean_shift": 5,
    "period": 10,
    "delay": 10,
    "end": 1,
    "input": 1,
}
DESCRIPTOR_BITS = sum(FIELDS.values())
DESCRIPTOR_WORDS = -(-DESCRIPTOR_BITS // 32)

FRONTS = {"normalised window": 0, "GASF image": 1}  # who makes an array's input
UNSIGNED, SIGNED, LOGITS = range(3)  # kinds of output: uint8 with ReLU, int8, int16 that leave the array
LESS_ONE = ("stride_x", "stride_y", "pool_chunks", "load_taps")  # stored as one less


@dataclass(frozen=True)
class Descriptor:
    """One operation. Addresses and strides count bytes and wrap at 2^17; the input is ``[channel][row][x]`` by strides.

    Input: ``in_base`` where the first tap of the first position lies, or would lie where that is padding (+ half the input region
    in every second window where ``input``); ``in_chan``, ``in_row`` strides of a tap's channel and row; ``in_block`` what a block
    adds. ``width``, ``height``: beyond them the input is 0. ``taps_c x taps_y x taps_x`` taps, ``pad_x``,
    ``pad_y`` before the first position, ``stride_x``, ``stride_y`` 1 or 2. ``in_signed``: input bytes are int8.

    Where ``windows``, each group has inputs of its own: group g reads ``g * in_group`` (channels of taps from the second on:
    ``g * other_group``) further on. ``taps_x`` counts loads then, each of :data:`WINDOW_TAPS` taps, the last one of
    ``load_taps``. ``plane`` is not 0 where a plane of rows of 2^plane bytes is one flat row: the three taps of a row of the kernel
    leave out what lies in the row before or behind; ``in_row`` advances along the flat row. A group has 1 or 4 planes
    (``slots``; 4 of 2 x 2, flat behind each other).

    Gates: where ``gated``, an input is multiplied by a byte of the gate memory and rounded to a 256th. Tap channel c of a
    convolution has gate ``gate_first + c * gate_step``; with windows or ``single``, channel k has gate ``gate_first + k *
    gate_step`` in the first tap channel, others have none. ``to_gates``: what a (single) channel puts out goes to the gate
    memory, too, from 0 on.

    Output: ``out_w x out_h`` positions, of which every second one in x where ``drop_x``, and of a flat plane's rows every second
    one where ``drop_y``, are dropped; ``out_base``, ``out_chan``, ``out_row`` where results go; ``channels`` of them, all in
    groups x slots a block, or one a block where ``single``; with windows, groups of them, each of ``slots`` planes. Where
    ``shared``, all blocks have the parameters of the first. ``slots`` 1, 2 or 4 channels a group. ``largest``: each pass looks a
    row further on than the one before, and they are combined by their maximum, not their sum. ``bias_shift``: bias counts
    2^bias_shift. Pool along x over ``pool_chunks`` (1 or 2) times ``pool_stride`` positions, and one more where ``pool_rest``;
    ``pool_pad``: a zero stands before a row; ``pool_mean``: not the maximum but the rounded mean of two. ``kind`` of output.
    ``table``: 0, or 1 + number of the table that outputs look up (of one channel).

    Means: of the first ``mean_blocks`` blocks, each channel's mean, clip(round(``mean_alpha`` * sum of what was put out /
    2^``mean_shift``)), is written to ``mean_base`` + channel * ``mean_step``.

    Time: ``period``: least cycles of a pass; ``delay``: cycles that the operation waits for what came before. ``end``: of the
    program.
    """

    in_base: int = 0
    in_chan: int = 0
    in_block: int = 0
    in_group: int = 0
    other_group: int = 0
    in_row: int = 0
    width: int = 1
    height: int = 1
    taps_c: int = 1
    taps_y: int = 1
    taps_x: int = 1
    load_taps: int = 1
    plane: int = 0
    pad_x: int = 0
    pad_y: int = 0
    stride_x: int = 1
    stride_y: int = 1
    out_w: int = 1
    out_h: int = 1
    drop_x: int = 0
    drop_y: int = 0
    out_base: int = 0
    out_chan: int = 0
    out_row: int = 0
    channels: int = 1
    windows: int = 0
    single: int = 0
    shared: int = 0
    slots: int = 1
    largest: int = 0
    bias_shift: int = 0
    pool_stride: int = 1
    pool_chunks: int = 1
    pool_rest: int = 0
    pool_pad: int = 0
    pool_mean: int = 0
    kind: int = UNSIGNED
    in_signed: int = 0
    table: int = 0
    to_gates: int = 0
    gated: int = 0
    gate_first: int = 0
    gate_step: int = 0
    mean_blocks: int = 0
    mean_base: int = 0
    mean_step: int = 0
    mean_alpha: int = 0
    mean_shift: int = 0
    period: int = LEAST_PERIOD
    delay: int = 0
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
        if self.kind > LOGITS or (self.kind == LOGITS and (self.pool, self.table, self.out_w, self.out_h) != (1, 0, 1, 1)):
            raise PopbeatError("logits are neither pooled nor looked up, and have one position")
        if self.kind == LOGITS and (self.slots == 4 or self.windows):
            raise PopbeatError("logits leave one or two channels a group")
        if (self.table or self.to_gates) and (self.channels > 1 or self.windows or self.slots > 1 or self.mean_blocks):
            raise PopbeatError("a table and the gate memory take one channel, without its mean")
        if self.windows and (
            self.taps_c > 2 or self.single or self.stride_x > 1 or self.slots == 2 or (self.slots == 4 and self.plane != 1)
        ):
            raise PopbeatError("windows have stride 1 along x, one or two operands, and one plane a group or four of 2 x 2")
        if (self.pool_mean or self.pool_pad or self.gated) and (self.kind != UNSIGNED if not self.gated else self.in_signed):
            raise PopbeatError("uint8 alone is gated, padded before a pool and averaged in it")
        if self.pool_pad and self.pool_stride == 1:
            raise PopbeatError("a pool is padded where its stride is 2 or more")
        if self.pool_mean and (self.pool_stride, self.pool_chunks, self.pool_rest, self.pool_pad) != (2, 1, 0, 0):
            raise PopbeatError("the mean in a pool is that of two")

    def encoded(self, name: str) -> int:
        """A field's bits as stored: some less one, slots as a power of two."""
        value = getattr(self, name)
        if name in LESS_ONE:
            return value - 1
        if name == "slots":
            return {1: 0, 2: 1, 4: 2}.get(value, value)
        return value

    @property
    def loads(self) -> int:
        """Inputs that are read for a pass: one a tap, with windows one for up to 8 of them."""
        return self.taps_c * self.taps_y * self.taps_x

    @property
    def taps(self) -> int:
        """Additions of a lane in a pass."""
        return self.taps_c * self.taps_y * (WINDOW_TAPS * (self.taps_x - 1) + self.load_taps) if self.windows else self.loads

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

    def slot_cycles(self, groups: int) -> int:
        """Cycles of a load: with windows all groups take their turn, and the taps of the load before have time."""
        return max(groups, WINDOW_TAPS) if self.windows else 1

    def pass_cycles(self, groups: int) -> int:
        """Cycles of a pass."""
        return max(self.loads * self.slot_cycles(groups), self.period)

    def mean_cycles(self, groups: int) -> int:
        """Cycles after a block in which its means are made and what came before is written."""
        return max(LEAST_PERIOD, self.rows(groups))

    def rows(self, groups: int) -> int:
        """Channels of a block; with windows, groups of planes."""
        return 1 if self.single else groups if self.windows else groups * self.slots

    def blocks(self, groups: int) -> int:
        """Number of blocks."""
        return -(-self.channels // self.rows(groups))

    def lines(self, groups: int) -> int:
        """Rows of weights of a block."""
        return groups * self.slots

    def channel_of(self, groups: int) -> np.ndarray:
        """Channel within its block of each row of weights ``int64[lines]``: row slot * groups + group; a row that a block of one
        channel lacks is -1."""
        lines = np.arange(self.lines(groups))
        if self.single:
            return np.where(lines == 0, 0, -1)
        return lines % groups * self.slots + lines // groups if self.windows else lines

    @property
    def planes(self) -> int:
        """Channels that have parameters of their own in a row of the writer."""
        return self.slots if self.windows else 1

    def kept(self) -> np.ndarray:
        """Positions of a row that are not dropped."""
        x = np.arange(self.out_w)
        return x[(x & self.drop_x) == 0] if not self.drop_y else x[((x & self.drop_x) == 0) & (x >> self.plane & 1 == 0)]

    def results(self) -> np.ndarray:
        """Results that each tile of a row makes ``int64[tiles]``; with four planes a group, of each."""
        kept = self.kept()
        before = np.searchsorted(kept, np.arange(self.tiles + 1) * self.positions) + self.pool_pad
        return np.diff(np.where(before >= self.pool, (before - self.pool) // self.pool_stride + 1, 0))

    def words(self) -> list[int]:
        """The descriptor as 32-bit words."""
        value, place = 0, 0
        for name, bits in FIELDS.items():
            value |= self.encoded(name) << place
            place += bits
        return [(value >> (32 * i)) & 0xFFFFFFFF for i in range(DESCRIPTOR_WORDS)]


@dataclass(frozen=True)
class Operation:
    """A descriptor with its parameters. ``weights``: per block ``int8[passes, channels of a block, taps]`` of -1 and +1;
    ``alphas``: per block ``int64[passes, channels of a block]``; ``bias``, ``shift``: ``int64[channels]``. Channels of a block
    beyond the last have alpha 0. With windows each of the descriptor's channels is ``slots`` of these. ``name`` is for the
    listing."""

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
    """Operations in their order, look-up tables ``uint8[n, 256]``, for an array of ``groups``; ``classes`` logits leave it.
    A window has ``samples`` of int8, made by the front end number ``front`` (:data:`FRONTS`)."""

    groups: int
    operations: tuple[Operation, ...]
    tables: np.ndarray = field(default_factory=lambda: np.zeros((0, 256), np.uint8))
    samples: int = 3600
    front: int = 0

    def __post_init__(self):
        for op in self.operations:
            rows, taps = op.descriptor.rows(self.groups) * op.descriptor.planes, op.descriptor.taps
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
        places = d.channel_of(groups)
        there = places >= 0
        for number, (block, alpha) in enumerate(zip(op.weights[:stored], op.alphas[:stored], strict=True)):
            # Row slot * groups + group; a word holds 4, 2 or 1 taps of all rows.
            lines = d.lines(groups)
            padded = -(-d.taps * lines // (SLOTS * groups)) * SLOTS * groups
            bits = np.zeros((len(block), padded // lines, lines), np.uint8)
            bits[:, : d.taps, there] = (block[:, places[there]] > 0).transpose(0, 2, 1)
            weights.append(np.packbits(bits.reshape(len(block), -1), axis=1, bitorder="little").reshape(-1, SLOTS * groups // 8))
            full = np.zeros((len(block), lines), np.uint8)
            full[:, there] = alpha[:, places[there]]
            alphas.append(full.reshape(-1, groups))
            words = np.zeros((lines, 3), np.uint8)
            at = number * d.rows(groups) * d.planes + places
            there = (places >= 0) & (at < len(op.bias))
            words[there, 0] = op.bias[at[there]] & 0xFF
            words[there, 1] = (op.bias[at[there]] >> 8) & 0xFF
            words[there, 2] = op.shift[at[there]]
            channels.append(words.reshape(d.slots, groups * 3))
            there = places >= 0
    return {
        "program": np.array(descriptors, "<u4").view(np.uint8).reshape(-1, 4),
        "passes": np.array(passes, np.uint8).reshape(-1, 1),
        "weights": np.concatenate(weights),
        "alphas": np.concatenate(alphas),
        "channels": np.concatenate(channels),
        "tables": program.tables.reshape(-1, 1),
    }


def image(program: Program) -> bytes:
    """What is loaded to run a program (:func:`pack`)."""
    return pack(program, dict(enumerate(sections(program).values())), cycles(program))


def pack(program: Program, numbered: dict[int, np.ndarray], limit: int) -> bytes:
    """Magic, version, groups, length of the body (u32), samples of a window (u16), front end (u8), 0, the program's cycles
    (``limit``, u32, below 2^24), the body, CRC-32 of all before. The body holds the sections: number (u8), words (u24), the words.
    All little-endian. The first eight bytes never come again in it: they tell a loader that an image begins."""
    body = b""
    for number, words in numbered.items():
        body += struct.pack("<I", number | len(words) << 8) + words.tobytes()
    begin = MAGIC + struct.pack("<HH", VERSION, program.groups)
    data = begin + struct.pack("<IHBBI", len(body), program.samples, program.front, 0, limit) + body
    data += struct.pack("<I", zlib.crc32(data))
    if limit >> LIMIT_BITS or data.count(begin) != 1:
        raise PopbeatError(
            f"the network can't be loaded: its program takes {limit:,} cycles (below {1 << LIMIT_BITS:,} can be said), and "
            f"the bytes that begin an image occur {data.count(begin)} times in it"
        )
    return data


def descriptor_cycles(d: Descriptor, groups: int, passes: int) -> int:
    """Cycles in which an operation whose blocks have so many passes in all reads its inputs and makes its means."""
    return passes * d.tiles * d.out_h * d.pass_cycles(groups) + min(d.mean_blocks, d.blocks(groups)) * d.mean_cycles(groups)


def least_period(d: Descriptor, groups: int, passes: int) -> int:
    """Cycles that a pass needs at least, so that a tile's results are written before the next ones come: the writer takes a row of
    a channel a cycle."""
    return max(LEAST_PERIOD, -(-min(d.rows(groups), d.channels) // passes))


def operation_cycles(op: Operation, groups: int) -> int:
    """Cycles of an operation, exact: its wait, and what it reads."""
    d = op.descriptor
    return SETUP_CYCLES + d.delay + descriptor_cycles(d, groups, sum(op.passes))


def end_cycles(op: Operation, groups: int) -> int:
    """Cycles from the last read of the last operation to its last logit, exact."""
    d = op.descriptor
    slot, group = divmod((d.channels - 1) % d.rows(groups), groups)
    return d.slot_cycles(groups) + LOGIT_CYCLES + slot * d.positions + group


def cycles(program: Program) -> int:
    """Cycles of a program, exact: from the cycle that starts it to the one that says it is done."""
    groups = program.groups
    work = sum(operation_cycles(op, groups) for op in program.operations)
    return START_CYCLES + work + end_cycles(program.operations[-1], groups)
