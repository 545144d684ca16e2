"""A whole block of the binary engine: none of its windows is lost, whenever columns come and go."""

import numpy as np
from amaranth.hdl import Const, Mux, ResetSignal, Signal

from hw.binary import block, sequencer, window
from hw.binary.folding import Folding
from sim.prove.faults import Fault
from sim.prove.scene import Property, Scene
from sw.networks import BlockGeometry

DEPTH = 44


def none_lost(pe: int):
    """A block with windows of 7 columns, 2 channels, of which ``pe`` at once."""

    def build(scene: Scene) -> None:
        geometry = BlockGeometry(1, 2, 7, kernel=3, pad=1)
        weights = np.ones((2, 1, 3), np.int8)
        params = block.BlockParams(geometry, Folding(pe, queue=2), weights, np.array([1, 2]), np.array([0]))
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
        # Windows that have begun, windows whose column has been started: the last one may be late.
        column, come, gone = Signal(range(geometry.length)), Signal(4, name="come"), Signal(4, name="gone")
        with scene.m.If(part.i.valid & part.i.ready):
            ends = column == geometry.length - 1
            scene.m.d.sync += [column.eq(Mux(ends, Const(0), column + 1)), come.eq(come + ends)]
        scene.m.d.sync += gone.eq(gone + takes)
        scene.claim((gone == come) | (gone + 1 == come) | (gone == come + 1) & (column != 0))

    return build


PROPERTIES = tuple(
    Property(
        f"block: none lost, {pe} at once",
        f"Every window of a small block ({pe} of 2 channels at once) puts its column into the queue, a fixed time after it was started "
        "and never into a full one",
        none_lost(pe),
        (
            Fault(block, "sequencer.give.eq(columns.gone)", "sequencer.give.eq(pool.o.valid)"),
            Fault(sequencer, "takes.eq(starts & self.i.payload[p.take])", "takes.eq(starts & self.i.payload.last & self.give)"),
            Fault(window, "column == p.length - 1)", "column == p.length - 2)"),
        ),
        depth=DEPTH,
        unbounded=False,
    )
    for pe in (2, 1)
)
