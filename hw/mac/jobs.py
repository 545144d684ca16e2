"""Jobs for the writer: where a tile's results go, or a block's means."""

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.mac.layouts import ADDRESS_BITS, Fields, Job
from hw.mac.params import ArrayParams
from hw.mac.stages import AT_VALUE, LATENCY, Step
from hw.stream.delay import delay
from sw.export.array.program import LOGITS, SLOTS

# From a pass's last lane ahead of its value to its byte in the shift register.
READY = LATENCY - AT_VALUE


class Jobs(wiring.Component):
    """Ports: ``fields``, ``ahead``, ``emits`` as at :class:`hw.mac.pool.PoolControl`; ``restart``: the program starts; ``job``,
    ``done``: a pulse when its results stand in the shift registers, in the next cycle they must be taken."""

    def __init__(self, params: ArrayParams):
        self.params = params
        super().__init__(
            {"fields": In(Fields), "ahead": In(Step), "emits": In(1), "restart": In(1), "job": Out(Job), "done": Out(1)}
        )

    def elaborate(self, platform):
        m = Module()
        f, ahead = self.fields, self.ahead
        shift = (self.params.groups - 1).bit_length()
        windows = f.windows if self.params.windows else Const(0, 1)
        ends = Signal()
        m.d.comb += ends.eq(ahead.valid & ahead.pass_.last & ahead.end)
        count, count_now = Signal(5), Signal(5)
        m.d.comb += count_now.eq(Mux(ahead.start, 0, count) + self.emits)
        m.d.sync += count.eq(count_now)

        # A cycle later, from registers.
        ended, mean, row_last, block_last = (Signal(name=n) for n in ("ended", "mean", "row_last", "block_last"))
        m.d.sync += [
            ended.eq(ends),
            mean.eq(ahead.pass_.mean),
            row_last.eq(ahead.pass_.row_last),
            block_last.eq(ahead.pass_.block_last),
        ]
        row, block, means = (Signal(ADDRESS_BITS, name=n) for n in ("row", "block", "means"))
        across = Signal(ADDRESS_BITS)
        left, of_block = Signal(len(f.channels)), Signal(len(f.channels))  # channels from this block on; of the block before
        rows, step, mean_step = Signal(range(SLOTS * self.params.groups + 1)), Signal(ADDRESS_BITS), Signal(ADDRESS_BITS)
        here, each, total = Signal(len(f.channels)), Signal(5), Signal(5)
        spread = Mux(windows, 0, f.slots)
        m.d.sync += [
            rows.eq(Mux(f.single, 1, Const(self.params.groups) << spread)),
            step.eq(Mux(f.single, f.out_chan, (f.out_chan << spread) << shift)),
            mean_step.eq(Mux(f.single, f.mean_step, (f.mean_step << spread) << shift)),
        ]
        m.d.comb += [
            here.eq(Mux(left < rows, left, rows)),
            each.eq(Mux(mean, 1, Mux(f.kind == LOGITS, 0, count))),
            total.eq(each << f.slots),
        ]
        operation = Signal(len(self.job.operation))
        with m.If(ended):
            m.d.sync += self.job.operation.eq(operation)
            m.d.sync += [self.job.count.eq(Mux(windows, total, each)), self.job.total.eq(total)]
            with m.If(mean):
                m.d.sync += [
                    self.job.address.eq(means),
                    self.job.step.eq(f.mean_step),
                    self.job.channels.eq(of_block),
                    means.eq(means + mean_step),
                ]
            with m.Else():
                m.d.sync += [
                    self.job.address.eq(row + across),
                    self.job.step.eq(f.out_chan),
                    self.job.channels.eq(here),
                    across.eq(across + count),
                ]
                with m.If(row_last):
                    m.d.sync += [across.eq(0), row.eq(row + f.out_row)]
                with m.If(block_last):
                    m.d.sync += [row.eq(block + step), block.eq(block + step), left.eq(left - rows), of_block.eq(here)]
        with m.If(ahead.begins):
            m.d.sync += [row.eq(f.out_base), block.eq(f.out_base), means.eq(f.mean_base), across.eq(0), left.eq(f.channels)]
            m.d.sync += operation.eq(operation + 1)
        with m.If(self.restart):
            m.d.sync += operation.eq(0)
        m.d.comb += self.done.eq(delay(m, ends, READY, "ending")[-1])
        return m
