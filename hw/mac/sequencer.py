"""The sequencer: fetches the descriptors and walks through their loops, a tap a cycle.

Outermost to innermost: blocks of channels, rows, tiles, passes, taps (channel, row and place in the kernel). Addresses go on by
one addition a cycle.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.mac.layouts import Fields, Pass
from hw.mac.memory import Read
from hw.mac.params import ArrayParams
from sw.export.array.program import DESCRIPTOR_WORDS, FIELDS, LANES, SLOTS

# The loops' registers, then low and high of the read.
LATENCY = 2
# A descriptor's words, one more for the memory, one to set up the loops.
FETCH = DESCRIPTOR_WORDS + 2

# One cycle of a pass: ``add`` a tap that is read; or fetch an ``alpha``; or ``take`` the sums.
Step = data.StructLayout({"read": Read, "add": 1, "take": 1, "alpha": 1, "pass_": Pass})


class Sequencer(wiring.Component):
    """Ports: ``start``: run the program (while ``idle``); ``half``: it reads the second input buffer; ``program_address`` /
    ``program_word``, ``passes_address``/``passes``: memories (one register); ``fields`` of the operation and ``begin`` as it
    starts; ``restart`` as the program starts; ``step``: what to do; ``finished``: the operation is written; ``done``: a pulse as
    the program ends, and ``idle``."""

    def __init__(self, params: ArrayParams):
        self.params = params
        super().__init__(
            {
                "start": In(1),
                "half": In(1),
                "program_address": Out(range(params.program)),
                "program_word": In(32),
                "passes_address": Out(range(params.passes)),
                "passes": In(8),
                "fields": Out(Fields),
                "begin": Out(1),
                "restart": Out(1),
                "step": Out(Step),
                "finished": In(1),
                "done": Out(1),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        p = self.params
        raw = Signal(32 * DESCRIPTOR_WORDS, reset_less=True)
        f = Fields(raw[: Fields.size])
        m.d.comb += self.fields.eq(f)
        address = FIELDS["in_base"]

        pc, word = Signal(range(p.program)), Signal(range(DESCRIPTOR_WORDS + 1))
        block_number = Signal(range(p.passes))
        m.d.comb += [self.program_address.eq(pc), self.passes_address.eq(block_number)]

        # Loops.
        # What follows from the descriptor alone is in registers before the first pass ends.
        positions, step_x = Signal(range(LANES + 1), reset_less=True), Signal(range(2 * LANES + 1), reset_less=True)
        rows, row_stride = Signal(range(SLOTS * p.groups + 1), reset_less=True), Signal(address, reset_less=True)
        # The last tap but one in each dimension.
        near_x, near_y, near_c = (Signal(len(f[f"taps_{n}"]), name=f"near_{n}", reset_less=True) for n in "xyc")
        m.d.sync += [
            positions.eq(Const(LANES) >> f.slots),
            step_x.eq((Const(LANES) >> f.slots) << f.stride_x),
            rows.eq(Mux(f.single, 1, Const(p.groups) << f.slots)),
            row_stride.eq(f.in_row << f.stride_y),
            near_x.eq(f.taps_x - 2),
            near_y.eq(f.taps_y - 2),
            near_c.eq(f.taps_c - 2),
        ]
        block_base, row_base, tile_base, pass_base = (
            Signal(address, name=f"{n}_base", reset_less=True) for n in ("block", "row", "tile", "pass")
        )
        channel_at, line_at, at = (Signal(address, name=n, reset_less=True) for n in ("channel_at", "line_at", "at"))
        alpha_row, alpha_at = Signal(address, reset_less=True), Signal(address, reset_less=True)
        c, ky, kx = Signal(len(f.taps_c)), Signal(len(f.taps_y)), Signal(len(f.taps_x))
        x0 = Signal(len(f.out_w))
        x_tile, x = Signal(signed(16), reset_less=True), Signal(signed(16), reset_less=True)
        y = Signal(len(f.out_h))
        line_row, line = Signal(signed(14), reset_less=True), Signal(signed(14), reset_less=True)
        number, left = Signal(8), Signal(len(f.channels))
        elapsed = Signal(len(f.period))
        fetches, taps = Signal(), Signal()  # state within a pass: the alpha, the taps, then neither

        # Is this the last tap of its row, its channel, its pass? Worked out a tap ahead.
        last_x, last_y, last_c = (Signal(name=f"last_{n}", reset_less=True) for n in "xyc")
        one_x, one_y, one_c = f.taps_x == 1, f.taps_y == 1, f.taps_c == 1
        # What these four speak of changes with a pass, and they are asked at its end, at least 17 cycles later: time for registers.
        last_pass, last_tile, last_row, last_block = (Signal(name=f"last_{n}") for n in ("pass", "tile", "row", "block"))
        passes, last_number = (Signal.like(self.passes, name=n, reset_less=True) for n in ("passes", "last_number"))
        m.d.sync += [
            passes.eq(self.passes),
            last_number.eq(passes - 1),
            last_pass.eq(number == last_number),
            last_tile.eq(x0 + positions >= f.out_w),
            last_row.eq(y == f.out_h - 1),
            last_block.eq(left <= rows),
        ]

        take, running, due = Signal(), Signal(), Signal()
        done_pass = Signal(Pass)
        m.d.comb += [
            take.eq(running & ~fetches & ~taps & due),
            done_pass.first.eq(number == 0),
            done_pass.last.eq(last_pass),
            done_pass.row_first.eq(x0 == 0),
            done_pass.row_last.eq(last_tile),
            done_pass.block_last.eq(last_tile & last_row),
            done_pass.onward.eq(last_tile & last_row & (last_block | ~f.shared)),
            done_pass.operation_last.eq(last_tile & last_row & last_block & last_pass),
            done_pass.x.eq(x0),
        ]

        def begin_pass(base, x_first, line_first):
            return [
                pass_base.eq(base),
                channel_at.eq(base),
                line_at.eq(base),
                at.eq(base),
                c.eq(0),
                ky.eq(0),
                kx.eq(0),
                last_c.eq(one_c),
                last_y.eq(one_y),
                last_x.eq(one_x),
                x.eq(x_first),
                line.eq(line_first),
                elapsed.eq(0),
                due.eq(0),
                fetches.eq(f.alpha_memory),
                taps.eq(1),
            ]

        with m.If(running):
            m.d.sync += due.eq(elapsed + 2 >= f.period)
            with m.If(elapsed + 1 < f.period):
                m.d.sync += elapsed.eq(elapsed + 1)
            with m.If(fetches):
                m.d.sync += fetches.eq(0)
            with m.Elif(taps):
                with m.If(~last_x):
                    m.d.sync += [kx.eq(kx + 1), last_x.eq(kx == near_x), at.eq(at + 1), x.eq(x + 1)]
                with m.Elif(~last_y):
                    start = line_at + f.in_row
                    m.d.sync += [kx.eq(0), last_x.eq(one_x), ky.eq(ky + 1), last_y.eq(ky == near_y)]
                    m.d.sync += [at.eq(start), line_at.eq(start), x.eq(x_tile), line.eq(line + 1)]
                with m.Elif(~last_c):
                    start = channel_at + f.in_chan
                    m.d.sync += [kx.eq(0), last_x.eq(one_x), ky.eq(0), last_y.eq(one_y), c.eq(c + 1), last_c.eq(c == near_c)]
                    m.d.sync += [x.eq(x_tile), line.eq(line_row)]
                    m.d.sync += [at.eq(start), line_at.eq(start), channel_at.eq(start)]
                with m.Else():
                    m.d.sync += taps.eq(0)
            with m.Elif(take):
                # One of four sums is where the next pass begins.
                with m.If(~last_pass):
                    m.d.sync += begin_pass(pass_base + f.in_pass, x_tile, line_row)
                    m.d.sync += [number.eq(number + 1), alpha_at.eq(alpha_at + f.alpha_pass)]
                with m.Elif(~last_tile):
                    base, first = tile_base + step_x, x_tile + step_x
                    m.d.sync += begin_pass(base, first, line_row)
                    m.d.sync += [number.eq(0), tile_base.eq(base), x_tile.eq(first), x0.eq(x0 + positions), alpha_at.eq(alpha_row)]
                with m.Else():
                    m.d.sync += [number.eq(0), x0.eq(0), x_tile.eq(-f.pad_x)]
                    m.d.sync += [alpha_row.eq(alpha_row + 1), alpha_at.eq(alpha_row + 1)]
                    with m.If(~last_row):
                        base, first = row_base + row_stride, line_row + (1 << f.stride_y)
                        m.d.sync += begin_pass(base, -f.pad_x, first)
                        m.d.sync += [row_base.eq(base), tile_base.eq(base), line_row.eq(first), y.eq(y + 1)]
                    with m.Else():
                        base = block_base + f.in_block
                        m.d.sync += begin_pass(base, -f.pad_x, -f.pad_y)
                        m.d.sync += [block_base.eq(base), row_base.eq(base), tile_base.eq(base), line_row.eq(-f.pad_y), y.eq(0)]
                        m.d.sync += left.eq(left - rows)
                        with m.If(last_block | ~f.shared):
                            m.d.sync += block_number.eq(block_number + 1)
                        with m.If(last_block):
                            m.d.sync += [running.eq(0), taps.eq(0)]

        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.idle.eq(1)
                m.d.sync += [pc.eq(0), block_number.eq(0), word.eq(0)]
                with m.If(self.start):
                    m.d.comb += self.restart.eq(1)
                    m.next = "FETCH"
            with m.State("FETCH"):
                m.d.sync += word.eq(word + 1)
                with m.If(word != DESCRIPTOR_WORDS):
                    m.d.sync += pc.eq(pc + 1)
                with m.If(word != 0):
                    m.d.sync += raw.eq(Cat(raw[32:], self.program_word))
                with m.If(word == DESCRIPTOR_WORDS):
                    m.d.sync += word.eq(0)
                    m.next = "SET UP"
            with m.State("SET UP"):
                m.d.comb += self.begin.eq(1)
                base = Signal(address)
                m.d.comb += base.eq(f.in_base + Mux(f.input & self.half, p.half, 0))
                m.d.sync += begin_pass(base, -f.pad_x, -f.pad_y)
                m.d.sync += [block_base.eq(base), row_base.eq(base), tile_base.eq(base)]
                m.d.sync += [x0.eq(0), y.eq(0), x_tile.eq(-f.pad_x), line_row.eq(-f.pad_y)]
                m.d.sync += [number.eq(0), left.eq(f.channels), alpha_row.eq(f.alpha_base), alpha_at.eq(f.alpha_base)]
                m.d.sync += running.eq(1)
                m.next = "RUN"
            with m.State("RUN"), m.If(self.finished):
                m.next = "FETCH"
                with m.If(f.end):
                    m.d.comb += self.done.eq(1)
                    m.next = "IDLE"

        # The read: which lanes lie within the row, and nothing where the row itself does not exist.
        inside = Signal()
        end = Signal(signed(17), reset_less=True)
        first = Signal(Step, reset_less=False)
        before = Signal(4, reset_less=True)
        m.d.comb += inside.eq((line >= 0) & (line < f.height))
        m.d.sync += [
            first.read.address.eq(Mux(fetches, alpha_at, at)),
            first.read.stride.eq(f.stride_x),
            first.read.signed.eq(f.in_signed),
            first.add.eq(running & taps & ~fetches),
            first.take.eq(take),
            first.alpha.eq(running & fetches),
            first.pass_.eq(done_pass),
            before.eq(Mux((x < 0) & ~fetches, (-x)[:4], 0)),
            end.eq(Mux(fetches, 31, Mux(inside, f.width - x, 0))),
        ]
        m.d.sync += [
            self.step.eq(first),
            self.step.read.low.eq(before),
            self.step.read.high.eq(Mux(end < 0, 0, Mux(end > 31, 31, end[:5]))),
        ]
        return m
