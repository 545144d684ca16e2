"""The normaliser: raw samples in, as the ADC gives them; every window's z-scores out.

A window's scale is known when its last sample is, so the window has to be kept: a ring memory with room for two of them takes a
window in while the one before is read out. The statistics go along with the writing; the scale is worked out while the next
window arrives.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect

from hw.front import reciprocal, scaler, statistics
from hw.front.samples import each, samples_layout
from hw.stream.delay import delay
from hw.stream.elastic import ElasticChain, ElasticParams
from hw.stream.result import NUMBER_BITS, Meta
from sw.export.front.normaliser import NormaliserSpec

# Beats between the memory and the datapath; more than the cycles from a read to the queue.
QUEUE = 16
QUEUE_LATENCY = 2
BEGIN_LATENCY = 1
READ_LATENCY = 2
WAITING = 1
LATE = 5  # beats that may still come after the count has reached its limit


def latency(spec: NormaliserSpec) -> int:
    """Live latency: last raw sample of a window to its first normalised one, everything else idle."""
    before = statistics.LATENCY + WAITING + reciprocal.latency(spec) + BEGIN_LATENCY
    return before + READ_LATENCY + scaler.LATENCY + QUEUE_LATENCY


def ring(window: int) -> int:
    """Beats of the memory, for windows of so many beats."""
    return 1 << (2 * window - 1).bit_length()


def capacity(window: int) -> int:
    """Beats in the memory at which ``i`` pauses. Never three whole windows: there is no place for a third one's sums. The count is
    late, hence the margin."""
    return min(ring(window), 3 * window - 1) - LATE


def sample_layout(spec: NormaliserSpec, samples: int = 1) -> data.StructLayout:
    """Raw samples, and whether their window ends with them."""
    return data.StructLayout({"sample": samples_layout(spec.raw_bits, samples), "last": 1})


class _Coming:
    """The window that is coming in, of so many beats: ``index`` and ``number`` of the beat that is next, and what happens to it."""

    def __init__(self, window: int):
        self.index = Signal(range(window))
        self.first, self.final = Signal(init=1), Signal(name="final")  # of the window's samples
        self.number = Signal(NUMBER_BITS)
        self.taken, self.ends, self.breaks = Signal(), Signal(), Signal()


class Normaliser(wiring.Component):
    """Windows of raw samples in, windows of normalised samples out.

    Ports:
      - ``i``: stream of raw samples (``raw_bits``, signed), ``samples`` a beat, with ``last``. A window ends after ``window``
        samples; ``last`` may mark that or stay low. A ``last`` that comes sooner breaks the window off: its samples are dropped,
        its number is skipped, and the next sample begins a window;
      - ``o``: stream of normalised samples (``z_bits``, signed), ``samples`` a beat, ``window`` for each whole window;
      - ``meta``: stream of the whole windows' numbers and whether they are flat, one beat as each begins to leave.

    Nearly three windows fit (two, where twice the window is just a power of two less a few): one can wait while another is read;
    then ``i`` pauses.
    """

    def __init__(self, spec: NormaliserSpec, samples: int = 1):
        if spec.window % samples:
            raise ValueError(f"a window of {spec.window} samples does not come {samples} at once")
        self.spec, self.samples = spec, samples
        super().__init__(
            {
                "i": In(stream.Signature(sample_layout(spec, samples))),
                "o": Out(stream.Signature(samples_layout(spec.z_bits, samples))),
                "meta": Out(stream.Signature(Meta)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        spec = self.spec
        window = spec.window // self.samples  # in beats, as all that is counted here
        depth = ring(window)
        # What is read was written long before: no logic need look for reads and writes of one place.
        attributes = {"ram_style": "block", "no_rw_check": 1}
        raw = samples_layout(spec.raw_bits, self.samples)
        m.submodules.samples = memory = Memory(shape=raw, depth=depth, init=[], attrs=attributes)
        write, read = memory.write_port(), memory.read_port(domain="sync")
        coming = _Coming(window)
        reads, leaves = Signal(), Signal()  # a beat leaves the memory, and ``o``
        self._write(m, write, coming, reads, window, depth)
        scale_of, numbers = self._scales(m, coming)
        scale = self._read(m, read, scale_of, numbers, reads, leaves, window, depth)
        self._send(m, read, scale, reads, leaves)
        return m

    def _write(self, m: Module, write, coming: _Coming, reads: Signal, window: int, depth: int) -> None:
        """Samples into the memory. Room is counted in beats; a window that breaks off gives its own back."""
        index, taken, ends, breaks = coming.index, coming.taken, coming.ends, coming.breaks
        place, start = Signal(range(depth)), Signal(range(depth))
        write_place, write_sample = Signal.like(place, reset_less=True), Signal(write.data.shape(), reset_less=True)
        stored, change = Signal(range(depth + 1)), Signal(signed(len(index) + 2))
        room = Signal(init=1)
        took, broke, read_before, index_before = Signal(), Signal(), Signal(), Signal.like(index)  # a cycle later
        m.d.comb += [
            self.i.ready.eq(room),
            taken.eq(self.i.valid & room),
            ends.eq(taken & coming.final),
            breaks.eq(taken & ~coming.final & self.i.payload.last),
            write.addr.eq(write_place),
            write.data.eq(write_sample),
            write.en.eq(took),
        ]
        # Block RAMs lie far apart: what is written has a register of its own on its way there.
        m.d.sync += [write_place.eq(place), write_sample.eq(self.i.payload.sample)]
        # A window that breaks off takes its samples back: -index, which is ~index + 1.
        m.d.sync += [
            read_before.eq(reads),
            took.eq(taken),
            broke.eq(breaks),
            index_before.eq(index),
            change.eq(
                Mux(broke, ~Cat(index_before, Const(0, 2)), 0).as_signed()
                + Cat(took ^ read_before, read_before & ~took).as_signed()
            ),
            stored.eq(stored + change),
            room.eq(stored < capacity(window)),
        ]
        with m.If(taken):
            m.d.sync += [place.eq(place + 1), index.eq(index + 1), coming.first.eq(0), coming.final.eq(index == window - 2)]
        with m.If(ends | breaks):
            m.d.sync += [index.eq(0), coming.first.eq(1), coming.final.eq(0), coming.number.eq(coming.number + 1)]
        with m.If(ends):
            m.d.sync += start.eq(place + 1)
        with m.If(breaks):
            m.d.sync += place.eq(start)

    def _scales(self, m: Module, coming: _Coming) -> tuple[reciprocal.Reciprocal, ElasticChain]:
        """Statistics, scales and numbers of whole windows. One window's sums may wait while the scale before them does."""
        spec = self.spec
        m.submodules.statistics = sums = statistics.Statistics(spec, self.samples)
        m.submodules.waiting = waiting = ElasticChain(ElasticParams(statistics.sums_layout(spec), WAITING))
        m.submodules.reciprocal = scale_of = reciprocal.Reciprocal(spec)
        m.submodules.numbers = numbers = ElasticChain(ElasticParams(NUMBER_BITS, 3))
        m.d.comb += [
            sums.i.valid.eq(coming.taken),
            sums.i.payload.sample.eq(self.i.payload.sample),
            sums.i.payload.first.eq(coming.first),
            sums.i.payload.last.eq(coming.final),
            waiting.i.valid.eq(sums.o.valid),
            waiting.i.payload.eq(sums.o.payload),
            numbers.i.valid.eq(coming.ends),
            numbers.i.payload.eq(coming.number),
        ]
        connect(m, waiting.o, scale_of.i)
        return scale_of, numbers

    def _read(self, m: Module, read, scale_of, numbers, reads: Signal, leaves: Signal, window: int, depth: int) -> Signal:
        """A window begins when its scale is there; its first sample is read in the next cycle. Returns the scale."""
        scale = Signal(reciprocal.scale_layout(self.spec), reset_less=True)
        left, idle = Signal(range(window + 1)), Signal(init=1)  # beats still to be read; there are none
        read_place = Signal(range(depth))
        credits = Signal(range(QUEUE + 1), init=QUEUE)
        may_read = Signal(init=1)
        begins, begun = (Signal() for _ in range(2))
        m.d.comb += [
            self.meta.valid.eq(idle & scale_of.o.valid),
            self.meta.payload.number.eq(numbers.o.payload),
            self.meta.payload.flat.eq(scale_of.o.payload.flat),
            begins.eq(self.meta.valid & self.meta.ready),
            scale_of.o.ready.eq(begins),
            numbers.o.ready.eq(begun),  # the next one is wanted a window later
            reads.eq(~idle & may_read),
            read.addr.eq(read_place),
        ]
        m.d.sync += [
            begun.eq(begins),
            credits.eq(credits - reads + leaves),
            may_read.eq(leaves | Mux(reads, credits > 1, credits != 0)),
        ]
        with m.If(reads):
            m.d.sync += [left.eq(left - 1), idle.eq(left == 1), read_place.eq(read_place + 1)]
        with m.If(begins):
            m.d.sync += [scale.eq(scale_of.o.payload), left.eq(window), idle.eq(0)]
        return scale

    def _send(self, m: Module, read, scale: Signal, reads: Signal, leaves: Signal) -> None:
        """What was read, scaled, to the queue that ``o`` is the end of."""
        # A block RAM's output is late in its cycle: it gets a register of its own.
        scale_out = Signal.like(scale, reset_less=True)
        sample = Signal(read.data.shape(), reset_less=True)
        m.d.sync += [sample.eq(read.data), scale_out.eq(scale)]
        read_out = delay(m, reads, READ_LATENCY, "read_out")[-1]
        scaled = []
        for number, one in enumerate(each(sample, self.samples)):
            m.submodules["scaler" + (str(number) if number else "")] = scale_samples = scaler.Scaler(self.spec)
            m.d.comb += [
                scale_samples.i.valid.eq(read_out),
                scale_samples.i.payload.sample.eq(one),
                scale_samples.i.payload.scale.eq(scale_out),
            ]
            scaled.append(scale_samples.o)
        m.submodules.queue = queue = SyncFIFOBuffered(width=self.spec.z_bits * self.samples, depth=QUEUE)
        m.d.comb += [
            queue.w_en.eq(scaled[0].valid),
            queue.w_data.eq(Cat(s.payload for s in scaled)),
            self.o.valid.eq(queue.r_rdy),
            Value.cast(self.o.payload).eq(queue.r_data),
            queue.r_en.eq(self.o.ready),
            leaves.eq(self.o.valid & self.o.ready),
        ]
