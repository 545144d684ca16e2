"""The windows of the tiny engine: one is read while the next comes in, in a memory with a single port."""

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect

from hw.front.normaliser import sample_layout
from hw.front.statistics import sums_layout
from hw.stream.elastic import ElasticChain, ElasticParams
from hw.stream.result import NUMBER_BITS
from hw.tiny import sums
from hw.tiny.spram import SinglePortMemory
from sw.export.front.normaliser import NormaliserSpec

# A window's last sample to its sums.
SUMMED = sums.LATENCY


class WindowStore(wiring.Component):
    """Raw samples in; a whole window's sums out, and its samples as they are asked for.

    Ports:
      - ``i``: stream of raw samples with ``last``, as of :class:`hw.front.normaliser.Normaliser`; pauses while a sample is read,
        and from a window's end until its sums are taken;
      - ``sums``: stream of the whole windows' sums, ``SUMMED`` cycles behind their last samples;
      - ``number``: stream of their numbers;
      - ``address``, ``reading``: sample of the oldest window, on ``sample`` a cycle later; ``release``: the oldest window's samples
        are not wanted any more. Only then may another window's sums be taken, so two windows have room.
    """

    def __init__(self, spec: NormaliserSpec):
        self.spec = spec
        super().__init__(
            {
                "i": In(stream.Signature(sample_layout(spec))),
                "sums": Out(stream.Signature(sums_layout(spec))),
                "number": Out(stream.Signature(NUMBER_BITS)),
                "address": In(range(spec.window)),
                "reading": In(1),
                "sample": Out(signed(spec.raw_bits)),
                "release": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        spec = self.spec
        bits = len(self.address)
        m.submodules.samples = memory = SinglePortMemory(spec.raw_bits, 1 << (bits + 1))
        m.submodules.sums = summing = sums.Sums(spec)
        m.submodules.numbers = numbers = ElasticChain(ElasticParams(NUMBER_BITS, 2))
        connect(m, numbers.o, wiring.flipped(self.number))
        connect(m, summing.o, wiring.flipped(self.sums))

        index, side, oldest = Signal(bits), Signal(), Signal()
        final = Signal()  # of the window's samples
        number = Signal(NUMBER_BITS)
        whole = Signal()
        taken, ends, breaks = Signal(), Signal(), Signal()
        m.d.comb += [
            self.i.ready.eq(~whole & ~self.reading),
            taken.eq(self.i.valid & self.i.ready),
            ends.eq(taken & final),
            breaks.eq(taken & ~final & self.i.payload.last),
            memory.address.eq(Cat(self.address, oldest)),
            memory.data_in.eq(self.i.payload.sample),
            memory.write.eq(taken),
            self.sample.eq(memory.data_out),
            summing.i.valid.eq(taken),
            summing.i.payload.sample.eq(self.i.payload.sample),
            summing.i.payload.ends.eq(ends),
            summing.i.payload.breaks.eq(breaks),
            numbers.i.valid.eq(ends),
            numbers.i.payload.eq(number),
        ]
        with m.If(~self.reading):
            m.d.comb += memory.address.eq(Cat(index, side))
        with m.If(taken):
            m.d.sync += [index.eq(index + 1), final.eq(index == spec.window - 2)]
        with m.If(ends | breaks):
            m.d.sync += [index.eq(0), final.eq(0), number.eq(number + 1)]
        with m.If(self.sums.valid & self.sums.ready):
            m.d.sync += whole.eq(0)
        with m.If(ends):
            m.d.sync += [whole.eq(1), side.eq(~side)]
        with m.If(self.release):
            m.d.sync += oldest.eq(~oldest)
        return m
