"""In which cycle an operation reads and writes each byte, and how long it has to wait for those before.

The array reads ahead: the next operation begins while the results of this one are still on their way. Nothing in the array holds it
back, so the compiler works out the least ``delay`` with which no byte is read before it is written.
"""

from dataclasses import dataclass, replace

import numpy as np

from sw.errors import PopbeatError
from sw.export.array.machine import ADDRESSES, Loads, loads
from sw.export.array.program import (
    APART_CYCLES,
    FIELDS,
    GATE_CYCLES,
    GATES,
    HOLD_CYCLES,
    LOGITS,
    SETUP_CYCLES,
    WRITE_CYCLES,
    Operation,
    descriptor_cycles,
)


@dataclass(frozen=True)
class Traffic:
    """What an operation does in which cycle, counted from its first read; addresses and cycles of the bytes that it ``reads``, of
    those that it has written (``writes``: the first cycle in which a read sees them), and of gates likewise; ``first_pass``: cycle
    in which the first pass has been read; ``jobs``: first and last cycle in which the writer is at work, from the end of passes."""

    reads: tuple[np.ndarray, np.ndarray]
    writes: tuple[np.ndarray, np.ndarray]
    gate_reads: tuple[np.ndarray, np.ndarray]
    gate_writes: tuple[np.ndarray, np.ndarray]
    first_pass: int
    jobs: tuple[int, int] | None


def _joined(parts: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    if not parts:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    return tuple(np.concatenate([np.asarray(p[i], np.int64).reshape(-1) for p in parts]) for i in (0, 1))


def _reads(seen: Loads, base: int, start: int, turn: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Addresses and cycles of a pass, and gates: of all groups, those that have no channel as well."""
    cycle = start + turn * np.arange(seen.address.shape[0])[:, None] + np.arange(seen.address.shape[1])
    cycles, gated = np.broadcast_to(cycle[..., None], seen.there.shape), seen.gate >= 0
    return (base + seen.address[seen.there]) % ADDRESSES, cycles[seen.there], seen.gate[gated] % GATES, cycle[gated]


def traffic(op: Operation, groups: int) -> Traffic:
    """Every byte's cycle."""
    d = op.descriptor
    turn, period, rows = d.slot_cycles(groups), d.pass_cycles(groups), d.rows(groups)
    results, cycle, first_job, last_job = d.results(), 0, None, 0
    across = np.concatenate([[0], np.cumsum(results)])
    reads, writes, gate_reads, gate_writes = [], [], [], []
    for block, passes in enumerate(op.passes):
        left = min(rows, d.channels - block * rows)
        row = np.arange(left)
        for y in range(d.out_h):
            for tile, x0 in enumerate(range(0, d.out_w, d.positions)):
                base = d.in_base + block * d.in_block + y * d.stride_y * d.in_row + x0 * d.stride_x
                for number in range(passes if d.largest else 1):
                    seen = loads(d, groups, block, y, x0, number)
                    found = _reads(seen, base, cycle + number * period, turn)
                    reads.append(found[:2])
                    gate_reads.append(found[2:])
                cycle += passes * period
                if not results[tile] or d.kind == LOGITS:
                    continue
                place = d.out_base + (block * rows + row) * d.out_chan + y * d.out_row + across[tile]
                at = cycle - 1 + turn + row
                bytes_ = np.arange(results[tile] * d.planes)
                writes.append((place[:, None] + bytes_, np.broadcast_to(at[:, None] + WRITE_CYCLES, (left, len(bytes_)))))
                if d.to_gates:
                    gate_writes.append((across[tile] + bytes_, cycle - 1 + turn + GATE_CYCLES + d.positions - 1 + 0 * bytes_))
                first_job = cycle - 1 + turn if first_job is None else first_job
                last_job = int(at[-1])
        if block < d.mean_blocks:
            cycle += d.mean_cycles(groups)
            at = cycle - 1 + turn + row
            writes.append((d.mean_base + (block * rows + row) * d.mean_step, at + WRITE_CYCLES))
            last_job = int(at[-1])
    assert cycle == descriptor_cycles(d, groups, sum(op.passes))
    writes, gate_writes = _joined(writes), _joined(gate_writes)
    return Traffic(
        _joined(reads),
        (writes[0] % ADDRESSES, writes[1]),
        _joined(gate_reads),
        (gate_writes[0] % GATES, gate_writes[1]),
        period - 1 + turn,
        None if first_job is None else (first_job, last_job),
    )


def delayed(operations: list[Operation], groups: int, memory: int) -> list[Operation]:
    """The operations of a program with their least delays. A byte that none has written is there from the start."""
    ready, gates = np.zeros(memory, np.int64), np.zeros(GATES, np.int64)
    out, earliest, hold, writer, last = [], 0, 0, 0, -APART_CYCLES
    for op in operations:
        seen = traffic(op, groups)
        d, cycles = op.descriptor, descriptor_cycles(op.descriptor, groups, sum(op.passes))
        # Sums are copied before the next one's first tap, and taken by the post-processing one operation after the other.
        start = max(earliest, hold, last + 1 - d.slot_cycles(groups), last + APART_CYCLES - seen.first_pass)
        if d.kind == LOGITS:  # the end of the program, and of all that it writes
            start = max(start, int(ready.max()) - cycles)
        for (address, cycle), when in ((seen.reads, ready), (seen.gate_reads, gates)):
            if len(address):
                start = max(start, int((when[address % len(when)] - cycle).max()))
        if seen.jobs:
            start = max(start, writer - seen.jobs[0])
            writer = start + seen.jobs[1] + 1
        for (address, cycle), when in ((seen.writes, ready), (seen.gate_writes, gates)):
            when[address % len(when)] = start + cycle
        if start - earliest >= 1 << FIELDS["delay"]:
            raise PopbeatError(f"{op.name} waits for {start - earliest} cycles, which its descriptor has no room for")
        out.append(replace(op, descriptor=replace(d, delay=start - earliest)))
        hold = start + seen.first_pass + HOLD_CYCLES
        last = start + cycles - 1 + d.slot_cycles(groups)
        earliest = start + cycles + SETUP_CYCLES
    return out
