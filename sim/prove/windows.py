"""A whole block of the binary engine: none of its windows is lost, whenever columns come and go."""

import numpy as np
from amaranth.hdl import Const, Mux, ResetSignal, Signal

from hw.binary import block, sequencer, window
from hw.binary.folding import Folding
from sim.prove.faults import Fault
from sim.prove.scene import Property, Scene
from sw.networks import BlockGeometry

DEPTH = 30


def none_lost(scene: Scene) -> None:
    """A block with windows of 7 columns and room for one column behind it."""
    geometry = BlockGeometry(1, 2, 7, kernel=3, pad=1)
    weights = np.ones((2, 1, 3), np.int8)
    params = block.BlockParams(geometry, Folding(2, queue=1), weights, np.array([1, 2]), np.array([0]))
    part = block.Block(params)
    inside = scene.add(part)
    scene.drive(part.i.valid, part.i.payload, part.o.ready)
    scene.suppose(~ResetSignal())
    starts = inside["sliding_window.o__valid"] & inside["sequencer.i__ready"]
    takes = starts & inside["sliding_window.o__payload"][0]
    enters = inside["columns.i__valid"]
    scene.claim(~enters | inside["columns.queue.moves0"])
    # A position with a pooled column puts one into the queue, always as many cycles later.
    late = takes
    for k in range(params.latency - params.columns.latency + params.steps - 1):
        late = scene.before(late, f"late{k}")
    scene.claim(enters == late)
    # Windows that have come in whole, windows whose column has been started: the last one may be late.
    column, come, gone = Signal(range(geometry.length)), Signal(4, name="come"), Signal(4, name="gone")
    with scene.m.If(part.i.valid & part.i.ready):
        ends = column == geometry.length - 1
        scene.m.d.sync += [column.eq(Mux(ends, Const(0), column + 1)), come.eq(come + ends)]
    scene.m.d.sync += gone.eq(gone + takes)
    scene.hint(part.i.valid & ~part.o.ready)
    scene.claim((gone == come) | (gone + 1 == come))


PROPERTIES = (
    Property(
        "block: none lost",
        "Every window of a small block starts its column after its last input and before the next window ends, and that enters "
        "the queue a fixed time later, never a full one",
        none_lost,
        (
            Fault(block, "sequencer.give.eq(columns.gone)", "sequencer.give.eq(pool.o.valid)"),
            Fault(sequencer, "takes.eq(starts & self.i.payload[p.take])", "takes.eq(starts & self.i.payload.last & self.give)"),
            Fault(window, "column == p.length - 1)", "column == p.length - 2)"),
        ),
        depth=DEPTH,
        unbounded=False,
    ),
)
