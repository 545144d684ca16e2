"""The statistics of a window while it comes in: sum of the samples and of their squares."""

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.front.samples import each, samples_layout
from hw.stream import multiplier
from hw.stream.delay import delay
from sw.export.front.normaliser import NormaliserSpec

# The square, on its own way to the adder, and the sum.
SQUARE = multiplier.LATENCY + 1
LATENCY = SQUARE + 1


def sums_layout(spec: NormaliserSpec) -> data.StructLayout:
    """Sum and sum of squares of a window."""
    return data.StructLayout({"s1": signed(spec.sum_bits), "s2": unsigned(spec.square_bits)})


def sample_layout(spec: NormaliserSpec, samples: int = 1) -> data.StructLayout:
    """Raw samples with their place in the window: whether it begins or ends with them."""
    return data.StructLayout({"sample": samples_layout(spec.raw_bits, samples), "first": 1, "last": 1})


class Statistics(wiring.Component):
    """Accumulates samples; with the last one of a window, its sums come out.

    Ports:
      - ``i``: samples without backpressure, ``samples`` at once, ``raw_bits`` signed, with ``first`` and ``last`` of a window; a
        ``first`` discards what was accumulated, so a window that was broken off leaves nothing behind;
      - ``o``: the sums, ``LATENCY`` cycles after the last sample, without backpressure.
    """

    def __init__(self, spec: NormaliserSpec, samples: int = 1):
        self.spec, self.samples = spec, samples
        super().__init__(
            {
                "i": In(stream.Signature(sample_layout(spec, samples), always_ready=True)),
                "o": Out(stream.Signature(sums_layout(spec), always_ready=True)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        shape = signed(self.spec.raw_bits)
        squares = []
        for number, sample in enumerate(each(self.i.payload.sample, self.samples)):
            m.submodules["multiplier" + (str(number) if number else "")] = square = multiplier.Multiplier(shape, shape)
            m.d.comb += [square.a.eq(sample), square.b.eq(sample)]
            squares.append(square.p)
        stages, valid = [self.i.payload], delay(m, self.i.valid, SQUARE, "valid")
        for number in range(1, SQUARE + 1):
            stages.append(Signal.like(self.i.payload, name=f"stage{number}", reset_less=True))
            m.d.sync += stages[number].eq(stages[number - 1])
        now, squared = stages[-1], Signal(unsigned(2 * self.spec.raw_bits - 2 + self.samples), reset_less=True)
        m.d.sync += squared.eq(sum(squares[1:], squares[0]))
        added = now.sample
        if self.samples > 1:
            added = Signal(signed(self.spec.raw_bits + self.samples - 1), reset_less=True)
            m.d.sync += added.eq(sum(each(stages[-2].sample, self.samples)))
        sums = Signal(sums_layout(self.spec), reset_less=True)
        with m.If(valid[-1]):
            m.d.sync += [
                sums.s1.eq(Mux(now.first, 0, sums.s1) + added),
                sums.s2.eq(Mux(now.first, 0, sums.s2) + squared),
            ]
        m.d.sync += self.o.valid.eq(valid[-1] & now.last)
        m.d.comb += self.o.payload.eq(sums)
        return m
