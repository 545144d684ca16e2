"""Raw samples of one lead in, the image of every beat in them out: detector, cutter and image front."""

from amaranth.hdl import Module, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.beats.cutter import Cutter
from hw.beats.front import BeatFront
from hw.images.gasf import Gasf
from hw.stream.elastic import ElasticChain, ElasticParams
from hw.stream.result import Meta
from sw.export.front.image import IMAGE_BITS, RAW_BITS
from sw.qrs.params import POSITION_BITS, QrsParams

WAITING = 3  # beats that were cut and whose images have not begun to leave

Beat = data.StructLayout({"meta": Meta, "position": POSITION_BITS})


class ImageFront(wiring.Component):
    """Equal to :func:`sw.beats.images.run` in every integer.

    Ports:
      - ``i``: stream of raw samples of one lead at 360 Hz, 12 bits, signed, in ADC units, without end, number 0 first;
      - ``o``: stream of the images' values (int8), 4,096 a beat, row by row, in the beats' order;
      - ``beat``: stream of a beat's running number, whether it is flat (no call; the image is all 0), and ``position``, the number
        of the R peak's sample modulo 2^16; one as each image begins to leave.

    Where beats come faster than their images are taken, they wait in the cutter's ring; where samples come so fast that one which a
    beat needs would be overwritten there, or a fifth beat waits, ``i`` pauses and nothing is lost. Reset begins a new recording.
    """

    def __init__(self, params: QrsParams):
        self.params = params
        super().__init__(
            {
                "i": In(stream.Signature(signed(RAW_BITS))),
                "o": Out(stream.Signature(signed(IMAGE_BITS))),
                "beat": Out(stream.Signature(Beat)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.beats = beats = BeatFront(self.params, Cutter)
        m.submodules.gasf = gasf = Gasf()
        m.submodules.positions = positions = ElasticChain(ElasticParams(POSITION_BITS, WAITING))
        connect(m, flipped(self.i), beats.i)
        connect(m, beats.o, gasf.i)
        connect(m, beats.position, positions.i)
        connect(m, gasf.o, flipped(self.o))
        m.d.comb += [
            self.beat.valid.eq(gasf.meta.valid & positions.o.valid),
            self.beat.payload.meta.eq(gasf.meta.payload),
            self.beat.payload.position.eq(positions.o.payload),
            gasf.meta.ready.eq(positions.o.valid & self.beat.ready),
            positions.o.ready.eq(gasf.meta.valid & self.beat.ready),
        ]
        return m
