"""The windows of the tiny engine: one is read while the next comes in, in a memory with a single port."""

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect

from hw.front import statistics
from hw.front.normaliser import sample_layout
from hw.stream.elastic import ElasticChain, ElasticParams
from hw.stream.result import NUMBER_BITS
from hw.tiny.spram import SinglePortMemory
from sw.export.normaliser import NormaliserSpec

# A window's last sample to its sums.
SUMMED = statistics.LATENCY + 1


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
                "sums": Out(stream.Signature(statistics.sums_layout(spec))),
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
        m.submodules.statistics = sums = statistics.Statistics(spec)
        m.submodules.numbers = numbers = ElasticChain(ElasticParams(NUMBER_BITS, 2))
        connect(m, numbers.o, wiring.flipped(self.number))

        index, side, oldest = Signal(bits), Signal(), Signal()
        first, final = Signal(init=1), Signal()  # of the window's samples
        number = Signal(NUMBER_BITS)
        whole, summed = Signal(), Signal()
        taken, ends = Signal(), Signal()
        m.d.comb += [
            self.i.ready.eq(~whole & ~self.reading),
            taken.eq(self.i.valid & self.i.ready),
            ends.eq(taken & final),
            memory.address.eq(Cat(self.address, oldest)),
            memory.data_in.eq(self.i.payload.sample),
            memory.write.eq(taken),
            self.sample.eq(memory.data_out),
            sums.i.valid.eq(taken),
            sums.i.payload.sample.eq(self.i.payload.sample),
            sums.i.payload.first.eq(first),
            sums.i.payload.last.eq(final),
            self.sums.valid.eq(summed),
            self.sums.payload.eq(sums.o.payload),
            numbers.i.valid.eq(ends),
            numbers.i.payload.eq(number),
        ]
        with m.If(~self.reading):
            m.d.comb += memory.address.eq(Cat(index, side))
        with m.If(taken):
            m.d.sync += [index.eq(index + 1), first.eq(0), final.eq(index == spec.window - 2)]
            # A window ends with its last sample, or breaks off.
            with m.If(final | self.i.payload.last):
                m.d.sync += [index.eq(0), first.eq(1), final.eq(0), number.eq(number + 1)]
        with m.If(self.sums.valid & self.sums.ready):
            m.d.sync += [whole.eq(0), summed.eq(0)]
        with m.If(ends):
            m.d.sync += [whole.eq(1), side.eq(~side)]
        with m.If(sums.o.valid):
            m.d.sync += summed.eq(1)
        with m.If(self.release):
            m.d.sync += oldest.eq(~oldest)
        return m
