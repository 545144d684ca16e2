"""The front of an image network: a beat's raw samples in, its Gramian angular summation field out.

The formulas, and the paper that they come from, are in ``sw/export/front/image.py``.
"""

from amaranth.hdl import Module, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.images import angles, outer, points
from hw.stream import skid
from hw.stream.result import NUMBER_BITS, Meta
from sw.export.front.image import IMAGE_BITS

# Last raw sample of a beat to its ``meta``, and to the first value of its image, everything else idle.
META_LATENCY = points.LATENCY + angles.LATENCY + skid.LATENCY
LATENCY = META_LATENCY + outer.LATENCY
# Last raw sample of a beat to the first one of the next, where nothing waits; and image to image, where beats wait.
PAUSE = points.LATENCY + angles.LATENCY + 1
INTERVAL = outer.INTERVAL


class Gasf(wiring.Component):
    """Beats of raw samples in, images out.

    Ports:
      - ``i``: stream of raw samples (12 bits, signed, ADC units) with ``last``. A beat ends after 256 samples; ``last`` may mark
        that or stay low. A ``last`` that comes sooner breaks the beat off: its samples are dropped, its number is skipped, and the
        next sample begins a beat;
      - ``o``: stream of the images' values (int8), 4,096 a beat, row by row, one a cycle where ``o`` does not pause;
      - ``meta``: stream of the beats' numbers and whether they are flat (no call; the image is all 0), one as each image begins to
        leave.

    A beat is taken in a sample a cycle; then ``i`` pauses, while its angles are worked out. Three beats fit: the points of one and
    the angles of two, one of which leaves as an image. Reset drops them all.
    """

    def __init__(self):
        super().__init__(
            {
                "i": In(stream.Signature(points.Sample)),
                "o": Out(stream.Signature(signed(IMAGE_BITS))),
                "meta": Out(stream.Signature(Meta)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.points = summed = points.Points()
        m.submodules.angles = turned = angles.Angles()
        m.submodules.outer = product = outer.Outer()
        # Of beats whose angles are there and whose images have not begun to leave: two.
        m.submodules.numbers = numbers = skid.SkidBuffer(NUMBER_BITS)
        connect(m, flipped(self.i), summed.i)
        connect(m, summed.o, turned.i)
        connect(m, turned.o, product.i)
        connect(m, product.o, flipped(self.o))
        m.d.comb += [
            summed.place.eq(turned.place),
            turned.data.eq(summed.data),
            numbers.i.valid.eq(summed.o.valid & summed.o.ready),
            numbers.i.payload.eq(summed.o.payload.number),
            self.meta.valid.eq(product.flat.valid & numbers.o.valid),
            self.meta.payload.number.eq(numbers.o.payload),
            self.meta.payload.flat.eq(product.flat.payload),
            product.flat.ready.eq(numbers.o.valid & self.meta.ready),
            numbers.o.ready.eq(product.flat.valid & self.meta.ready),
        ]
        return m
