"""The multi-bit array: a window of int8 samples in, logits out, by the layer program that was loaded.

The window goes to one half of the input region while the program works on the other. ``docs/array.md`` tells the whole story, and
:mod:`sw.export.array.machine` is its reference.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect

from hw.mac import lanes, memory, post, sequencer, weights, writer
from hw.mac.lanes import Lanes
from hw.mac.layouts import Pass
from hw.mac.loader import Byte, Loader, Status
from hw.mac.memory import VectorMemory
from hw.mac.params import ArrayParams
from hw.mac.post import Post
from hw.mac.sequencer import Sequencer
from hw.mac.weights import WeightMemory, WeightReader
from hw.mac.writer import Logit, Writer
from hw.stream.delay import delay
from sw.export.array.program import DRAIN_CYCLES, FETCH_CYCLES, LANES

# From a step to its inputs at the lanes' doors, and to its sums.
AT_LANES = memory.READ_LATENCY
AT_POST = AT_LANES + lanes.LATENCY
# From an operation's last take to its end, but for the writing: the step, its sums, the last lane of them, its result, the job.
DRAIN = sequencer.LATENCY + AT_POST + LANES + post.LATENCY + writer.FINISH
if (DRAIN, sequencer.FETCH) != (DRAIN_CYCLES, FETCH_CYCLES):
    raise ValueError(f"the array drains in {DRAIN} cycles, and sw/export/array/program.py says {DRAIN_CYCLES}")


class Array(wiring.Component):
    """Ports:
      - ``image``: stream of bytes, a network to load (:class:`hw.mac.loader.Loader`); ``status`` of the last one; ``loaded``: there
        is a network;
      - ``i``: stream of int8 samples, ``window`` of them a window; waits while both input buffers are full or the writer writes;
      - ``hold``: no window may start;
      - ``logit``: the logits of a window in the order of the classes, not paused; ``done``: a pulse after a window's last one;
      - ``overrun``: sticky, a program whose passes are too short for what they write.
    The taps ``tap_write`` and ``tap_operation`` show every byte that an operation writes, for simulation.
    """

    def __init__(self, params: ArrayParams):
        self.params = params
        super().__init__(
            {
                "image": In(stream.Signature(Byte)),
                "status": Out(Status),
                "loaded": Out(1),
                "i": In(stream.Signature(signed(8))),
                "hold": In(1),
                "logit": Out(Logit),
                "done": Out(1),
                "overrun": Out(1),
                "tap_start": Out(1),
                "tap_write": Out(32),
                "tap_write_moves": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        p = self.params
        m.submodules.loader = loader = Loader(p)
        m.submodules.sequencer = sequence = Sequencer(p)
        m.submodules.memory = activations = VectorMemory(p)
        m.submodules.reader = reader = WeightReader(p)
        m.submodules.lanes = add = Lanes(p.groups)
        m.submodules.post = finish = Post(p)
        m.submodules.writer = write_out = Writer(p)
        connect(m, wiring.flipped(self.image), loader.i)

        # Parameter memories: two halves, one at work and one to be loaded.
        half = Signal()  # at work
        words = {}
        for name, size in loader.bytes.items():
            if name == "weights":
                continue
            block = Memory(shape=unsigned(8 * size), depth=2 * p.depth(name), init=[], attrs={"ram_style": "block"})
            m.submodules[f"{name}_memory"] = block
            read, write = block.read_port(domain="sync"), block.write_port()
            bits = (p.depth(name) - 1).bit_length()
            m.d.comb += [
                write.addr.eq(Cat(~half, loader.address[:bits])),
                write.data.eq(loader.word[-8 * size :]),
                write.en.eq(getattr(loader, f"write_{name}")),
            ]
            address = Signal(bits, name=f"{name}_address")
            m.d.comb += read.addr.eq(Cat(half, address))
            words[name] = address, read.data

        m.submodules.weights_memory = signs = WeightMemory(p)
        m.d.comb += [
            signs.half.eq(half),
            signs.write_address.eq(loader.address),
            signs.write_data.eq(loader.word[-signs.width :]),
            signs.write_enable.eq(loader.write_weights),
            signs.address.eq(reader.address),
        ]

        # Input buffers: filled and worked on by turns.
        filling, working = Signal(), Signal()
        full = Signal(2)
        place = Signal(range(p.half))
        final = place == p.window - 1
        takes = Signal()
        m.d.comb += [
            self.i.ready.eq(~full.bit_select(filling, 1) & ~write_out.write.enable),
            takes.eq(self.i.valid & self.i.ready),
        ]
        with m.If(takes):
            m.d.sync += place.eq(Mux(final, 0, place + 1))
            with m.If(final):
                m.d.sync += [full.bit_select(filling, 1).eq(1), filling.eq(~filling)]
        with m.If(sequence.done):
            m.d.sync += [full.bit_select(working, 1).eq(0), working.eq(~working)]
        m.d.comb += [
            activations.write.eq(write_out.write),
            self.done.eq(sequence.done),
            self.status.eq(loader.status),
            self.overrun.eq(write_out.overrun),
            self.logit.eq(write_out.logit),
        ]
        with m.If(takes):
            m.d.comb += [
                activations.write.enable.eq(1),
                activations.write.address.eq(place + Mux(filling, p.half, 0)),
                activations.write.data.eq(self.i.payload),
            ]

        # A network is taken over between two windows; then the next window starts.
        swap = Signal()
        m.d.comb += [
            swap.eq(sequence.idle & loader.ready),
            loader.take.eq(swap),
            sequence.start.eq(sequence.idle & ~loader.ready & self.loaded & ~self.hold & full.bit_select(working, 1)),
            sequence.half.eq(working),
        ]
        with m.If(swap):
            m.d.sync += [half.eq(~half), self.loaded.eq(1)]

        # Sequencer to memory and, in step with what that reads, to weights, lanes and post-processing.
        step = sequence.step
        adds = delay(m, step.add, AT_LANES, "adds")
        takes_at = delay(m, step.take, AT_POST, "takes")
        alphas = delay(m, step.alpha, AT_LANES, "alphas")
        passed = [step.pass_]
        for k in range(1, AT_POST + 1):
            passed.append(Signal(Pass, name=f"pass{k}"))
            m.d.sync += passed[k].eq(passed[k - 1])
        early = AT_LANES - weights.LATENCY
        # An alpha from memory is read while the sums of the pass before are still on their way: it waits for a cycle.
        alpha_read, alpha_input = Signal(signed(9)), Signal(signed(9))
        m.d.sync += alpha_input.eq(alpha_read)
        with m.If(alphas[AT_LANES - 1]):
            m.d.sync += alpha_read.eq(activations.x[0])
        restart = delay(m, sequence.restart, 1, "restart")[-1]
        m.d.comb += [
            activations.read.eq(step.read),
            reader.add.eq(adds[early - 1]),
            reader.take.eq(takes_at[early - 1]),
            reader.last.eq(passed[early].last),
            reader.onward.eq(passed[early].onward),
            reader.restart.eq(restart),
            reader.slots.eq(sequence.fields.slots),
            add.x.eq(activations.x),
            add.word.eq(signs.data),
            add.tap.eq(reader.tap),
            add.slots.eq(sequence.fields.slots),
            add.add.eq(adds[AT_LANES - 1]),
            add.take.eq(takes_at[AT_LANES - 1]),
            finish.fields.eq(sequence.fields),
            finish.begin.eq(sequence.begin),
            finish.restart.eq(restart),
            finish.pass_.eq(passed[AT_POST]),
            finish.arrive.eq(takes_at[AT_POST - 1]),
            finish.sums.eq(add.sums),
            finish.alpha_input.eq(alpha_input),
            words["alphas"][0].eq(finish.alpha_address),
            finish.alpha_word.eq(words["alphas"][1]),
            words["channels"][0].eq(finish.channel_address),
            finish.channel_word.eq(words["channels"][1]),
            finish.buffer_address.eq(write_out.buffer_address),
            write_out.fields.eq(sequence.fields),
            write_out.job.eq(finish.job),
            write_out.start.eq(finish.done),
            write_out.buffer.eq(finish.buffer),
            words["tables"][0].eq(write_out.table_address),
            write_out.table.eq(words["tables"][1]),
            words["program"][0].eq(sequence.program_address),
            sequence.program_word.eq(words["program"][1]),
            words["passes"][0].eq(sequence.passes_address),
            sequence.passes.eq(words["passes"][1]),
            sequence.finished.eq(write_out.finished),
        ]

        # For simulation: what operations write, and which one.
        operation = Signal(8)
        with m.If(sequence.begin):
            m.d.sync += operation.eq(operation + 1)
        with m.If(sequence.restart):
            m.d.sync += operation.eq(0)
        m.d.comb += [
            self.tap_start.eq(sequence.start),
            self.tap_write.eq(Cat(write_out.write.address, write_out.write.data, operation[:7])),
            self.tap_write_moves.eq(write_out.write.enable),
        ]
        return m
