"""The pool of the tiny engine: the largest of seven positions, every second one, for bits and, behind the last block, for counts.

For each output channel three numbers stand in a memory: the largest of the last one, two and three pairs of positions.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.tiny.params import LANE_CYCLES, LANES, TinyParams

PAIRS = 3
# A sum to the first lane's count.
LAST_LATENCY = 2


class Pool(wiring.Component):
    """Sums of ``LANES`` output channels in; pooled bits or counts out.

    Ports:
      - ``last``: the layer is the last one; ``next_turn``: the set of channels whose sums come in the next cycle;
      - ``final``: the sums in ``totals`` are whole, of the set ``turn`` at a position that is ``odd`` or not, and where a pooled
        column ``emits``; ``bits``: which of them reach their threshold;
      - ``pooled``: bits of a pooled column, in the same cycle;
      - ``counts``: behind the last block, pooled counts one channel a beat, lane by lane: the first ``LAST_LATENCY`` cycles behind
        its sum, the others ``LANE_CYCLES`` apart.
    """

    def __init__(self, params: TinyParams):
        self.params = params
        turns = range(max(2, *(layer.passes for layer in params.layers)))
        super().__init__(
            {
                "last": In(1),
                "next_turn": In(turns),
                "final": In(1),
                "turn": In(turns),
                "odd": In(1),
                "emits": In(1),
                "totals": In(data.ArrayLayout(params.count_bits, LANES)),
                "bits": In(LANES),
                "pooled": Out(LANES),
                "counts": Out(stream.Signature(params.count_bits, always_ready=True)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        p = self.params
        state = data.ArrayLayout(p.count_bits, PAIRS)
        bits_state = data.ArrayLayout(LANES, PAIRS)
        # A channel's numbers are read again only long after they were written.
        attributes = {"ram_style": "block", "no_rw_check": 1}
        depth = max(1 << len(self.turn), LANES << len(self.turn))
        m.submodules.state = memory = Memory(shape=state, depth=depth, init=[], attrs=attributes)
        write, read = memory.write_port(), memory.read_port(domain="sync")

        # Counts wait here, and leave from the lowest.
        waiting = Signal(data.ArrayLayout(p.count_bits, LANES), reset_less=True)
        phase, busy = Signal(range(LANES * LANE_CYCLES)), Signal()
        of_turn, of_odd, of_emits = Signal.like(self.turn, reset_less=True), Signal(reset_less=True), Signal(reset_less=True)
        channel = Cat(phase[1:], of_turn)
        works = busy & phase[0]
        with m.If(busy):
            m.d.sync += [phase.eq(phase + 1), busy.eq(~phase.all())]
        with m.If(works):
            m.d.sync += waiting.eq(Cat(*list(waiting)[1:], waiting[-1]))
        with m.If(self.final & self.last):
            m.d.sync += [
                waiting.eq(self.totals),
                of_turn.eq(self.turn),
                of_odd.eq(self.odd),
                of_emits.eq(self.emits),
                phase.eq(0),
                busy.eq(1),
            ]

        # Both kinds step alike: the new value goes into all three, which move on where a pair begins.
        largest = [Mux(waiting[0] > old, waiting[0], old) for old in read.data]
        before = bits_state(read.data.as_value()[: bits_state.size])
        either = [self.bits | old for old in before]
        m.d.comb += [
            read.addr.eq(Mux(self.last, channel, self.next_turn)),
            write.addr.eq(Mux(self.last, channel, self.turn)),
            write.en.eq(Mux(self.last, works, self.final)),
            self.pooled.eq(either[-1]),
            self.counts.valid.eq(works & of_emits & (channel < p.head.classes)),
            self.counts.payload.eq(largest[-1]),
        ]
        with m.If(self.last):
            m.d.comb += write.data.eq(Mux(of_odd, Cat(largest), Cat(waiting[0], largest[:-1])))
        with m.Else():
            m.d.comb += write.data.eq(Mux(self.odd, Cat(either), Cat(self.bits, either[:-1])))
        return m
