"""The folding solver: for every interval the cheapest folding of each block, and so the whole front of area against cycles.

A block works ``positions * steps`` cycles on a window and its input comes a column a cycle; the largest of these over all blocks
bounds the interval from below, and every block's area depends on its own folding alone. So for a bound T each block may choose
among its foldings that are no slower, and, were there one resource, the best sum would be that of the best of each block. With
several (LUT4, flip-flops, block RAMs) the blocks are joined one by one, and of the sums only those are kept that no other beats or
equals in every resource: a dominated part can be replaced by the one that dominates it, which makes no sum larger and breaks no
limit, so the cheapest sum within the limits is always among those kept. T runs over every value that a block's work can have.

All of this is for one sample a clock (``Config.samples`` of 1).

What is optimal is so under the estimate of areas (:mod:`hw.explore.area`). Cycles are not estimated: each point's are those of
the exact cycle model. Where neighbours get in each other's way these are a few cycles more than the bound, and only for a budget
between the two might there be something smaller than what is found.
"""

from collections.abc import Callable
from dataclasses import dataclass

from hw.binary import schedule, top
from hw.binary.block import BlockParams
from hw.binary.datapath import DatapathParams
from hw.binary.folding import Config, Folding
from hw.explore.area import Area, AreaModel
from sw.export.bundle import Bundle


@dataclass(frozen=True)
class Choice:
    """A folding of one block: its ``cycles`` of work a window and its estimated ``area``."""

    folding: Folding
    cycles: int
    area: Area


@dataclass(frozen=True)
class Point:
    """A configuration of all blocks with its estimated area (of the whole top), the ``bound`` on its blocks' work that it
    was found for, and its exact cycles."""

    foldings: tuple[Folding, ...]
    area: Area
    bound: int
    cycles: top.Cycles


@dataclass(frozen=True)
class Limits:
    """What a configuration may take of each resource."""

    lut4: int
    ff: int
    bram: int
    dsp: int

    @property
    def values(self) -> tuple[int, int, int, int]:
        """The four limits, in the order of an area's counts."""
        return self.lut4, self.ff, self.bram, self.dsp

    def allow(self, area: Area) -> bool:
        """Whether an area is within the limits."""
        return all(a <= b for a, b in zip(area.values, self.values, strict=True))


UNLIMITED = Limits(1 << 40, 1 << 40, 1 << 40, 1 << 40)


def foldings(params: BlockParams) -> list[Folding]:
    """Every folding of a block that differs in its steps: the fewest PEs for each number of channel groups, every number of parts,
    weights in logic and in block RAM; queues as long as the pipelines are (0)."""
    g, last = params.geometry, params.last
    pes = [1] if last else sorted({-(-g.out_channels // groups) for groups in range(1, g.out_channels + 1)})
    parts = [1]
    while params.bits == 1 and g.taps % (2 * parts[-1]) == 0:
        parts.append(2 * parts[-1])
    return [Folding(pe, part, memory) for pe in pes for part in parts for memory in (False, True)]


def work(params: DatapathParams, number: int) -> int:
    """Cycles from window to window of a block that nothing holds up: its steps, or the columns that come in. The last one also
    waits for the head, so the cycle model says what it needs alone: no block before it makes that less."""
    block, stage = params.blocks[number], params.stages[number]
    if block.last:
        return schedule.predict([stage], params.head.latency, params.head.send_cycles, 3).intervals[-1]
    return max(block.cycles, stage.first + (stage.positions - 1) * stage.stride)


def choices(bundle: Bundle, model: AreaModel) -> list[list[Choice]]:
    """For each block its foldings, without those that another one beats or equals in cycles and in every resource."""
    found, others = [], [Folding(1)] * len(bundle.network.blocks)
    for number, block in enumerate(DatapathParams(bundle, Config("base", tuple(others))).blocks):
        entries = []
        for folding in foldings(block):
            params = DatapathParams(bundle, Config("choice", (*others[:number], folding, *others[number + 1 :])))
            entries.append(Choice(folding, work(params, number), model.block(params.blocks[number])))
        found.append(_undominated(entries, lambda choice: (choice.cycles, *choice.area.values)))
    return found


def _undominated(entries: list, values: Callable[[object], tuple]) -> list:
    kept: list = []
    for entry in sorted(entries, key=values):
        mine = values(entry)
        if not any(all(a <= b for a, b in zip(values(other), mine, strict=True)) for other in kept):
            kept.append(entry)
    return kept


Sum = tuple[Area, tuple[Folding, ...]]


def sums(blocks: list[list[Choice]], bound: int, rest: Area, limits: Limits) -> list[Sum]:
    """Areas within ``limits`` of tops whose blocks work at most ``bound`` cycles, with their foldings, without those that another
    one beats in every resource; the one with the fewest LUT4 first. ``rest``: what a top takes beside its blocks."""
    found: list[Sum] = [(rest, ())]
    for block in blocks:
        quick = _undominated([c for c in block if c.cycles <= bound], lambda choice: choice.area.values)
        joined = [(area + c.area, (*taken, c.folding)) for area, taken in found for c in quick]
        found = _undominated([s for s in joined if limits.allow(s[0])], lambda entry: entry[0].values)
    return found


def nearest(bundle: Bundle, model: AreaModel, limits: Limits) -> Point:
    """The configuration, whatever its cycles, that goes beyond ``limits`` by the smallest share of them."""
    blocks = choices(bundle, model)
    bound = max(c.cycles for block in blocks for c in block)

    def beyond(found: Sum) -> float:
        return sum(max(0, a - b) / max(b, 1) for a, b in zip(found[0].values, limits.values, strict=True))

    area, taken = min(sums(blocks, bound, model.rest(bundle), UNLIMITED), key=beyond)
    return Point(taken, area, bound, top.cycles(DatapathParams(bundle, Config("point", taken))))


def front(
    bundle: Bundle,
    model: AreaModel,
    limits: Limits = UNLIMITED,
    slowest: int = 0,
    progress: Callable[[float], None] = lambda share: None,
) -> list[Point]:
    """Configurations within ``limits`` that no other beats in both interval and LUT4, fastest first; up to an interval of
    ``slowest`` cycles, where that is given."""
    blocks, rest = choices(bundle, model), model.rest(bundle)
    least = max(min(c.cycles for c in block) for block in blocks)
    bounds = sorted({c.cycles for block in blocks for c in block if c.cycles >= least})
    bounds = [bound for bound in bounds if bound <= max(slowest or bound, least)]
    points: list[Point] = []
    for number, bound in enumerate(bounds):
        found = sums(blocks, bound, rest, limits)
        if found and not (points and points[-1].area.lut4 <= found[0][0].lut4):
            area, taken = found[0]
            cycles = top.cycles(DatapathParams(bundle, Config("point", taken)))
            # What is larger and, by the exact model, no faster than a later one goes.
            points = [p for p in points if p.cycles.interval < cycles.interval]
            points.append(Point(taken, area, bound, cycles))
        progress((number + 1) / len(bounds))
    return points
