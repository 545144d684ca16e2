"""The sequencer of the tiny engine: which layer, column, pass and part a cycle works on."""

from amaranth.hdl import Array, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.tiny.params import ROWS, TinyParams
from sw.networks import POOL

# Cycles behind a layer's last step until its last column is in the memory.
DRAIN = 5


def step_layout(params: TinyParams) -> data.StructLayout:
    """A step on its way: ``part`` and ``turn`` (pass) of its position; ``old``: half of the window's rows that held the position
    before; ``shifts``: the row moves on by a column, and is ``written`` (the first time); ``inside``: that column is one of the
    input, no padding; ``real``: the part is a group; ``first``, ``final`` part of a sum; ``odd`` position; ``emits``: a pooled
    column ends here."""
    return data.StructLayout(
        {
            "part": range(max(layer.parts for layer in params.layers)),
            "turn": range(max(2, *(layer.passes for layer in params.layers))),
            "old": 1,
            "shifts": 1,
            "written": 1,
            "inside": 1,
            "real": 1,
            "first": 1,
            "final": 1,
            "odd": 1,
            "emits": 1,
        }
    )


def choose(index: Signal, values) -> Array:
    """The layer's own of a list of constants."""
    return Array(Const(value, max(values).bit_length() or 1) for value in values)[index]


class Sequencer(wiring.Component):
    """All steps of all layers, one a cycle; ``DRAIN`` cycles between layers.

    Ports: ``start``: begin with the first layer in the next cycle; ``step``: of this cycle; ``row``: of weights; ``layer``: index;
    ``begins``: high in the cycle before a layer's first step; ``takes``: this step is the last one that wants its input byte.
    """

    def __init__(self, params: TinyParams):
        self.params = params
        super().__init__(
            {
                "start": In(1),
                "step": Out(step_layout(params)),
                "row": Out(range(ROWS)),
                "layer": Out(range(max(2, len(params.layers)))),
                "begins": Out(1),
                "takes": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        layers = self.params.layers
        before = self.params.kernel - 1  # columns that fill the window
        running, drains = Signal(), Signal(range(DRAIN + 1))
        column = Signal(range(max(layer.columns for layer in layers)))
        part, turn = Signal.like(self.step.part), Signal.like(self.step.turn)
        first_row = Signal(range(ROWS))
        inside, primed, pools = Signal(), Signal(), Signal()

        # Ends of things, from the constants of the layer.
        last_part, last_turn, last_column = Signal(), Signal(), Signal()
        shifting = choose(self.layer, [layer.shifting for layer in layers])
        m.d.comb += [
            last_part.eq(part == choose(self.layer, [layer.parts - 1 for layer in layers])),
            last_turn.eq(
                turn
                == Mux(
                    primed,
                    choose(self.layer, [layer.passes - 1 for layer in layers]),
                    choose(self.layer, [layer.priming - 1 for layer in layers]),
                )
            ),
            last_column.eq(column == choose(self.layer, [layer.columns - 1 for layer in layers])),
        ]
        step = self.step
        m.d.comb += [
            step.part.eq(part),
            step.turn.eq(turn),
            step.old.eq(column[0]),
            step.shifts.eq(running & (turn < shifting)),
            step.written.eq(running & (turn == 0)),
            step.inside.eq(inside),
            step.real.eq(part < choose(self.layer, [layer.groups for layer in layers])),
            step.first.eq(part == 0),
            step.final.eq(running & primed & last_part),
            step.odd.eq(column[0] ^ (before & 1)),
            step.emits.eq(pools & (column[0] == before % 2)),
            self.takes.eq(running & inside & step.real & (turn == shifting - 1)),
        ]
        with m.If(running):
            m.d.sync += [part.eq(part + 1), self.row.eq(self.row + 1)]
            with m.If(last_part):
                m.d.sync += [part.eq(0), turn.eq(turn + 1)]
                with m.If(last_turn):
                    m.d.sync += [turn.eq(0), column.eq(column + 1), self.row.eq(first_row)]
                    # The first columns are padding, as are the last; `pad` of them fill no window.
                    with m.If(column == choose(self.layer, [layer.geometry.pad - 1 for layer in layers])):
                        m.d.sync += inside.eq(1)
                    with m.If(column == choose(self.layer, [layer.geometry.pad + layer.geometry.length - 1 for layer in layers])):
                        m.d.sync += inside.eq(0)
                    with m.If(column == before - 1):
                        m.d.sync += primed.eq(1)
                    with m.If(column == before + POOL - 2):
                        m.d.sync += pools.eq(1)
                    with m.If(last_column):
                        m.d.sync += [running.eq(0), drains.eq(DRAIN), first_row.eq(self.row + 1)]
        m.d.comb += self.begins.eq(self.start | ((drains == 1) & (self.layer != len(layers) - 1)))
        with m.If(drains != 0):
            m.d.sync += drains.eq(drains - 1)
        with m.If(self.begins):
            m.d.sync += [
                running.eq(1),
                column.eq(0),
                primed.eq(0),
                pools.eq(0),
                self.row.eq(first_row),
                self.layer.eq(self.layer + 1),
            ]
        with m.If(self.start):
            m.d.sync += [self.row.eq(0), first_row.eq(0), self.layer.eq(0)]
        return m
