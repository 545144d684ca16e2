"""The multi-bit array in numpy: runs a layer program on a memory of bytes, integer for integer what the gateware does."""

from dataclasses import dataclass, field

import numpy as np

from sw.export.array.program import LOGIT_BITS, LOGITS, SUM_BITS, TOTAL_BITS, UNSIGNED, Descriptor, Operation, Program
from sw.export.rounding import saturate

ADDRESS_BITS = 17


@dataclass
class Run:
    """A program's outcome for n windows: ``memory`` ``uint8[n, bytes]`` at its end, ``written`` for each operation the addresses
    that it wrote ``int64[count]`` in their order and the bytes ``uint8[n, count]``, ``logits`` ``int64[n, classes]``."""

    memory: np.ndarray
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


def _inputs(memory: np.ndarray, d: Descriptor, base: int, y: int, x0: int) -> np.ndarray:
    """Inputs of a pass ``int64[n, taps, positions]``; 0 beyond the ends."""
    c, ky, kx = np.meshgrid(np.arange(d.taps_c), np.arange(d.taps_y), np.arange(d.taps_x), indexing="ij")
    row = y * d.stride_y - d.pad_y + ky
    x = (x0 * d.stride_x - d.pad_x + kx)[..., None] + np.arange(d.positions) * d.stride_x
    address = base + (c * d.in_chan + (row + d.pad_y) * d.in_row)[..., None] + x + d.pad_x
    there = (x >= 0) & (x < d.width) & ((row >= 0) & (row < d.height))[..., None]
    address = (address & ((1 << ADDRESS_BITS) - 1)).reshape(d.taps, d.positions)
    there = there.reshape(d.taps, d.positions)
    values = np.zeros((len(memory), d.taps, d.positions), np.int64)
    values[:, there] = memory[:, address[there]]
    return np.where(values > 127, values - 256, values) if d.in_signed else values


def _pool(values: np.ndarray, d: Descriptor) -> np.ndarray:
    """Pool ``[..., out_w]`` along its last axis."""
    count = (d.out_w - d.pool) // d.pool_stride + 1
    starts = np.arange(max(count, 0)) * d.pool_stride
    return np.stack([values[..., starts + k] for k in range(d.pool)]).max(axis=0)


def _finish(total: np.ndarray, d: Descriptor, shift: np.ndarray) -> np.ndarray:
    rounded = shift_round(total, shift)
    if d.kind == LOGITS:
        return saturate(rounded, LOGIT_BITS)
    return np.clip(rounded, 0, 255) if d.kind == UNSIGNED else saturate(rounded, 8)


def _operate(run: Run, op: Operation, tables: np.ndarray, groups: int, half: int) -> None:
    d, memory = op.descriptor, run.memory
    rows, mask = d.rows(groups), (1 << ADDRESS_BITS) - 1
    outputs = np.zeros((len(memory), d.channels, d.out_h, d.out_w), np.int64)
    source = memory.copy()  # what an operation writes it does not read
    for block, (weights, alphas) in enumerate(zip(op.weights, op.alphas, strict=True)):
        count = min(rows, d.channels - block * rows)
        here = slice(block * rows, block * rows + count)
        bias, shift = (op.bias[here] << d.bias_shift)[:, None], op.shift[here][:, None]
        for y in range(d.out_h):
            for x0 in range(0, d.out_w, d.positions):
                total = None
                for number in range(len(weights)):
                    base = d.in_base + half * d.input + block * d.in_block + number * d.in_pass
                    x = _inputs(source, d, base, y, x0)
                    sums = _wrap(weights[number, :count].astype(np.int64) @ x, SUM_BITS)
                    alpha = alphas[number, :count][:, None]
                    if d.alpha_memory:
                        place = (d.alpha_base + block * d.out_h + y + number * d.alpha_pass) & mask
                        alpha = source[:, place].astype(np.int64)[:, None, None]
                        alpha = np.where(alpha > 127, alpha - 256, alpha) if d.in_signed else alpha
                    product = alpha * sums
                    if total is None:
                        total = product + (0 if d.largest else bias)
                    else:
                        total = np.maximum(total, product) if d.largest else total + product
                    total = _wrap(total, TOTAL_BITS)
                values = _finish(total, d, shift)
                width = min(d.positions, d.out_w - x0)
                outputs[:, here, y, x0 : x0 + width] = values[..., :width]
    if d.kind == LOGITS:
        run.logits = outputs.reshape(len(memory), -1)
        run.written.append((np.zeros(0, np.int64), np.zeros((len(memory), 0), np.uint8)))
        return
    pooled = _pool(outputs, d)
    stored = (pooled & 0xFF).astype(np.uint8)
    if d.table:
        stored = tables[d.table - 1][stored]
    channel, row, x = np.meshgrid(*map(np.arange, pooled.shape[1:]), indexing="ij")
    address = (d.out_base + channel * d.out_chan + row * d.out_row + x) & mask
    memory[:, address.reshape(-1)] = stored.reshape(len(memory), -1)
    run.written.append((address.reshape(-1), stored.reshape(len(memory), -1)))


def run(program: Program, memory: np.ndarray, half: int = 0) -> Run:
    """Run a program on ``uint8[n, bytes]``; ``half`` is what an ``input`` operation adds to its base (second half of the input
    region or not). Largest-combined totals take no bias."""
    out = Run(memory.copy())
    for op in program.operations:
        _operate(out, op, program.tables, program.groups, half)
    return out
