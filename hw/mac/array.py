"""The multi-bit array: a window of int8 samples in, logits out, by the layer program that was loaded.

The window goes to one half of the input region while the program works on the other. ``docs/array.md`` tells the whole story, and
:mod:`sw.export.array.machine` is its reference.
"""

from amaranth.hdl import C, Cat, Module, Mux, ResetInserter, Signal, signed, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect

from hw.mac import fetch, gates, lanes, memory, sequencer, stages, weights, writer
from hw.mac.gates import Gates
from hw.mac.lanes import Lanes
from hw.mac.layouts import ADDRESS_BITS, OPERATION_BITS, Row
from hw.mac.loader import Byte, Loader, Status
from hw.mac.memory import VectorMemory
from hw.mac.params import ArrayParams
from hw.mac.post import Post
from hw.mac.sequencer import Sequencer
from hw.mac.weights import BLOCK, WeightMemory, WeightReader
from hw.mac.writer import Logit, Logits, Writer
from hw.stream import parity
from hw.stream.delay import delay
from sw.export.array import program
from sw.export.array.program import FIELDS, FRONTS, LANES, LIMIT_BITS

# From a step to its inputs at the lanes' doors, to the word of their weights, and to its sums: a pass's sums are copied in the
# cycle after its end.
AT_LANES = memory.READ_LATENCY + gates.LATENCY
AT_READER = AT_LANES + lanes.AT_WEIGHTS - weights.LATENCY
AT_TAKE = AT_LANES + 1
AT_POST = AT_TAKE + lanes.LATENCY - 1
# From the end of a pass to the last lane's sum in the post-processing.
LAST_LANE = AT_POST + LANES
CYCLES = {
    "START_CYCLES": fetch.LATENCY,
    "SETUP_CYCLES": sequencer.SETUP,
    "WRITE_CYCLES": LAST_LANE + stages.LATENCY + writer.LATENCY + memory.WRITE_LATENCY - 1,
    "GATE_CYCLES": sequencer.LATENCY + AT_POST + 1 + stages.PUSH - (sequencer.LATENCY + gates.GATE),
    "LOGIT_CYCLES": sequencer.LATENCY + AT_POST + 1 + stages.PLAIN + writer.LOGITS - 1,
    "HOLD_CYCLES": sequencer.LATENCY + AT_POST + 2,
}
# A program that has not ended in time is stopped, and for so long nothing starts: what it left on its way has gone by then. The
# last pass's sums take LAST_LANE cycles to the writer, which has a row for each slot of each group at most.
CLEARING = 128
for name, cycles in CYCLES.items():
    if getattr(program, name) != cycles:
        raise ValueError(f"{name} of the array are {cycles}, and sw/export/array/program.py says {getattr(program, name)}")


class Array(wiring.Component):
    """Ports:
      - ``image``: stream of bytes, a network to load (:class:`hw.mac.loader.Loader`); ``status`` of the last one; ``loaded``: there
        is a network, whose windows have ``samples`` and are ``images`` or not; ``waiting``: another one, whole and right, waits to
        be taken over; ``taken``: a pulse as it is, from the next cycle on those are its, and samples of the network before are
        gone;
      - ``i``: stream of int8 samples; waits while there is no network, both input buffers are full or the writer writes;
      - ``hold``: no window may start; ``pending``: results have not been read, no network may be taken over;
      - ``logit``: the logits of a window in the order of the classes, not paused; ``done``: a pulse after a window's last one;
        ``fault``: with it, where a window's program did not end in the cycles that its image says, or read a word of the network
        that had changed in its memory (parity), and its logits are worth nothing; ``idle``: no window is at work;
      - ``overrun``: until the next network, a program whose passes are too short for what they write.
    ``fronts``: numbers of the front ends whose networks are loaded, and the samples of each one's windows (None: any number).
    The taps are for simulation: ``tap_write`` (address, bytes, operation), ``tap_low`` and ``tap_high`` show every row that an
    operation writes, ``tap_read`` (address, first and last byte, stride, bytes that are used, operation) every read;
    ``tap_events`` says in which cycles: a program starts, a network is taken, a row, a read, a logit, done, overrun.
    """

    def __init__(self, params: ArrayParams, fronts: dict[int, int | None] | None = None):
        self.params, self.fronts = params, fronts or dict.fromkeys(FRONTS.values())
        super().__init__(
            {
                "image": In(stream.Signature(Byte)),
                "status": Out(Status),
                "loaded": Out(1),
                "waiting": Out(1),
                "samples": Out(16),
                "images": Out(1),
                "taken": Out(1),
                "i": In(stream.Signature(signed(8))),
                "hold": In(1),
                "pending": In(1),
                "logit": Out(Logit),
                "done": Out(1),
                "fault": Out(1),
                "idle": Out(1),
                "overrun": Out(1),
                "tap_events": Out(7),
                "tap_write": Out(25 + OPERATION_BITS),
                "tap_low": Out(64),
                "tap_high": Out(64),
                "tap_write_moves": Out(1),
                "tap_read": Out(32 + OPERATION_BITS),
            }
        )

    def elaborate(self, platform):
        m = Module()
        p = self.params
        m.submodules.loader = loader = Loader(p, self.fronts)
        self.sequence, self.post, self.writer, self.logits = Sequencer(p), Post(p), Writer(p), Logits(p, FIELDS["channels"])
        sequence, write_out, logits = self.sequence, self.writer, self.logits
        half, swap = Signal(), Signal()
        self.odd = []  # by parameter memory, whether the word that was read a cycle ago has changed
        words = self._parameters(m, loader, half)
        signs, reader = self._weights(m, loader, half)
        clear = self._watch(m, loader, swap)
        # What follows the sequencer has no state that lasts: it runs empty.
        m.submodules.sequencer = ResetInserter(clear)(sequence)
        m.submodules.post, m.submodules.writer, m.submodules.logits = self.post, write_out, logits
        m.submodules.memory = self.activations = activations = VectorMemory(p)
        m.submodules.gates = self.gates = Gates(p)
        m.submodules.lanes = self.lanes = Lanes(p)
        connect(m, wiring.flipped(self.image), loader.i)
        self._input(m, sequence, loader, swap, write_out.write, activations.write)

        # A network is taken over between two windows; then the next window starts.
        m.d.comb += [
            swap.eq(self.idle & loader.ready & ~self.pending),
            self.waiting.eq(loader.ready),
            self.idle.eq(sequence.idle & ~clear),
            loader.take.eq(swap),
            self.taken.eq(swap),
            loader.granted.eq(self.idle),
            self.status.eq(loader.status),
            # A program that ends in the very cycle in which it is stopped has been stopped.
            self.done.eq((sequence.done & ~clear) | self.fault),
            self.logit.eq(logits.logit),
        ]
        with m.If(loader.claims & loader.granted):
            m.d.sync += self.loaded.eq(0)
        with m.If(write_out.overrun):
            m.d.sync += self.overrun.eq(1)
        with m.If(swap):
            m.d.sync += self.overrun.eq(0)
            m.d.sync += [half.eq(~half if p.halves else 0), self.loaded.eq(1)]
            m.d.sync += [self.samples.eq(loader.samples), self.images.eq(loader.front == FRONTS["GASF image"])]

        self._wire(m, words, signs, reader)
        self._taps(m, swap)
        return m

    def _watch(self, m: Module, loader: Loader, swap: Signal) -> Signal:
        """End a window whose program takes longer than its image says, or reads a word of the network that has changed. Returns
        what resets the sequencer, until nothing of the program is on its way any more; then the window is a ``fault``."""
        limit, spent = Signal(LIMIT_BITS), Signal(LIMIT_BITS)
        late, damaged, clear, left = Signal(), Signal(), Signal(), Signal(range(CLEARING))
        with m.If(swap):
            m.d.sync += limit.eq(loader.limit)
        # Two registers lie between a cycle and whether it was the last one that the program may take.
        with m.If(self.sequence.idle | clear):
            m.d.sync += [spent.eq(2), late.eq(0), damaged.eq(0)]
        with m.Else():
            m.d.sync += [spent.eq(spent + 1), late.eq(spent >= limit), damaged.eq(Cat(self.odd).any())]
        with m.If(clear):
            m.d.sync += left.eq(left - 1)
            with m.If(left == 0):
                m.d.sync += clear.eq(0)
                m.d.comb += self.fault.eq(1)
        with m.Elif((late | damaged) & ~self.sequence.idle & ~self.sequence.done):
            m.d.sync += [clear.eq(1), left.eq(CLEARING - 1)]
        m.d.comb += loader.fault.eq(self.fault)
        return clear

    def _wire(self, m: Module, words: dict, signs: WeightMemory, reader: WeightReader) -> None:
        """Sequencer to memory and, in step with what that reads, to weights, lanes and post-processing; from there to memory."""
        sequence, activations, gate, add = self.sequence, self.activations, self.gates, self.lanes
        finish, write_out, logits = self.post, self.writer, self.logits
        steps = [sequence.step]
        for k in range(1, AT_POST + 1):
            steps.append(Signal(sequence.step_layout, name=f"step{k}"))
            m.d.sync += steps[k].eq(steps[k - 1])
        at_reader, at_lanes, at_post = steps[AT_READER], steps[AT_LANES], steps[AT_POST]
        m.d.comb += [
            activations.read.eq(sequence.step.read),
            gate.read.eq(sequence.step.read),
            gate.x.eq(activations.x),
            gate.write.eq(finish.gate),
            reader.add.eq(at_reader.lane.add),
            reader.slots.eq(at_reader.lane.slots),
            reader.end.eq(at_reader.end & ~at_reader.pass_.mean),
            reader.last.eq(at_reader.pass_.last),
            reader.onward.eq(at_reader.pass_.onward),
            reader.restart.eq(sequence.restart),
            add.bus.eq(gate.y),
            add.spread.eq(at_lanes.spread),
            add.load.eq(at_lanes.load),
            add.lane.eq(at_lanes.lane),
            add.take.eq(steps[AT_TAKE].end),
            add.word.eq(signs.data),
            add.tap.eq(reader.tap),
            finish.fields.eq(sequence.fields),
            finish.restart.eq(sequence.restart),
            finish.pass_.eq(at_post.pass_),
            finish.arrive.eq(at_post.end),
            finish.sums.eq(add.sums),
            finish.alpha_word.eq(words["alphas"][1]),
            words["alphas"][0].eq(finish.alpha_address),
            finish.channel_word.eq(words["channels"][1]),
            words["channels"][0].eq(finish.channel_address),
            finish.table.eq(words["tables"][1]),
            words["tables"][0].eq(finish.table_address),
            write_out.job.eq(finish.job),
            write_out.start.eq(finish.done),
            write_out.lines.eq(finish.lines),
            logits.plain.eq(finish.plain),
            logits.take.eq(finish.leaves),
            logits.begins.eq(finish.begins),
            logits.channels.eq(sequence.fields.channels),
            words["program"][0].eq(sequence.program_address),
            sequence.program_word.eq(words["program"][1]),
            words["passes"][0].eq(sequence.passes_address),
            sequence.passes.eq(words["passes"][1]),
            sequence.finished.eq(logits.finished),
        ]

    def _taps(self, m: Module, swap: Signal) -> None:
        """For simulation: what operations read and write, and which one. Reads come a few cycles after their operation's
        beginning."""
        sequence, write_out, logits = self.sequence, self.writer, self.logits
        signals = (sequence.begin, "begins"), (sequence.restart, "restarts")
        read, operation = sequence.step.read, Signal(OPERATION_BITS)
        used = Signal(5)  # bytes of the bus
        m.d.comb += used.eq(Mux(sequence.step.load.all(), LANES >> sequence.step.spread, self.params.bus))
        begins, restarts = (delay(m, flag, sequencer.LATENCY, name)[-1] for flag, name in signals)
        with m.If(begins):
            m.d.sync += operation.eq(operation + 1)
        with m.If(restarts):
            m.d.sync += operation.eq(0)
        written = write_out.write
        low, high = written.data.as_value()[:64], written.data.as_value()[64:]
        first = (written.address - written.turn)[:4]  # of the bytes, where the row's first one stands
        m.d.comb += [
            self.tap_write.eq(Cat(written.address, (written.count - 1)[:4], first, write_out.operation)),
            self.tap_low.eq(low),
            self.tap_high.eq(high),
            self.tap_write_moves.eq(written.enable),
            self.tap_read.eq(Cat(read.address, read.low, read.high, read.stride, used, operation)),
            self.tap_events.eq(
                Cat(sequence.start, swap, written.enable, read.valid, logits.logit.valid, self.done, write_out.overrun)
            ),
        ]

    def _parameters(self, m: Module, loader: Loader, half: Signal) -> dict:
        """Parameter memories but for the weights: two halves, one at work and one to be loaded, or one. Address and word by
        name."""
        p, words = self.params, {}
        for name, size in loader.bytes.items():
            if name == "weights":
                continue
            depth = p.depth(name) * (1 + p.halves)
            block = Memory(shape=unsigned(8 * size + 1), depth=depth, init=[], attrs=BLOCK)
            m.submodules[f"{name}_memory"] = block
            read, write = block.read_port(domain="sync"), block.write_port()
            bits = (p.depth(name) - 1).bit_length()
            address = Signal(bits, name=f"{name}_address")
            # The half comes first: a depth need be no power of two.
            above = (half, ~half) if p.halves else (C(0, 0), C(0, 0))
            m.d.comb += [
                read.addr.eq(Cat(above[0], address)),
                write.addr.eq(Cat(above[1], loader.address[:bits])),
                write.data.eq(Cat(loader.word[-8 * size :], loader.parity)),
                write.en.eq(getattr(loader, f"write_{name}")),
            ]
            words[name] = address, read.data[:-1]
            # A block RAM's output is late in its cycle.
            self.odd.append(parity.changed(m, read.data, name, group=4))
        return words

    def _weights(self, m: Module, loader: Loader, half: Signal) -> tuple[WeightMemory, WeightReader]:
        """The weights and their reader."""
        m.submodules.weights_memory = signs = WeightMemory(self.params)
        m.submodules.reader = reader = WeightReader(self.params)
        m.d.comb += [
            signs.half.eq(half),
            signs.write_address.eq(loader.address),
            signs.write_data.eq(Cat(loader.word[-signs.width :], loader.parity)),
            signs.write_enable.eq(loader.write_weights),
            signs.address.eq(reader.address),
        ]
        self.odd.append(signs.odd)
        return signs, reader

    def _input(self, m: Module, sequence: Sequencer, loader: Loader, swap: Signal, results: Signal, write: Signal) -> None:
        """Input buffers: filled and worked on by turns; a sample is written where no result is. They are empty when a network is
        taken over."""
        filling, working = Signal(), Signal()
        full = Signal(2)
        place, last = Signal(range(self.params.half)), Signal(range(self.params.half))
        # A sample waits in a register for a cycle without a result: what takes it is then far from where it is written.
        takes, waiting, sample = Signal(), Signal(), Signal(Row)
        m.d.comb += [
            self.i.ready.eq(self.loaded & ~full.bit_select(filling, 1) & ~(waiting & results.enable)),
            takes.eq(self.i.valid & self.i.ready),
            sample.enable.eq(waiting),
            sample.count.eq(1),
            write.eq(Mux(results.enable, results, sample)),
            sequence.start.eq(self.idle & ~loader.ready & ~loader.claims & self.loaded & ~self.hold & full.bit_select(working, 1)),
            sequence.half.eq(working),
        ]
        with m.If(self.i.ready):
            m.d.sync += [
                waiting.eq(self.i.valid),
                sample.address.eq((place + Mux(filling, self.params.half, 0))[:ADDRESS_BITS]),
                sample.turn.eq(place[:4]),
                sample.data[0].eq(self.i.payload),
            ]
        with m.Elif(~results.enable):
            m.d.sync += waiting.eq(0)
        with m.If(takes):
            m.d.sync += place.eq(place + 1)
            with m.If(place == last):
                m.d.sync += [place.eq(0), full.bit_select(filling, 1).eq(1), filling.eq(~filling)]
        with m.If(self.done):
            m.d.sync += [full.bit_select(working, 1).eq(0), working.eq(~working)]
        with m.If(swap):
            m.d.sync += [last.eq(loader.samples - 1), waiting.eq(0), place.eq(0), full.eq(0), filling.eq(0), working.eq(0)]
