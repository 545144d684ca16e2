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


class _State:
    """Where a :class:`Sequencer` stands, and which of that is the last one."""

    def __init__(self, sequencer: "Sequencer"):
        self.running, self.drains = Signal(), Signal(range(DRAIN + 1), name="drains")
        self.column = Signal(range(max(layer.columns for layer in sequencer.params.layers)))
        self.part, self.turn = Signal.like(sequencer.step.part), Signal.like(sequencer.step.turn, name="turn")
        self.first_row = Signal(range(ROWS))
        # The column is one of the input; the window is full; two positions' bits are there.
        self.inside, self.primed, self.pools = Signal(), Signal(), Signal(name="pools")
        self.last_part, self.last_turn, self.last_column = Signal(), Signal(), Signal(name="last_column")


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
        s = _State(self)
        self._tell(m, s)
        self._go_on(m, s)
        self._begin(m, s)
        return m

    def _tell(self, m: Module, s: _State) -> None:
        """The step of this cycle, from the constants of the layer."""
        layers, before = self.params.layers, self.params.kernel - 1
        shifting = choose(self.layer, [layer.shifting for layer in layers])
        m.d.comb += [
            s.last_part.eq(s.part == choose(self.layer, [layer.parts - 1 for layer in layers])),
            s.last_turn.eq(
                s.turn
                == Mux(
                    s.primed,
                    choose(self.layer, [layer.passes - 1 for layer in layers]),
                    choose(self.layer, [layer.priming - 1 for layer in layers]),
                )
            ),
            s.last_column.eq(s.column == choose(self.layer, [layer.columns - 1 for layer in layers])),
        ]
        step = self.step
        m.d.comb += [
            step.part.eq(s.part),
            step.turn.eq(s.turn),
            step.old.eq(s.column[0]),
            step.shifts.eq(s.running & (s.turn < shifting)),
            step.written.eq(s.running & (s.turn == 0)),
            step.inside.eq(s.inside),
            step.real.eq(s.part < choose(self.layer, [layer.groups for layer in layers])),
            step.first.eq(s.part == 0),
            step.final.eq(s.running & s.primed & s.last_part),
            step.odd.eq(s.column[0] ^ (before & 1)),
            step.emits.eq(s.pools & (s.column[0] == before % 2)),
            self.takes.eq(s.running & s.inside & step.real & (s.turn == shifting - 1)),
        ]

    def _go_on(self, m: Module, s: _State) -> None:
        """The next step: another part, pass or column; the pipeline drains behind the last one of a layer."""
        layers, before = self.params.layers, self.params.kernel - 1  # columns that fill the window
        with m.If(s.running):
            m.d.sync += [s.part.eq(s.part + 1), self.row.eq(self.row + 1)]
            with m.If(s.last_part):
                m.d.sync += [s.part.eq(0), s.turn.eq(s.turn + 1)]
                with m.If(s.last_turn):
                    m.d.sync += [s.turn.eq(0), s.column.eq(s.column + 1), self.row.eq(s.first_row)]
                    # The first columns are padding, as are the last; `pad` of them fill no window.
                    with m.If(s.column == choose(self.layer, [layer.geometry.pad - 1 for layer in layers])):
                        m.d.sync += s.inside.eq(1)
                    with m.If(s.column == choose(self.layer, [layer.geometry.pad + layer.geometry.length - 1 for layer in layers])):
                        m.d.sync += s.inside.eq(0)
                    with m.If(s.column == before - 1):
                        m.d.sync += s.primed.eq(1)
                    with m.If(s.column == before + POOL - 2):
                        m.d.sync += s.pools.eq(1)
                    with m.If(s.last_column):
                        m.d.sync += [s.running.eq(0), s.drains.eq(DRAIN), s.first_row.eq(self.row + 1)]

    def _begin(self, m: Module, s: _State) -> None:
        """The next layer, when the one before has drained; the first one at ``start``."""
        layers = self.params.layers
        m.d.comb += self.begins.eq(self.start | ((s.drains == 1) & (self.layer != len(layers) - 1)))
        with m.If(s.drains != 0):
            m.d.sync += s.drains.eq(s.drains - 1)
        with m.If(self.begins):
            m.d.sync += [
                s.running.eq(1),
                s.column.eq(0),
                s.primed.eq(0),
                s.pools.eq(0),
                self.row.eq(s.first_row),
                self.layer.eq(self.layer + 1),
            ]
        with m.If(self.start):
            m.d.sync += [self.row.eq(0), s.first_row.eq(0), self.layer.eq(0)]
