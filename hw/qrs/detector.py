"""The QRS detector: raw samples of one lead in, R peaks out; equal to :mod:`sw.qrs.detector` in every integer."""

from amaranth.hdl import Module, signed, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.qrs import envelope, judge
from hw.qrs.taps import tap
from sw.qrs.params import POSITION_BITS, QrsParams

# Cycles from sample to sample, and from the sample with which a beat is known to its offer (see hw.qrs.judge of the others).
INTERVAL = envelope.INTERVAL
LATENCY = envelope.LATENCY + judge.LATENCY


class Detector(wiring.Component):
    """Ports:

    - ``i``: stream of raw samples, ``raw_bits`` signed, of one lead at 360 Hz; one every ``INTERVAL`` cycles;
    - ``o``: stream of R peaks, each the number of its sample modulo 2^16 (the first sample after reset is 0): the lower bits are
      its place in a ring buffer that is written from place 0 on, differences modulo 2^16 are RR intervals.

    A beat is offered ``LATENCY`` cycles after the sample that made it known, which is ``usual_delay`` samples after its R peak, or
    for a search-back's at most ``max_delay``. Beats are in order, at least ``hold`` samples apart, and final. While one waits for
    ``o.ready``, at most one more sample is taken; then ``i`` pauses and nothing is lost.
    """

    def __init__(self, params: QrsParams):
        self.params = params
        super().__init__(
            {
                "i": In(stream.Signature(signed(params.raw_bits))),
                "o": Out(stream.Signature(unsigned(POSITION_BITS))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.envelope = filters = envelope.Envelope(self.params)
        m.submodules.judge = judged = judge.Judge(self.params)
        connect(m, flipped(self.i), filters.i)
        connect(m, filters.o, judged.i)
        connect(m, judged.o, flipped(self.o))
        tap(m, "envelope", filters.o.payload, filters.o.valid & filters.o.ready)
        return m
