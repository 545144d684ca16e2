"""The loops of an operation: blocks, rows, tiles, passes, taps, groups. Every cycle they stand at one read, or wait for a pass's
end."""

from amaranth.hdl import Const, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.mac.layouts import ADDRESS_BITS, Fields, Pass, Read
from hw.mac.params import ArrayParams
from sw.export.array.program import LANES, LEAST_PERIOD, SLOTS, WINDOW_TAPS


def now_layout(groups: int) -> data.StructLayout:
    """Where the loops are: a read at ``at`` (of ``group``, one bit each, with ``gate``), whose first byte has the place ``x`` in
    row ``line``; is it of the first channel, the first load of its pass, the last of a row of the kernel (``ky``), the last cycle
    of a load; ``final`` cycle of the pass ``pass_``."""
    return data.StructLayout(
        {
            "reading": 1,
            "at": ADDRESS_BITS,
            "gate": Read["gate"].shape,
            "group": groups,
            "x": signed(16),
            "line": signed(14),
            "first_channel": 1,
            "first_load": 1,
            "last_x": 1,
            "ky": 2,
            "turn_last": 1,
            "final": 1,
            "pass_": Pass,
        }
    )


class Loops(wiring.Component):
    """Ports: ``begin``: an operation with ``fields`` and its input at ``base`` starts, the first read is in the next cycle;
    ``restart``: the program does; ``passes``/``passes_address``: number of passes of the block; ``now``; ``ends``: the operation's
    last cycle. ``turn``: cycles of a load with windows."""

    def __init__(self, params: ArrayParams, turn: int):
        self.params, self.turn = params, turn
        super().__init__(
            {
                "fields": In(Fields),
                "base": In(ADDRESS_BITS),
                "begin": In(1),
                "restart": In(1),
                "passes": In(8),
                "passes_address": Out(range(params.passes)),
                "now": Out(now_layout(params.groups)),
                "ends": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        f = self.fields
        self.windows = f.windows if self.params.windows else Const(0, 1)
        self._registers()
        self._constants(m)
        self._flags(m)
        self._pass(m)
        with m.If(self.running):
            m.d.sync += self.due.eq(self.elapsed + 2 >= Mux(self.mean, self.mean_period, f.period))
            with m.If(~self.due):
                m.d.sync += self.elapsed.eq(self.elapsed + 1)
            with m.If(self.reading):
                self._next_read(m)
            with m.If(self.now.final):
                self._next_pass(m)
        with m.If(self.begin):
            self._set_up(m)
        with m.If(self.restart):
            m.d.sync += self.block_number.eq(0)
        return m

    def _registers(self) -> None:
        f = self.fields

        def address(*names):
            for name in names:
                setattr(self, name, Signal(ADDRESS_BITS, name=name, reset_less=True))

        def flag(*names):
            for name in names:
                setattr(self, name, Signal(name=name, reset_less=True))

        def like(field, *names):
            for name in names:
                setattr(self, name, Signal(len(f[field]), name=name, reset_less=True))

        self.running = Signal()  # the others are set as an operation begins
        address("block_base", "row_base", "tile_base", "pass_base", "channel_at", "line_at", "load_at", "at", "apart")
        flag("reading", "due", "mean", "begins", "first_load", "first_channel", "turn_last")
        flag("last_x", "last_y", "last_c", "last_pass", "last_tile", "last_row", "last_block", "wants_mean")
        flag("then_pass", "then_tile", "then_row", "then_mean", "then_block", "then_end")
        for name in "xyc":
            like(f"taps_{name}", f"k{name}", f"near_{name}")
        like("out_w", "x0")
        like("out_h", "y")
        like("channels", "left")
        like("period", "elapsed")
        like("mean_blocks", "means")
        self.x_tile, self.x_line, self.x = (Signal(signed(16), name=n, reset_less=True) for n in ("x_tile", "x_line", "x"))
        self.line_row, self.line_pass, self.line = (
            Signal(signed(14), name=n, reset_less=True) for n in ("line_row", "line_pass", "line")
        )
        self.gate_block, self.gate = (Signal(len(f.gate_first), name=n, reset_less=True) for n in ("gate_block", "gate"))
        self.number = Signal(8, reset_less=True)
        self.block_number = Signal(range(self.params.passes), reset_less=True)
        self.turns = Signal(range(self.turn), reset_less=True)
        self.group = Signal(self.params.groups, reset_less=True)

    def _constants(self, m: Module) -> None:
        """What follows from the descriptor alone is in registers before the first pass ends."""
        f, groups = self.fields, self.params.groups
        shift = (groups - 1).bit_length()
        self.positions, self.step_x = Signal(range(LANES + 1)), Signal(range(2 * LANES + 1))
        self.rows = Signal(range(SLOTS * groups + 1))
        self.row_stride, self.block_apart = Signal(ADDRESS_BITS), Signal(ADDRESS_BITS)
        self.gate_stride, self.mean_period = Signal(len(f.gate_first)), Signal(range(max(LEAST_PERIOD, SLOTS * groups) + 1))
        rows = Mux(f.single, 1, Const(groups) << Mux(self.windows, 0, f.slots))
        m.d.sync += [
            self.positions.eq(Const(LANES) >> f.slots),
            self.step_x.eq((Const(LANES) >> f.slots) << f.stride_x),
            self.rows.eq(rows),
            self.row_stride.eq(f.in_row << f.stride_y),
            self.block_apart.eq((f.other_group - f.in_group) << shift),
            self.gate_stride.eq(Mux(self.windows, f.gate_step << shift, Mux(f.single, f.gate_step, 0))),
            self.mean_period.eq(Mux(self.rows > LEAST_PERIOD, self.rows, LEAST_PERIOD)),
            # The last tap but one in each dimension.
            self.near_x.eq(f.taps_x - 2),
            self.near_y.eq(f.taps_y - 2),
            self.near_c.eq(f.taps_c - 2),
        ]

    def _flags(self, m: Module) -> None:
        """What these speak of changes with a pass, and they are asked at its end, many cycles later: time for registers."""
        f = self.fields
        passes, last_number = (Signal.like(self.passes, name=n, reset_less=True) for n in ("passes_here", "last_number"))
        all_last = self.last_pass & self.last_tile & self.last_row
        m.d.comb += self.passes_address.eq(self.block_number)
        m.d.sync += [
            passes.eq(self.passes),
            last_number.eq(passes - 1),
            self.last_pass.eq(self.number == last_number),
            self.last_tile.eq(self.x0 + self.positions >= f.out_w),
            self.last_row.eq(self.y == f.out_h - 1),
            self.last_block.eq(self.left <= self.rows),
            self.wants_mean.eq(self.means != 0),
            # What comes after this pass: one of five. The end is a block's, too.
            self.then_pass.eq(~self.last_pass),
            self.then_tile.eq(self.last_pass & ~self.last_tile),
            self.then_row.eq(self.last_pass & self.last_tile & ~self.last_row),
            self.then_mean.eq(all_last & self.wants_mean & ~self.mean),
            self.then_block.eq(all_last & (self.mean | ~self.wants_mean)),
            self.then_end.eq(all_last & (self.mean | ~self.wants_mean) & self.last_block),
        ]

    def _pass(self, m: Module) -> None:
        """The read, and the pass that it belongs to."""
        f, now = self.fields, self.now
        last = self.last_x & self.last_y & self.last_c & self.turn_last
        all_rows = self.last_tile & self.last_row
        m.d.comb += [
            now.reading.eq(self.running & self.reading),
            now.at.eq(self.at),
            now.gate.eq(self.gate),
            now.group.eq(self.group),
            now.x.eq(self.x),
            now.line.eq(self.line),
            now.first_channel.eq(self.first_channel),
            now.first_load.eq(self.first_load),
            now.last_x.eq(self.last_x),
            now.ky.eq(self.ky),
            now.turn_last.eq(self.turn_last),
            now.final.eq(self.running & self.due & (~self.reading | last)),
            now.pass_.first.eq((self.number == 0) | self.mean),
            now.pass_.last.eq(self.last_pass),
            now.pass_.row_first.eq(self.x0 == 0),
            now.pass_.row_last.eq(self.last_tile),
            now.pass_.block_last.eq(all_rows),
            now.pass_.onward.eq(all_rows & (self.last_block | ~f.shared)),
            now.pass_.begins.eq(self.begins),
            now.pass_.mean.eq(self.mean),
            now.pass_.x.eq(self.x0),
            self.ends.eq(now.final & self.then_end),
        ]

    def _begin_pass(self, base, x, line) -> list:
        f = self.fields
        return [
            self.pass_base.eq(base),
            self.channel_at.eq(base),
            self.line_at.eq(base),
            self.load_at.eq(base),
            self.at.eq(base),
            self.x_line.eq(x),
            self.x.eq(x),
            self.line_pass.eq(line),
            self.line.eq(line),
            self.kc.eq(0),
            self.ky.eq(0),
            self.kx.eq(0),
            self.last_c.eq(f.taps_c == 1),
            self.last_y.eq(f.taps_y == 1),
            self.last_x.eq(f.taps_x == 1),
            self.first_load.eq(1),
            self.first_channel.eq(1),
            self.elapsed.eq(0),
            self.due.eq(0),
            self.reading.eq(1),
        ]

    def _begin_turn(self) -> list:
        return [self.turns.eq(0), self.turn_last.eq(~self.windows), self.group.eq(1)]

    def _next_read(self, m: Module) -> None:
        """The next group, or the next tap (with windows: load) in x, y or over the channels."""
        f = self.fields
        one_x, one_y = f.taps_x == 1, f.taps_y == 1
        with m.If(~self.turn_last):
            m.d.sync += [
                self.at.eq(self.at + Mux(self.first_channel, f.in_group, f.other_group)),
                self.gate.eq(self.gate + f.gate_step),
                self.turns.eq(self.turns + 1),
                self.turn_last.eq(self.turns == self.turn - 2),
                self.group.eq(self.group << 1),
            ]
        with m.Else():
            m.d.sync += [*self._begin_turn(), self.first_load.eq(0)]
            with m.If(self.windows):
                m.d.sync += self.gate.eq(self.gate_block)
            with m.If(~self.last_x):
                step = Mux(self.windows, WINDOW_TAPS, 1)
                start = self.load_at + step
                m.d.sync += [self.kx.eq(self.kx + 1), self.last_x.eq(self.kx == self.near_x)]
                m.d.sync += [self.at.eq(start), self.load_at.eq(start), self.x.eq(self.x + step)]
            with m.Elif(~self.last_y):
                start = self.line_at + f.in_row
                x = self.x_line + Mux(f.plane != 0, f.in_row, 0)
                m.d.sync += [self.kx.eq(0), self.last_x.eq(one_x), self.ky.eq(self.ky + 1), self.last_y.eq(self.ky == self.near_y)]
                m.d.sync += [self.at.eq(start), self.load_at.eq(start), self.line_at.eq(start)]
                m.d.sync += [self.x.eq(x), self.x_line.eq(x), self.line.eq(self.line + (f.plane == 0))]
            with m.Elif(~self.last_c):
                start = self.channel_at + Mux(self.windows, self.apart, f.in_chan)
                m.d.sync += [self.kx.eq(0), self.last_x.eq(one_x), self.ky.eq(0), self.last_y.eq(one_y)]
                m.d.sync += [self.kc.eq(self.kc + 1), self.last_c.eq(self.kc == self.near_c), self.first_channel.eq(0)]
                m.d.sync += [self.at.eq(start), self.load_at.eq(start), self.line_at.eq(start), self.channel_at.eq(start)]
                m.d.sync += [self.x.eq(self.x_tile), self.x_line.eq(self.x_tile), self.line.eq(self.line_pass)]
                with m.If(~self.windows):
                    m.d.sync += self.gate.eq(self.gate + f.gate_step)
            with m.Else():
                m.d.sync += self.reading.eq(0)

    def _next_pass(self, m: Module) -> None:
        """The pass after this one, its tile, row or block, or none."""
        f = self.fields
        m.d.sync += [self.begins.eq(0), self.gate.eq(self.gate_block), *self._begin_turn()]
        with m.If(self.then_pass):
            m.d.sync += self._begin_pass(self.pass_base + Mux(f.largest, f.in_row, 0), self.x_tile, self.line_pass + f.largest)
            m.d.sync += self.number.eq(self.number + 1)
        with m.If(self.then_tile):
            base, first = self.tile_base + self.step_x, self.x_tile + self.step_x
            m.d.sync += self._begin_pass(base, first, self.line_row)
            m.d.sync += [self.number.eq(0), self.tile_base.eq(base), self.x_tile.eq(first), self.x0.eq(self.x0 + self.positions)]
        with m.If(self.then_row):
            base, line = self.row_base + self.row_stride, self.line_row + (1 << f.stride_y)
            m.d.sync += self._begin_pass(base, -f.pad_x, line)
            m.d.sync += [self.number.eq(0), self.x0.eq(0), self.x_tile.eq(-f.pad_x), self.y.eq(self.y + 1)]
            m.d.sync += [self.row_base.eq(base), self.tile_base.eq(base), self.line_row.eq(line)]
        with m.If(self.then_mean):
            m.d.sync += [self.mean.eq(1), self.elapsed.eq(0), self.due.eq(0), self.reading.eq(0)]
        with m.If(self.then_block):
            base, gate = self.block_base + f.in_block, self.gate_block + self.gate_stride
            m.d.sync += self._begin_pass(base, -f.pad_x, -f.pad_y)
            m.d.sync += self._begin_block(base, gate)
            m.d.sync += [self.left.eq(self.left - self.rows), self.apart.eq(self.apart + self.block_apart)]
            with m.If(self.wants_mean):
                m.d.sync += self.means.eq(self.means - 1)
            with m.If(self.last_block | ~f.shared):
                m.d.sync += self.block_number.eq(self.block_number + 1)
            with m.If(self.then_end):
                m.d.sync += [self.running.eq(0), self.reading.eq(0)]

    def _begin_block(self, base, gate) -> list:
        f = self.fields
        return [
            *(r.eq(base) for r in (self.block_base, self.row_base, self.tile_base)),
            *(r.eq(gate) for r in (self.gate_block, self.gate)),
            self.x0.eq(0),
            self.y.eq(0),
            self.x_tile.eq(-f.pad_x),
            self.line_row.eq(-f.pad_y),
            self.number.eq(0),
            self.mean.eq(0),
        ]

    def _set_up(self, m: Module) -> None:
        f = self.fields
        m.d.sync += self._begin_pass(self.base, -f.pad_x, -f.pad_y)
        m.d.sync += self._begin_block(self.base, f.gate_first)
        m.d.sync += self._begin_turn()
        m.d.sync += [
            self.left.eq(f.channels),
            self.apart.eq(f.in_chan),
            self.means.eq(f.mean_blocks),
            self.begins.eq(1),
            self.running.eq(1),
        ]
