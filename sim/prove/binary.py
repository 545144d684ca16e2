"""The binary engine's parts: popcount, pool, thresholds, credits, and the queue of columns."""

from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Cat, Const, Mux, Signal, Value, unsigned

from hw.binary import columns, pool, popcount, sequencer, threshold
from sim.prove.faults import Fault
from sim.prove.history import history
from sim.prove.scene import Inside, Property, Scene
from sim.prove.scoreboard import Slot, keeps_order, moves_on
from sw.networks import POOL

# A pool counts groups in a signal that has no name of its own.
GROUP = "$signal"


def largest(values: list[Value]) -> Value:
    """The largest of unsigned values."""
    best = values[0]
    for value in values[1:]:
        best = Mux(value > best, value, best)
    return best


def counts_bits(width: int):
    """A popcount of ``width`` bits against the plain sum of its bits."""

    def build(scene: Scene) -> None:
        part = popcount.Popcount(popcount.PopcountParams(width))
        scene.add(part)
        bits = scene.free(width, "bits")
        scene.m.d.comb += part.i.eq(bits)
        late, latency = bits, part.params.latency
        for k in range(latency):
            before, late = late, Signal(width, name=f"late{k}", reset_less=True)
            scene.m.d.sync += late.eq(before)
        full = Signal(range(latency + 1))
        with scene.m.If(full != latency):
            scene.m.d.sync += full.eq(full + 1)
        scene.claim((full != latency) | (part.o == sum(late)))

    return build


@dataclass(frozen=True)
class _Kept:
    """What a pool keeps of the group whose turn comes as the ``turn``-th: a single position or a pair, and two pairs."""

    first: Value
    second: Value
    third: Value


def _kept(inside: Inside, p: pool.PoolParams, turn: int) -> _Kept:
    word = inside["kept"][3 * p.bits * turn :]
    return _Kept(*(word[k * p.bits : (k + 1) * p.bits] for k in range(3)))


def pool_of_bits(scene: Scene) -> None:
    """A pool of bits beside a pool of the counts that they are made of: bit = count >= limit."""
    bits, groups = 3, 2
    limit = scene.constant(bits, "limit")
    scene.suppose(limit != 0)
    of_bits, of_counts = (pool.Pool(pool.PoolParams(9, groups, 1, width)) for width in (1, bits))
    small, large = scene.add(of_bits, "bits"), scene.add(of_counts, "counts")
    valid, count = scene.free(1, "valid"), scene.free(bits, "count")
    scene.m.d.comb += [
        of_bits.i.valid.eq(valid),
        of_counts.i.valid.eq(valid),
        of_bits.i.payload[0].eq(count >= limit),
        of_counts.i.payload[0].eq(count),
    ]
    offered, bit = scene.before(of_bits.o.valid, "offered"), scene.before(of_bits.o.payload, "bit")
    scene.claim(offered == of_counts.o.valid)
    scene.claim(~offered | (bit == (of_counts.o.payload[0] >= limit)))
    # What both keep agrees, place by place.
    for one, many in zip(inside_places(small, of_bits.params), inside_places(large, of_counts.params), strict=True):
        scene.claim(one == (many >= limit))
    scene.claim((small["position"] == large["position"]) & (small[GROUP] == large[GROUP]))


def inside_places(inside: Inside, p: pool.PoolParams) -> list[Value]:
    """All that a pool keeps, place by place."""
    return [inside["kept"][k * p.bits : (k + 1) * p.bits] for k in range(3 * p.groups * p.pe)]


def pool_of_window(bits: int):
    """A pool against the largest of the last seven positions."""

    def build(scene: Scene) -> None:
        positions, groups = 9, 2
        part = pool.Pool(pool.PoolParams(positions, groups, 1, bits))
        inside = scene.add(part)
        scene.drive(part.i.valid, part.i.payload)
        value = Value.cast(part.i.payload)
        past = history(scene, value, part.i.valid, POOL * groups, "past")
        group, position = Signal(range(groups)), Signal(range(positions))
        with scene.m.If(part.i.valid):
            scene.m.d.sync += group.eq(Mux(group == groups - 1, 0, group + 1))
            with scene.m.If(group == groups - 1):
                scene.m.d.sync += position.eq(Mux(position == positions - 1, 0, position + 1))
        scene.claim((inside[GROUP] == group) & (inside["position"] == position))
        ends = part.i.valid & ~position[0] & (position >= POOL - 1)
        best = largest([value, *(past[groups * k - 1] for k in range(1, POOL))])
        for k in range(part.params.latency):
            ends, best = scene.before(ends, f"ends{k}"), scene.before(best, f"best{k}")
        scene.claim(part.o.valid == ends)
        scene.claim(~ends | (Value.cast(part.o.payload) == best))
        for turn in range(groups):
            wraps = group + turn >= groups
            at = Mux(wraps, Mux(position == positions - 1, 0, position + 1), position)
            kept, at_last = _kept(inside, part.params, turn), [past[groups * k - turn - 1] for k in range(1, POOL)]
            pairs = [largest(at_last[k : k + 2]) for k in range(5)]
            even = [(2, kept.third, pairs[0]), (4, kept.second, pairs[2]), (6, kept.first, pairs[4])]
            odd = [(1, kept.first, at_last[0]), (3, kept.third, pairs[1]), (5, kept.second, pairs[3])]
            for parity, holds in ((0, even), (1, odd)):
                for least, one, other in holds:
                    scene.claim((at[0] != parity) | (at < least) | (one == other))

    return build


def thresholds(scene: Scene) -> None:
    """Comparisons with a table, the groups in turn."""
    table = np.array([[5, 3], [0, 7], [2, 8]])
    part = threshold.Threshold(threshold.ThresholdParams(table, unsigned(3)))
    inside = scene.add(part)
    scene.drive(part.i.valid, part.i.payload)
    group = Signal(range(3))
    with scene.m.If(part.i.valid):
        scene.m.d.sync += group.eq(Mux(group == 2, 0, group + 1))
    scene.claim(inside["ahead"] == Mux(group == 2, 0, group + 1))
    valid = scene.before(part.i.valid, "came")
    scene.claim(part.o.valid == valid)
    for q in range(2):
        now = Const(0, 4)
        for k in range(3):
            now = Mux(group == k, int(table[k, q]), now)
        scene.claim(inside[f"threshold{q}"] == now)
        bit = scene.before(part.i.payload[q] >= now, f"expected{q}")
        scene.claim(~valid | (part.o.payload[q] == bit))


def credits(steps: int):
    """A sequencer whose credits are given back as they were taken."""

    def build(scene: Scene) -> None:
        count = 3
        part = sequencer.Sequencer(sequencer.SequencerParams(steps, count))
        inside = scene.add(part)
        scene.drive(part.i.valid, part.i.payload, part.give)
        under_way = Signal(range(count + 2))  # taken and not given back
        starts = part.i.valid & part.i.ready
        takes = starts & part.i.payload.pools
        scene.suppose(~part.give | (under_way != 0))
        scene.m.d.sync += under_way.eq(under_way + takes - part.give)
        scene.claim(under_way <= count)
        scene.claim(inside["credits"] + under_way == count)
        scene.claim(~part.i.ready | (inside["credits"] != 0))
        # A position's steps: all of them, one after the other, from the cycle after it was taken on.
        step, busy = Signal(range(max(steps, 2))), Signal()
        with scene.m.If(busy):
            scene.m.d.sync += [step.eq(step + 1), busy.eq(step != steps - 1)]
        with scene.m.If(starts):
            scene.m.d.sync += [busy.eq(1), step.eq(0)]
        scene.claim(~starts | ~busy | (step == steps - 1))
        scene.claim(part.o.valid == busy)
        scene.claim(~busy | (part.o.payload.step == step))
        # What is told ahead is the next cycle's step.
        told = scene.before(part.ahead.step, "told")
        scene.claim(~busy | (told == step))
        # Where there is a credit and nothing at work, the next position is taken.
        scene.claim(part.i.ready | (inside["credits"] == 0) | busy | scene.before(inside["credits"] == 0, "none", init=1))

    return build


def columns_order(scene: Scene) -> None:
    """Columns gathered from their groups, whose producer keeps to the queue's places."""
    part = columns.Columns(columns.ColumnsParams(5, 2, 3))
    inside, p = scene.add(part), part.params
    scene.drive(part.i.valid, part.i.payload, part.o.ready)
    beat = Value.cast(part.i.payload)
    past = history(scene, beat, part.i.valid, p.groups - 1, "past")
    group = Signal(range(p.groups))
    with scene.m.If(part.i.valid):
        scene.m.d.sync += group.eq(Mux(group == p.groups - 1, 0, group + 1))
    scene.claim(inside["group"] == group)
    scene.claim(inside["gathered"][p.pe :] == Cat(*reversed(past)))
    slots = [Slot(inside[f"queue.valid{k}"], inside[f"queue.data{k}"]) for k in reversed(range(p.depth))]
    full = Cat(slot.valid for slot in slots).all()
    enters = part.i.valid & (group == p.groups - 1)
    scene.suppose(~enters | ~full)
    whole = Cat(*reversed(past), beat)[: p.channels]
    keeps_order(scene, enters, whole, part.gone, part.o.payload, slots)
    moves_on(scene, Cat(slot.valid for slot in slots).any(), part.o.valid, p.latency)


PROPERTIES = (
    *(
        Property(
            f"popcount: {width} bits",
            f"A popcount of {width} bits is the sum of its bits",
            counts_bits(width),
            (Fault(popcount, "(a & b) | (a & c) | (b & c)", "(a & b) | (a & c) | (b ^ c)"),),
            depth=popcount.PopcountParams(width).latency + 2,
            quick=width == 7,
        )
        for width in (7, 14)
    ),
    Property(
        "pool: bits",
        "The pool of bits that tell whether a count reaches a limit is whether the pool of the counts reaches it, for any limit",
        pool_of_bits,
        (Fault(pool, "return a | b if p.bits == 1", "return a & b if p.bits == 1"),),
        depth=18,
        quick=True,
    ),
    Property(
        "pool: window of bits",
        "A pool of bits is the largest of the last seven positions, at every second one from the seventh on",
        pool_of_window(1),
        (Fault(pool, "Cat(second, third, pair)", "Cat(second, pair, third)"),),
        depth=18,
    ),
    Property(
        "pool: window of counts",
        "A pool of counts is the same",
        pool_of_window(2),
        (Fault(pool, "Cat(second, third, pair)", "Cat(second, pair, third)"),),
        depth=18,
    ),
    Property(
        "threshold: table",
        "Each sum is compared with the threshold of its channel, the groups in turn",
        thresholds,
        (Fault(threshold, "init=1 % groups", "init=0"), Fault(threshold, ">= current", "> current")),
        depth=6,
    ),
    *(
        Property(
            f"credits: {steps} step{'s' * (steps > 1)} a position",
            f"Never more outputs under way than credits; each position has its {steps} step{'s' * (steps > 1)}, and where a credit "
            "is there and nothing at work the next is taken",
            credits(steps),
            (
                Fault(
                    sequencer,
                    "another = (credits != 0) | self.give, (credits > 1)",
                    "another = (credits != 0) | self.give, (credits > 0)",
                )
                if steps == 1
                else Fault(sequencer, "& some)", "& (credits == credits))"),
                Fault(
                    sequencer, "credits.eq(credits + self.give - takes)", "credits.eq(Mux(self.give, credits + 1, credits - takes))"
                ),
            ),
            depth=10,
            quick=steps == 1,
        )
        for steps in (1, 3)
    ),
    Property(
        "columns: order",
        "Every column leaves the queue once, in its turn, put together from its groups, where the producer keeps to the places",
        columns_order,
        (
            Fault(columns, "whole = Cat(gathered[p.pe :], self.i.payload)", "whole = Cat(self.i.payload, gathered[p.pe :])"),
            Fault(columns, "self.gone.eq(queue.o.valid & queue.o.ready)", "self.gone.eq(queue.o.valid)"),
        ),
        depth=14,
    ),
)
