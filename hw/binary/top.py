"""The top: raw samples in, classes out, both as AXI4-Stream."""

from dataclasses import dataclass

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import Out, connect

from hw.beats.hidden import HiddenParams
from hw.beats.rhythm import RhythmFront, RhythmFrontParams
from hw.binary.datapath import Datapath, DatapathParams
from hw.front.normaliser import Normaliser, sample_layout
from hw.front.normaliser import latency as normaliser_latency
from hw.stream import axis, skid
from hw.stream.result import Beat, Meta


@dataclass(frozen=True)
class Cycles:
    """Cycles of a top, exact. ``interval``: window to window, back to back. ``latency``: of an isolated window, first normalised
    sample into block 1 to the header at ``m_axis``. ``live_latency``: last raw sample at ``s_axis`` to the header."""

    interval: int
    latency: int
    live_latency: int


def cycles(params: DatapathParams) -> Cycles:
    """What the cycle model says of a top. Exact where a window's samples take longer than the work on its scale
    (:func:`hw.front.reciprocal.latency`, 93 cycles for 3,600 samples); shorter windows may find the front end slower."""
    prediction = params.predict()
    latency = prediction.latency + skid.LATENCY
    before = skid.LATENCY + normaliser_latency(params.bundle.normaliser)
    # RR words come through the same port as the samples: the datapath waits meanwhile.
    packet = (params.bundle.network.words + params.bundle.network.window) // params.config.samples
    interval = max(prediction.intervals[-1], packet * (params.bundle.network.words > 0))
    return Cycles(interval, latency, before + latency)


class Top(wiring.Component):
    """A whole classifier with AXI4-Stream ports (TVALID, TREADY, TDATA, TLAST; a register on each side).

    Ports, beside ``clk`` and ``rst`` (synchronous, active high):
      - ``s_axis_*``: ``config.samples`` raw samples a beat (one, or two with the first in the lower half); TDATA has 16 bits for
        each, of which the lower ``raw_bits`` (12) are the sample in two's complement and the upper ones are ignored. A window is
        ``window`` (3,600) samples, of a beat with its words in front; TLAST may mark the beat that ends it or be tied low. TLAST on
        an earlier beat drops the window and skips its number;
      - ``m_axis_*``: a packet of 32-bit beats for each window, TLAST with the last. Beat 0: bits 15-0 window number (wraps), bits
        23-16 class (255: no call), bit 24 no call (flat line), the rest 0. Beats 1 to ``classes``: the logits, signed;
      - ``damaged`` (where ``params.checked``): high, until reset, from when a constant was read whose parity is wrong: before the
        header of the first result that it had a part in.

    Cycles: :func:`cycles`.
    """

    def __init__(self, params: DatapathParams):
        self.params = params
        told = {"damaged": Out(1)} if params.checked else {}
        super().__init__(axis.sink_ports("s_axis", 16 * params.config.samples) | axis.source_ports("m_axis", 32) | told)

    def elaborate(self, platform):
        m = Module()
        spec, count = self.params.bundle.normaliser, self.params.config.samples
        m.submodules.normaliser = normaliser = Normaliser(spec, count)
        m.submodules.datapath = datapath = Datapath(self.params)
        m.submodules.source = source = skid.SkidBuffer(sample_layout(spec, count))
        # The numbers of the windows that are in the datapath: at most four.
        m.submodules.meta_in = meta_in = skid.SkidBuffer(Meta)
        m.submodules.meta_out = meta_out = skid.SkidBuffer(Meta)
        m.submodules.sink = sink = skid.SkidBuffer(Beat)
        rhythm = self.params.bundle.network.rhythm
        if rhythm:
            head = self.params.bundle.head
            checked = self.params.checked
            hidden = HiddenParams(head.hidden, head.hidden_threshold, checked) if rhythm.hidden else None
            m.submodules.rhythm = front = RhythmFront(
                RhythmFrontParams(spec, rhythm, count, self.params.head.rhythm, hidden, checked)
            )
            connect(m, source.o, front.i)
            connect(m, front.o, normaliser.i)
            connect(m, front.bits, datapath.rhythm)
            if rhythm.head:
                connect(m, front.sums, datapath.sums)
        else:
            connect(m, source.o, normaliser.i)
        connect(m, normaliser.o, datapath.i)
        connect(m, normaliser.meta, meta_in.i)
        connect(m, meta_in.o, meta_out.i)
        connect(m, meta_out.o, datapath.meta)
        connect(m, datapath.o, sink.i)
        m.d.comb += axis.samples_in(self, source, spec.raw_bits, count) + axis.results_out(self, sink)
        if self.params.checked:
            m.d.comb += self.damaged.eq(datapath.damaged | front.damaged if rhythm else datapath.damaged)
        return m
