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


class _Place:
    """What is known of the pass that ended, a cycle later and from registers: its marks, and where its results go."""

    def __init__(self, channels: int, rows: int):
        marks = ("ended", "mean", "row_last", "block_last")
        self.ended, self.mean, self.row_last, self.block_last = (Signal(name=n) for n in marks)
        self.row, self.block, self.means = (Signal(ADDRESS_BITS, name=n) for n in ("row", "block", "means"))
        self.across = Signal(ADDRESS_BITS)
        # Channels from this block on, of the block before, of this one.
        self.left, self.of_block, self.here = Signal(channels), Signal(channels, name="of_block"), Signal(channels)
        self.rows, self.step, self.mean_step = Signal(range(rows + 1)), Signal(ADDRESS_BITS), Signal(ADDRESS_BITS, name="mean_step")


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

        at = _Place(len(f.channels), SLOTS * self.params.groups)
        m.d.sync += [
            at.ended.eq(ends),
            at.mean.eq(ahead.pass_.mean),
            at.row_last.eq(ahead.pass_.row_last),
            at.block_last.eq(ahead.pass_.block_last),
        ]
        spread = Mux(windows, 0, f.slots)
        m.d.sync += [
            at.rows.eq(Mux(f.single, 1, Const(self.params.groups) << spread)),
            at.step.eq(Mux(f.single, f.out_chan, (f.out_chan << spread) << shift)),
            at.mean_step.eq(Mux(f.single, f.mean_step, (f.mean_step << spread) << shift)),
        ]
        each, total = Signal(5), Signal(5)
        m.d.comb += [
            at.here.eq(Mux(at.left < at.rows, at.left, at.rows)),
            each.eq(Mux(at.mean, 1, Mux(f.kind == LOGITS, 0, count))),
            total.eq(each << f.slots),
        ]
        operation = Signal(len(self.job.operation))
        with m.If(at.ended):
            m.d.sync += self.job.operation.eq(operation)
            m.d.sync += [self.job.count.eq(Mux(windows, total, each)), self.job.total.eq(total)]
            self._place(m, at, count)
        with m.If(ahead.begins):
            m.d.sync += [
                at.row.eq(f.out_base),
                at.block.eq(f.out_base),
                at.means.eq(f.mean_base),
                at.across.eq(0),
                at.left.eq(f.channels),
            ]
            m.d.sync += operation.eq(operation + 1)
        with m.If(self.restart):
            m.d.sync += operation.eq(0)
        m.d.comb += self.done.eq(delay(m, ends, READY, "ending")[-1])
        return m

    def _place(self, m: Module, at: _Place, count: Signal) -> None:
        """The addresses of this job, and of the next one."""
        f = self.fields
        with m.If(at.mean):
            m.d.sync += [
                self.job.address.eq(at.means),
                self.job.step.eq(f.mean_step),
                self.job.channels.eq(at.of_block),
                at.means.eq(at.means + at.mean_step),
            ]
        with m.Else():
            m.d.sync += [
                self.job.address.eq(at.row + at.across),
                self.job.step.eq(f.out_chan),
                self.job.channels.eq(at.here),
                at.across.eq(at.across + count),
            ]
            with m.If(at.row_last):
                m.d.sync += [at.across.eq(0), at.row.eq(at.row + f.out_row)]
            with m.If(at.block_last):
                m.d.sync += [
                    at.row.eq(at.block + at.step),
                    at.block.eq(at.block + at.step),
                    at.left.eq(at.left - at.rows),
                    at.of_block.eq(at.here),
                ]
