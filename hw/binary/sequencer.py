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
        step_next, takes = Signal.like(step), Signal()
        # Nothing starts while a step other than the last is at work, so the number of the next step does not depend on starts.
        m.d.comb += [
            step_next.eq(Mux(busy & (step != p.steps - 1), step + 1, 0)),
            takes.eq(starts & self.i.payload[p.take]),
        ]
        m.d.sync += [
            busy.eq(starts | (busy & (step != p.steps - 1))),
            step.eq(step_next),
            credits.eq(credits + self.give - takes),
        ]
        # A start comes late in its cycle, so it chooses between what is ready without it and with it. There is a credit when one
        # is taken.
        some, another = (credits != 0) | self.give, (credits > 1) | self.give
        if p.steps == 1:
            m.d.sync += ready.eq(Mux(takes, another, some))
        else:
            m.d.sync += ready.eq(~starts & (~busy | (step >= p.steps - 2)) & some)
        m.d.comb += [self.i.ready.eq(ready), self.o.valid.eq(busy), self.o.payload.step.eq(step), self.ahead.step.eq(step_next)]
        return m
