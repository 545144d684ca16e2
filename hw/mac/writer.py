"""The writer: takes a tile's results out of the groups' buffers, a byte a cycle, channel by channel, perhaps through a table."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.mac.layouts import Fields, Job
from hw.mac.memory import Write
from hw.mac.params import ArrayParams
from hw.mac.post import BUFFER
from sw.export.program import LOGIT_BITS, LOGITS

# A result from its buffer to the memory's write port: buffer, table.
LATENCY = 2
# After the last result of an operation: the memory has it, and the sequencer may go on.
FINISH = LATENCY + 1

Logit = data.StructLayout({"valid": 1, "channel": 8, "value": signed(LOGIT_BITS)})


class Writer(wiring.Component):
    """Ports: ``job`` with ``start`` (a pulse); ``buffer_address``/``buffer``; ``table_address``/``table`` of the table memory (one
    register); ``write`` to the activation memory, ``logit`` where the operation's results are logits; ``busy`` while it has work;
    ``finished``: a pulse when an operation's last result is on its way; ``overrun``: a job came before the last was done, which
    no correct program does."""

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
                "busy": Out(1),
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
        address = Signal(len(f.out_base), reset_less=True)
        last_index = Signal()
        m.d.comb += [last_index.eq(index == job.count - 1), ending.eq(busy & last_index & (left == 1))]
        with m.If(busy):
            m.d.sync += index.eq(index + 1)
            with m.If(last_index):
                m.d.sync += [
                    index.eq(0),
                    address.eq(address + f.out_chan),
                    left.eq(left - 1),
                    channel.eq(channel + 1),
                    group.eq(Mux(group == groups - 1, 0, group + 1)),
                ]
                with m.If(group == groups - 1):
                    m.d.sync += of_slot.eq(of_slot + job.count)
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
                address.eq(self.job.address),
            ]
            with m.If(busy & ~ending):
                m.d.sync += self.overrun.eq(1)

        # Buffer, table, write.
        item = data.StructLayout({"valid": 1, "address": len(f.out_base), "value": LOGIT_BITS, "channel": 8})
        first, second = Signal(item), Signal(item)
        m.d.comb += self.buffer_address.eq(of_slot + index)
        m.d.sync += [
            first.valid.eq(busy),
            first.address.eq(address + index),
            first.value.eq(self.buffer[group]),
            first.channel.eq(channel),
            second.eq(first),
        ]
        m.d.comb += [
            self.table_address.eq(Cat(first.value[:8], (f.table - 1)[:2])[: len(self.table_address)]),
            self.write.enable.eq(second.valid & (f.kind != LOGITS)),
            self.write.address.eq(second.address),
            self.write.data.eq(Mux(f.table != 0, self.table, second.value[:8])),
            self.logit.valid.eq(second.valid & (f.kind == LOGITS)),
            self.logit.channel.eq(second.channel),
            self.logit.value.eq(second.value.as_signed()),
            self.busy.eq(busy | first.valid | second.valid),
        ]
        # The last job may have nothing to write.
        final = Signal(FINISH)
        m.d.comb += self.finished.eq(final[-1])
        m.d.sync += final.eq(Cat((ending & job.operation_last) | (self.start & ~some & self.job.operation_last), final)[:FINISH])
        return m
