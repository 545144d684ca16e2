"""The writer: takes a tile's results out of the groups' buffers, a byte a cycle, channel by channel, perhaps through a table."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.mac.layouts import Fields, Job
from hw.mac.memory import Write
from hw.mac.params import ArrayParams
from hw.mac.post import BUFFER
from sw.export.array.program import LOGIT_BITS, LOGITS

# A result from its buffer to where the array's logits leave: the buffers, the choice among the groups.
LATENCY = 2
# After the last result of an operation: the sequencer may go on. The memory gets that result two cycles after a logit would leave
# (the table, its output register), while the next descriptor is fetched.
FINISH = LATENCY + 1

Logit = data.StructLayout({"valid": 1, "channel": 8, "value": signed(LOGIT_BITS)})


class Writer(wiring.Component):
    """Ports: ``job`` with ``start`` (a pulse); ``buffer_address``/``buffer``; ``table_address``/``table`` of the table memory (one
    register); ``write`` to the activation memory, ``logit`` where the operation's results are logits; ``finished``: a pulse when
    an operation's last result is on its way; ``overrun``: a job came before the last was done, which no correct program does."""

    def __init__(self, params: ArrayParams):
        self.params = params
        super().__init__(
            {
                "fields": In(Fields),
                "job": In(Job),
                "start": In(1),
                "buffer_address": Out(range(BUFFER)),
                "buffer": In(data.ArrayLayout(LOGIT_BITS, params.groups)),
                "table_address": Out(range(params.tables)),
                "table": In(8),
                "write": Out(Write),
                "logit": Out(Logit),
                "finished": Out(1),
                "overrun": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        f, groups = self.fields, self.params.groups
        busy, ending = Signal(), Signal()
        index, of_slot = Signal(5), Signal(range(BUFFER))
        group, left = Signal(range(groups)), Signal(len(f.channels))
        channel = Signal(8)
        job = Signal(Job, reset_less=True)
        # Of the result that is looked at: its place in the buffers and in the memory; and that of its row's first one.
        place, at = Signal(range(BUFFER)), Signal(len(f.out_base), reset_less=True)
        row = Signal.like(at, reset_less=True)
        following = Signal.like(at)
        last_index = Signal()
        m.d.comb += [
            last_index.eq(index == job.count - 1),
            ending.eq(busy & last_index & (left == 1)),
            following.eq(row + f.out_chan),
        ]
        with m.If(busy):
            m.d.sync += [index.eq(index + 1), place.eq(place + 1), at.eq(at + 1)]
            with m.If(last_index):
                m.d.sync += [
                    index.eq(0),
                    row.eq(following),
                    at.eq(following),
                    place.eq(of_slot),
                    left.eq(left - 1),
                    channel.eq(channel + 1),
                    group.eq(Mux(group == groups - 1, 0, group + 1)),
                ]
                with m.If(group == groups - 1):
                    m.d.sync += [of_slot.eq(place + 1), place.eq(place + 1)]
        with m.If(ending):
            m.d.sync += busy.eq(0)
        some = Signal()
        m.d.comb += some.eq((self.job.count != 0) & (self.job.channels != 0))
        with m.If(self.start):
            m.d.sync += [
                job.eq(self.job),
                busy.eq(some),
                index.eq(0),
                of_slot.eq(self.job.start),
                group.eq(0),
                left.eq(self.job.channels),
                channel.eq(self.job.first_channel),
                place.eq(self.job.start),
                row.eq(self.job.address),
                at.eq(self.job.address),
            ]
            with m.If(busy & ~ending):
                m.d.sync += self.overrun.eq(1)

        # Buffers, choice, table, its output register.
        item = data.StructLayout({"valid": 1, "address": len(f.out_base), "channel": 8})
        first, second, third = (Signal(item, name=n) for n in ("first", "second", "third"))
        read, of_group = Signal.like(self.buffer, reset_less=True), Signal.like(group, reset_less=True)
        value, value_later = Signal(LOGIT_BITS, reset_less=True), Signal(8, reset_less=True)
        looked = Signal(8, reset_less=True)
        # A descriptor is steady long before its results arrive.
        looks, leaves, table = Signal(), Signal(), Signal(2)
        write = Signal(Write)
        m.d.comb += self.buffer_address.eq(place)
        m.d.sync += [
            looks.eq(f.table != 0),
            leaves.eq(f.kind == LOGITS),
            table.eq((f.table - 1)[:2]),
            first.valid.eq(busy),
            first.address.eq(at),
            first.channel.eq(channel),
            read.eq(self.buffer),
            of_group.eq(group),
            second.eq(first),
            value.eq(read[of_group]),
            third.eq(second),
            third.valid.eq(second.valid & ~leaves),
            value_later.eq(value),
            write.enable.eq(third.valid),
            write.address.eq(third.address),
            write.data.eq(value_later),
            looked.eq(self.table),
        ]
        m.d.comb += [
            self.table_address.eq(Cat(value[:8], table)[: len(self.table_address)]),
            self.write.eq(write),
            self.write.data.eq(Mux(looks, looked, write.data)),
            self.logit.valid.eq(second.valid & leaves),
            self.logit.channel.eq(second.channel),
            self.logit.value.eq(value.as_signed()),
        ]
        # The last job may have nothing to write.
        final = Signal(FINISH)
        m.d.comb += self.finished.eq(final[-1])
        m.d.sync += final.eq(Cat((ending & job.operation_last) | (self.start & ~some & self.job.operation_last), final)[:FINISH])
        return m
