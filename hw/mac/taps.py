"""From the loops to what memory and lanes do: a load is a read, or one for each group in turn; then come its taps, one a cycle,
while the groups load what follows."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.mac.layouts import Fields, Lane, Pass, step
from hw.mac.loops import now_layout
from hw.mac.params import ArrayParams
from sw.export.array.program import WINDOW_TAPS


class Taps(wiring.Component):
    """Ports: ``fields`` of the operation that reads; ``now``: where its loops are; ``step``: what to do, in the same cycle, but for
    the read's ``low`` and ``high``. ``turn``: cycles of a load with windows."""

    def __init__(self, params: ArrayParams, turn: int):
        self.params, self.turn = params, turn
        super().__init__({"fields": In(Fields), "now": In(now_layout(params.groups)), "step": Out(step(params.groups))})

    def elaborate(self, platform):
        m = Module()
        f, now, step_ = self.fields, self.now, self.step
        windows = f.windows if self.params.windows else Const(0, 1)
        m.d.comb += [
            step_.read.valid.eq(now.reading & (~windows | now.group.any())),
            step_.read.address.eq(now.at),
            step_.read.stride.eq(f.stride_x),
            step_.read.signed.eq(f.in_signed),
            step_.read.gated.eq(f.gated & (~(windows | f.single) | now.first_channel)),
            step_.read.gate.eq(now.gate),
            step_.load.eq(Mux(windows, now.group, -1)),
            step_.spread.eq(Mux(windows, 0, f.slots)),
        ]
        # The first tap comes with the load of the last group. The others follow, perhaps into the next operation.
        loaded, going = Signal(), Signal()
        held, tap, left = Signal(Lane), Signal(2), Signal(range(WINDOW_TAPS))
        m.d.comb += [loaded.eq(now.reading & now.turn_last), going.eq(left != 0)]
        fresh = Signal(Lane)
        m.d.comb += [
            fresh.copy.eq(1),
            fresh.add.eq(1),
            fresh.first.eq(now.first_load),
            fresh.ky.eq(now.ky),
            fresh.plane.eq(f.plane),
            fresh.quad.eq(windows & f.slots[1]),
            fresh.slots.eq(f.slots),
            step_.lane.eq(Mux(loaded, fresh, held)),
        ]
        with m.If(~loaded):
            m.d.comb += [step_.lane.copy.eq(0), step_.lane.first.eq(0), step_.lane.add.eq(going), step_.lane.kx.eq(tap)]
            with m.If(going):
                m.d.sync += [tap.eq(tap + 1), left.eq(left - 1)]
        with m.Else():
            m.d.sync += [held.eq(fresh), tap.eq(1)]
            m.d.sync += left.eq(Mux(windows, Mux(now.last_x, f.load_taps, WINDOW_TAPS - 1), 0))
        # A pass has ended when the turn after its last read is over: then the next one's first tap comes.
        passed = Signal(Pass)
        late = Signal(self.turn - 1)
        m.d.sync += late.eq(Cat(now.final & windows, late)[: self.turn - 1])
        m.d.comb += [
            step_.end.eq((now.final & ~windows) | late[-1]),
            step_.pass_.eq(Mux(now.final, now.pass_, passed)),
        ]
        with m.If(now.final):
            m.d.sync += passed.eq(now.pass_)
        return m
