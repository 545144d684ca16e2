"""The writer: takes a tile's results out of the groups' shift registers, and writes a channel's row a cycle."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.mac.choice import one_of_four
from hw.mac.layouts import ADDRESS_BITS, OPERATION_BITS, Job, Row
from hw.mac.params import ArrayParams
from sw.export.array.program import LANES, LOGIT_BITS

# From a job to its first row: taken, the choice among the groups in two.
LATENCY = 3
# From a slot's logits to the first of them.
LOGITS = 1

Logit = data.StructLayout({"valid": 1, "channel": 8, "value": signed(LOGIT_BITS)})


class Writer(wiring.Component):
    """Ports: ``job`` and its ``lines`` with ``start`` (a pulse); ``write`` to the activation memory, ``LATENCY`` cycles later the
    first row, then a row a cycle; of which ``operation``; ``overrun``: a pulse, a job came before the last was done, which no
    correct program does."""

    def __init__(self, params: ArrayParams):
        self.params = params
        super().__init__(
            {
                "job": In(Job),
                "lines": In(data.ArrayLayout(data.ArrayLayout(8, LANES), params.groups)),
                "start": In(1),
                "write": Out(Row),
                "operation": Out(OPERATION_BITS),
                "overrun": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        groups = self.params.groups
        lines = Signal.like(self.lines, reset_less=True)
        busy, group, left = Signal(), Signal(range(groups)), Signal(len(self.job.channels))
        address, step, count, place = Signal(ADDRESS_BITS), Signal(ADDRESS_BITS), Signal(5), Signal(4)
        operations = [Signal(OPERATION_BITS, name=f"operation{k}") for k in range(LATENCY)]
        m.d.sync += [later.eq(earlier) for earlier, later in zip(operations, operations[1:], strict=False)]
        m.d.comb += self.operation.eq(operations[-1])
        with m.If(busy):
            m.d.sync += [left.eq(left - 1), address.eq(address + step), group.eq(group + 1)]
            with m.If(group == groups - 1):
                m.d.sync += [group.eq(0), place.eq(place + count)]
            with m.If(left == 1):
                m.d.sync += busy.eq(0)
        m.d.sync += self.overrun.eq(self.start & busy & (left != 1))
        with m.If(self.start):
            m.d.sync += [
                lines.eq(self.lines),
                busy.eq((self.job.count != 0) & (self.job.channels != 0)),
                group.eq(0),
                left.eq(self.job.channels),
                address.eq(self.job.address),
                step.eq(self.job.step),
                count.eq(self.job.count),
                operations[0].eq(self.job.operation),
                # The results are the last of the line.
                place.eq((LANES - self.job.total)[:4]),
            ]

        # The choice: among four groups, then between those.
        near = [Signal(8 * LANES, name=f"near{k}", reset_less=True) for k in range(-(-groups // 4))]
        far = Signal(reset_less=True)
        row, write = Signal(Row), Signal(Row)
        for k, one in enumerate(near):
            four = [lines[min(4 * k + n, groups - 1)] for n in range(4)]
            m.d.sync += one.eq(one_of_four(four, Cat(group, 0, 0)[:2]))
        m.d.sync += [
            far.eq(group >> 2),
            row.enable.eq(busy),
            row.address.eq(address),
            row.turn.eq(address[:4] - place),
            row.count.eq(count),
            write.eq(row),
            write.data.eq(Mux(far, near[-1], near[0])),
        ]
        m.d.comb += self.write.eq(write)
        return m


class Logits(wiring.Component):
    """Ports: ``plain``, ``take``: logits of a slot of each group; ``begins``: before them; ``channels`` of the operation;
    ``logit``: them one after the other, the first ``LOGITS`` cycles later; ``finished``: after the last one."""

    def __init__(self, params: ArrayParams, bits: int):
        self.params = params
        super().__init__(
            {
                "plain": In(data.ArrayLayout(signed(LOGIT_BITS), params.groups)),
                "take": In(1),
                "begins": In(1),
                "channels": In(bits),
                "logit": Out(Logit),
                "finished": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        line = Signal(LOGIT_BITS * self.params.groups, reset_less=True)
        valid, channel, over, ends = Signal(self.params.groups), Signal(8), Signal(), Signal()
        m.d.sync += [line.eq(line >> LOGIT_BITS), valid.eq(valid >> 1)]
        m.d.comb += [
            self.logit.valid.eq(valid[0]),
            self.logit.channel.eq(channel),
            self.logit.value.eq(line[:LOGIT_BITS].as_signed()),
            ends.eq(valid[0] & (channel == self.channels - 1)),
        ]
        m.d.sync += self.finished.eq(ends)
        with m.If(valid[0]):
            m.d.sync += channel.eq(channel + 1)
        with m.If(self.take & ~over):
            m.d.sync += [line.eq(self.plain), valid.eq(-1)]
        # Slots and groups beyond the last channel have none.
        with m.If(ends):
            m.d.sync += [valid.eq(0), over.eq(1)]
        with m.If(self.begins):
            m.d.sync += [channel.eq(0), over.eq(0)]
        return m
