"""The sequencer: walks through the operations' loops, a read a cycle, and says what the lanes do with what was read.

Outermost to innermost: blocks of channels, rows, tiles, passes, taps (channel, row and place in the kernel), with windows the
groups. Addresses go on by one addition a cycle.
"""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.mac.fetch import Fetch
from hw.mac.layouts import Fields, step
from hw.mac.loops import Loops
from hw.mac.params import ArrayParams
from hw.mac.taps import Taps
from sw.export.array.program import WINDOW_TAPS

# The loops' registers, then low and high of the read.
LATENCY = 2
# From the last read of an operation to the first of the next: its descriptor moves in, the loops are set up.
SETUP = 2


class Sequencer(wiring.Component):
    """Ports: ``start``: run the program (while ``idle``); ``half``: it reads the second input buffer; ``program_address`` /
    ``program_word``, ``passes_address``/``passes``: memories (one register); ``fields`` of the operation that reads; ``restart``
    with the program's first one, ``begin`` as an operation starts; ``step``: what to do; ``finished``: the last logit has left;
    ``done``: a pulse as the program ends, and ``idle``."""

    def __init__(self, params: ArrayParams):
        self.params = params
        self.step_layout = step(params.groups)
        # Cycles of a load.
        self.turn = max(params.groups, WINDOW_TAPS)
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
                "step": Out(self.step_layout),
                "finished": In(1),
                "done": Out(1),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.fetch = fetch = Fetch(self.params)
        m.submodules.loops = loops = Loops(self.params, self.turn)
        fields = Signal(Fields, reset_less=True)
        waited, first_one = Signal(len(fields.delay), reset_less=True), Signal(reset_less=True)
        m.d.comb += [
            fetch.word.eq(self.program_word),
            self.program_address.eq(fetch.address),
            loops.fields.eq(fields),
            loops.base.eq(fields.in_base + Mux(fields.input & self.half, self.params.half, 0)),
            loops.restart.eq(self.restart),
            loops.passes.eq(self.passes),
            self.passes_address.eq(loops.passes_address),
            self.fields.eq(fields),
            fetch.start.eq(self.idle & self.start),
        ]
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.idle.eq(1)
                m.d.sync += [waited.eq(0), first_one.eq(1)]
                with m.If(self.start):
                    m.next = "NEXT"
            with m.State("NEXT"):
                m.d.sync += waited.eq(waited + 1)
                with m.If(fetch.ready & (waited >= fetch.fields.delay)):
                    # What the program before left has come through the post-processing by now.
                    m.d.comb += [fetch.take.eq(1), self.restart.eq(first_one)]
                    m.d.sync += [fields.eq(fetch.fields), first_one.eq(0)]
                    m.next = "SET UP"
            with m.State("SET UP"):
                m.d.comb += [self.begin.eq(1), loops.begin.eq(1)]
                m.next = "RUN"
            with m.State("RUN"):
                m.d.sync += waited.eq(0)
                with m.If(loops.ends):
                    m.next = "NEXT"
                    with m.If(fields.end):
                        m.next = "LOGITS"
            with m.State("LOGITS"), m.If(self.finished):
                m.d.comb += self.done.eq(1)
                m.next = "IDLE"

        m.submodules.taps = taps = Taps(self.params, self.turn)
        first = Signal(self.step_layout)
        m.d.comb += [taps.fields.eq(fields), taps.now.eq(loops.now)]
        m.d.sync += [first.eq(taps.step), self.step.eq(first)]
        # The read: which bytes lie within the row, and nothing where the row itself does not exist.
        x, end = loops.now.x, Signal(signed(17), reset_less=True)
        before = Signal(4, reset_less=True)
        m.d.sync += [
            before.eq(Mux(x < 0, (-x)[:4], 0)),
            end.eq(Mux((loops.now.line >= 0) & (loops.now.line < fields.height), fields.width - x, 0)),
            self.step.read.low.eq(before),
            self.step.read.high.eq(Mux(end < 0, 0, Mux(end > 31, 31, end[:5]))),
        ]
        return m
