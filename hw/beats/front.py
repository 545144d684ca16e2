"""Raw samples of one lead in, a packet for every beat in them out: detector and what cuts beats, side by side."""

from collections.abc import Callable
from dataclasses import dataclass

from amaranth.hdl import Module, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.beats.segmenter import Segmenter
from hw.qrs.detector import Detector
from sw.qrs.params import POSITION_BITS, QrsParams


@dataclass(frozen=True)
class Times:
    """Cycles of a top that finds the beats itself, exact. ``sample``: from one sample to the next; ``beat``: work on a beat, during
    which no sample is taken or (images) other beats wait; ``result``: from the sample with which the next beat is known, in the
    usual way, to the header of the beat before it, or None where that depends on others; ``lowest_hz``: the slowest clock that
    keeps up with 360 samples a second."""

    sample: int
    beat: int
    result: int | None
    lowest_hz: int


class BeatFront(wiring.Component):
    """``cut`` makes what cuts the beats, from a sample's bits and the detector's longest delay: a
    :class:`hw.beats.segmenter.Segmenter` or :class:`hw.beats.cutter.Cutter`.

    Ports: ``i``: stream of raw samples, ``raw_bits`` signed; ``o`` and ``position`` as of what cuts. A sample is taken
    when both take it."""

    def __init__(self, params: QrsParams, cut: Callable[[int, int], wiring.Component] = Segmenter):
        self.params, self.cut = params, cut
        super().__init__(
            {
                "i": In(stream.Signature(signed(params.raw_bits))),
                "o": Out(stream.Signature(data.StructLayout({"sample": signed(params.raw_bits), "last": 1}))),
                "position": Out(stream.Signature(POSITION_BITS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.detector = detector = Detector(self.params)
        m.submodules.segmenter = segmenter = self.cut(self.params.raw_bits, self.params.max_delay)
        m.d.comb += [
            detector.i.payload.eq(self.i.payload),
            segmenter.i.payload.eq(self.i.payload),
            detector.i.valid.eq(self.i.valid & segmenter.i.ready),
            segmenter.i.valid.eq(self.i.valid & detector.i.ready),
            self.i.ready.eq(detector.i.ready & segmenter.i.ready),
        ]
        connect(m, detector.o, segmenter.peaks)
        connect(m, segmenter.o, flipped(self.o))
        connect(m, segmenter.position, flipped(self.position))
        return m
