"""The multi-bit array in numpy: runs a layer program on a memory of bytes, integer for integer what the gateware does."""

from dataclasses import dataclass, field

import numpy as np

from sw.export.array.program import (
    GATE_SHIFT,
    GATES,
    LANES,
    LOGIT_BITS,
    LOGITS,
    SUM_BITS,
    TOTAL_BITS,
    UNSIGNED,
    WINDOW_TAPS,
    Descriptor,
    Operation,
    Program,
)
from sw.export.rounding import saturate

ADDRESS_BITS = 17
ADDRESSES = 1 << ADDRESS_BITS


@dataclass
class Run:
    """A program's outcome for n windows: ``memory`` ``uint8[n, bytes]`` and ``gates`` ``uint8[n, GATES]`` at its end, ``written``
    for each operation the addresses that it wrote ``int64[count]`` and the bytes ``uint8[n, count]``, ``logits``
    ``int64[n, classes]``."""

    memory: np.ndarray
    gates: np.ndarray
    logits: np.ndarray | None = None
    written: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)


def shift_round(value: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """``value / 2**shift`` to the nearest integer, halves away from zero; ``shift`` >= 0."""
    doubled = 2 * np.asarray(value, np.int64)
    return ((doubled - (doubled < 0) >> shift) + 1) >> 1


def _wrap(value: np.ndarray, bits: int) -> np.ndarray:
    """The lower bits, in two's complement."""
    half = 1 << (bits - 1)
    return ((value + half) & ((1 << bits) - 1)) - half


@dataclass(frozen=True)
class Loads:
    """What an operation reads for a pass, without the base of block, pass, row and tile. In the order of the loads: ``address``
    ``int64[loads, groups or 1, bytes]`` and ``there``, likewise: is it no padding; ``gate`` ``int64[loads, groups or 1]``, -1 for
    none."""

    address: np.ndarray
    there: np.ndarray
    gate: np.ndarray


def loads(d: Descriptor, groups: int, block: int, y: int, x0: int, number: int = 0) -> Loads:
    """The reads of pass ``number`` of a tile; ``address`` counts from where the first byte of the first load lies."""
    c, ky, kx = (v.reshape(-1, 1, 1) for v in np.meshgrid(*map(np.arange, (d.taps_c, d.taps_y, d.taps_x)), indexing="ij"))
    group = np.arange(groups if d.windows else 1)[None, :, None]
    step = WINDOW_TAPS if d.windows else 1
    byte = np.arange(LANES + WINDOW_TAPS - 1 if d.windows else d.positions)[None, None, :] * d.stride_x
    x = x0 * d.stride_x - d.pad_x + step * kx + byte + (d.in_row * ky if d.plane else 0)
    row = y * d.stride_y - d.pad_y + (0 if d.plane else ky) + number * d.largest
    first = c == 0
    channel = block * groups + group if d.windows else block + 0 * group
    if d.windows:
        apart = np.where(first, 0, d.in_chan + block * groups * (d.other_group - d.in_group)) + group * np.where(
            first, d.in_group, d.other_group
        )
    else:
        apart = c * d.in_chan
    if d.windows or d.single:
        gate = np.where(first & (d.gated == 1), d.gate_first + channel * d.gate_step, -1)
    else:
        gate = np.where(d.gated == 1, d.gate_first + c * d.gate_step, -1) + 0 * group
    address = apart + (ky + number * d.largest) * d.in_row + step * kx + byte
    there = (x >= 0) & (x < d.width) & (row >= 0) & (row < d.height)
    return Loads(address, np.broadcast_to(there, address.shape), np.broadcast_to(gate, (*address.shape[:2], 1))[..., 0])


def lane_masks(d: Descriptor) -> np.ndarray:
    """Which lanes take part in a tap of a flat plane ``bool[ky, kx, lanes]``."""
    lane = np.arange(LANES)
    side = 1 << d.plane
    masks = np.ones((d.taps_y, d.load_taps, LANES), bool)
    if d.plane:
        masks[:, 0, lane % side == 0] = False
        masks[:, 2:3, lane % side == side - 1] = False
        if d.slots == 4:
            masks[0, :, lane >> d.plane & 1 == 0] = False
            masks[2:3, :, lane >> d.plane & 1 == 1] = False
    return masks


def _inputs(run: Run, d: Descriptor, groups: int, base: int, block: int, y: int, x0: int, number: int) -> np.ndarray:
    """Inputs of a pass ``int64[n, taps, groups or 1, positions]``; 0 beyond the ends."""
    reads = loads(d, groups, block, y, x0, number)
    values = run.memory[:, (base + reads.address) % ADDRESSES % run.memory.shape[1]].astype(np.int64)
    if d.in_signed:
        values = np.where(values > 127, values - 256, values)
    if d.gated:
        gates = run.gates[:, reads.gate % GATES].astype(np.int64)[..., None]
        values = np.where(reads.gate[..., None] >= 0, shift_round(values * gates, GATE_SHIFT), values)
    values = np.where(reads.there, values, 0)
    if not d.windows:
        return values
    taps = []
    masks = lane_masks(d)
    for number in range(d.loads):
        kx, ky = number % d.taps_x, number // d.taps_x % d.taps_y
        for tap in range(d.load_taps if kx == d.taps_x - 1 else WINDOW_TAPS):
            seen = values[:, number, :, tap : tap + LANES]
            taps.append(np.where(masks[ky, tap], seen, 0) if d.plane else seen)
    return np.stack(taps, axis=1)


def _pool(values: np.ndarray, d: Descriptor) -> np.ndarray:
    """Pool ``[..., kept]`` along its last axis."""
    if d.pool_pad:
        values = np.concatenate([np.zeros_like(values[..., :1]), values], axis=-1)
    starts = np.arange(max((values.shape[-1] - d.pool) // d.pool_stride + 1, 0)) * d.pool_stride
    views = np.stack([values[..., starts + k] for k in range(d.pool)])
    return views.sum(axis=0) + 1 >> 1 if d.pool_mean else views.max(axis=0)


def _clip(total: np.ndarray, d: Descriptor, shift: np.ndarray) -> np.ndarray:
    rounded = shift_round(total, shift)
    if d.kind == LOGITS:
        return saturate(rounded, LOGIT_BITS)
    return np.clip(rounded, 0, 255) if d.kind == UNSIGNED else saturate(rounded, 8)


def _tile(run: Run, op: Operation, groups: int, base: int, block: int, y: int, x0: int) -> np.ndarray:
    """Results of a tile before the pool ``int64[n, channels, positions]``."""
    d = op.descriptor
    rows = d.rows(groups) * d.planes
    here = slice(block * rows, (block + 1) * rows)
    bias, shift = (op.bias[here] << d.bias_shift)[:, None], op.shift[here][:, None]
    count, total = len(op.bias[here]), None
    # Rows of weights to groups and lanes: with windows a channel has a group, or four have one.
    for number, (weights, alphas) in enumerate(zip(op.weights[block], op.alphas[block], strict=True)):
        x = _inputs(run, d, groups, base, block, y, x0, number)
        weights = weights[:count].astype(np.int64)
        if d.windows:
            x = x.reshape(*x.shape[:2], groups * d.planes, LANES // d.planes)[:, :, :count]
            sums = np.einsum("ct,ntcp->ncp", weights, x)
        else:
            sums = np.einsum("ct,ntp->ncp", weights, x[:, :, 0])
        product = alphas[:count, None] * _wrap(sums, SUM_BITS)
        if total is None:
            total = product + (0 if d.largest else bias)
        else:
            total = np.maximum(total, product) if d.largest else total + product
        total = _wrap(total, TOTAL_BITS)
    return _clip(total, d, shift)


def _operate(run: Run, op: Operation, tables: np.ndarray, groups: int, half: int) -> None:
    d, n = op.descriptor, len(run.memory)
    outputs = np.zeros((n, d.channels * d.planes, d.out_h, d.out_w), np.int64)
    rows = d.rows(groups) * d.planes
    for block in range(len(op.weights)):
        for y in range(d.out_h):
            for x0 in range(0, d.out_w, d.positions):
                base = d.in_base + half * d.input + block * d.in_block + y * d.stride_y * d.in_row + x0 * d.stride_x
                made = _tile(run, op, groups, base, block, y, x0)[..., : d.out_w - x0]
                outputs[:, block * rows : block * rows + made.shape[1], y, x0 : x0 + made.shape[2]] = made
    if d.kind == LOGITS:
        run.logits = outputs.reshape(n, -1)
        run.written.append((np.zeros(0, np.int64), np.zeros((n, 0), np.uint8)))
        return
    pooled = _pool(outputs[..., d.kept()], d)
    if d.table:
        pooled = tables[d.table - 1].astype(np.int64)[pooled & 0xFF]
    stored = pooled.reshape(n, d.channels, d.planes, *pooled.shape[2:])
    channel, plane, row, x = np.meshgrid(*map(np.arange, stored.shape[1:]), indexing="ij")
    address = d.out_base + channel * d.out_chan + plane * pooled.shape[3] + row * d.out_row + x
    writes = [(address.reshape(-1), stored.reshape(n, -1))]
    if d.mean_blocks:
        some = np.arange(min(d.channels, d.mean_blocks * d.rows(groups)))
        means = _clip(d.mean_alpha * _wrap(pooled.sum(axis=(2, 3))[:, some], SUM_BITS), d, np.int64(d.mean_shift))
        writes.append((d.mean_base + some * d.mean_step, means))
    if d.to_gates:
        flat = pooled.reshape(n, -1)
        run.gates[:, np.arange(flat.shape[1]) % GATES] = flat & 0xFF
    address = np.concatenate([a for a, _ in writes]) % ADDRESSES
    values = np.concatenate([v for _, v in writes], axis=1).astype(np.uint8)
    run.memory[:, address % run.memory.shape[1]] = values
    run.written.append((address, values))


def run(program: Program, memory: np.ndarray, half: int = 0, gates: np.ndarray | None = None) -> Run:
    """Run a program on ``uint8[n, bytes]`` and, from a program before, ``gates``; ``half`` is what an ``input`` operation adds to
    its base (second half of the input region or not). Largest-combined totals take no bias."""
    out = Run(memory.copy(), np.zeros((len(memory), GATES), np.uint8) if gates is None else gates.copy())
    for op in program.operations:
        _operate(out, op, program.tables, program.groups, half)
    return out
