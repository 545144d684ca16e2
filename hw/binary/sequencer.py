"""The sequencer: turns positions into steps, and starts none whose result would find no room.

A step is one cycle's work: channel group n of ceil(out/PE) and part s of the kernel, ``groups * parts`` steps a position. The
datapath behind it never stalls; instead a place in the output queue (a credit) is taken when a position that ends in an output
starts, and given back when the output leaves the queue.
"""

from dataclasses import dataclass

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.binary.window import Position


def step_layout(steps: int) -> data.StructLayout:
    """What is said of a step: its number within its position."""
    return data.StructLayout({"step": range(max(steps, 2))})


@dataclass(frozen=True)
class SequencerParams:
    """``steps`` a position; ``credits``: outputs that may be under way or queued; ``take``: the field of a position that says
    whether it takes a credit (``pools`` or ``last``)."""

    steps: int
    credits: int
    take: str = "pools"

    def __post_init__(self):
        if self.steps < 1 or self.credits < 1:
            raise ValueError(f"a sequencer has at least 1 step and 1 credit, not {self.steps} and {self.credits}")
        if self.take not in ("pools", "last"):
            raise ValueError(f"a credit is taken by positions that 'pools' or 'last' marks, not {self.take!r}")


class Sequencer(wiring.Component):
    """Positions in, steps out.

    Ports:
      - ``i``: stream of positions; ``i.ready`` is a register: the steps of the position before are running out and there is a
        credit. It pauses positions without an output too while there is none;
      - ``o``: steps, without backpressure: the first one in the cycle after the position's transfer, the others directly after;
      - ``ahead``: the step of the next cycle, where there will be one: a block RAM needs its address that much sooner;
      - ``give``: high for a cycle gives a credit back (usable two cycles later).
    """

    def __init__(self, params: SequencerParams):
        self.params = params
        super().__init__(
            {
                "i": In(stream.Signature(Position)),
                "o": Out(stream.Signature(step_layout(params.steps), always_ready=True)),
                "ahead": Out(step_layout(params.steps)),
                "give": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        p = self.params
        busy, step = Signal(), Signal(range(max(p.steps, 2)))
        credits = Signal(range(p.credits + 1), init=p.credits)
        ready = Signal(init=1)

        starts = Signal()
        m.d.comb += starts.eq(self.i.valid & ready)
        busy_next, step_next = Signal(), Signal.like(step)
        m.d.comb += [busy_next.eq(starts | (busy & (step != p.steps - 1))), step_next.eq(Mux(starts, 0, step + 1))]
        takes = Signal()
        m.d.comb += takes.eq(starts & self.i.payload[p.take])
        left = Signal.like(credits)
        m.d.comb += left.eq(credits + self.give - takes)
        m.d.sync += [
            busy.eq(busy_next),
            step.eq(step_next),
            credits.eq(left),
            ready.eq((~busy_next | (step_next == p.steps - 1)) & (left != 0)),
        ]
        m.d.comb += [self.i.ready.eq(ready), self.o.valid.eq(busy), self.o.payload.step.eq(step), self.ahead.step.eq(step_next)]
        return m
