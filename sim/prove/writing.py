"""The array's writer: a job's rows, each a cycle, and a pulse where a job comes too soon."""

from amaranth.hdl import Cat, Mux, Signal

from hw.mac import writer
from hw.mac.layouts import ADDRESS_BITS
from hw.mac.params import ArrayParams
from sim.prove.faults import Fault
from sim.prove.scene import Property, Scene

# Signals of the writer that have no name of their own.
BUSY, AT, STEP, COUNT = (f"$signal:{place}" for place in (0, 2, 3, 4))


def rows(scene: Scene) -> None:
    """Beside the writer a counter of rows, and where the next one goes."""
    part = writer.Writer(ArrayParams(2, memory=64, weights=64, tables=16, window=16, windows=False))
    inside = scene.add(part)
    scene.drive(part.job, part.lines, part.start)
    job = part.job
    left, address, step, count = (
        Signal(len(job.channels), name="left"),
        Signal(ADDRESS_BITS, name="next_address"),
        Signal(ADDRESS_BITS, name="next_step"),
        Signal(len(job.count), name="next_count"),
    )
    with scene.m.If(part.start):
        scene.m.d.sync += left.eq(Mux(job.count != 0, job.channels, 0))
        scene.m.d.sync += [address.eq(job.address), step.eq(job.step), count.eq(job.count)]
    with scene.m.Elif(left != 0):
        scene.m.d.sync += [left.eq(left - 1), address.eq(address + step)]
    scene.claim(inside[BUSY] == (left != 0))
    scene.claim(~inside[BUSY] | (Cat(inside["left"], inside[AT], inside[STEP], inside[COUNT]) == Cat(left, address, step, count)))
    at = Cat(left != 0, address, count)
    row = scene.before(at, "row")
    written = scene.before(row, "written")
    write = part.write
    scene.claim(write.enable == written[0])
    scene.claim(~write.enable | (Cat(write.address, write.count) == written[1:]))
    scene.claim(part.overrun == scene.before(part.start & (left > 1), "too_soon"))


PROPERTIES = (
    Property(
        "writer: rows",
        "A job's rows are written a cycle after each other, each at its address; a job before the last row but one is an overrun, "
        "and only in the cycle after",
        rows,
        (
            Fault(writer, "with m.If(left == 1):", "with m.If(left == 2):"),
            Fault(writer, "busy & (left != 1)", "busy"),
            Fault(
                writer,
                "self.overrun.eq(self.start & busy & (left != 1))",
                "self.overrun.eq(self.overrun | self.start & busy & (left != 1))",
            ),
        ),
        depth=5,
    ),
)
