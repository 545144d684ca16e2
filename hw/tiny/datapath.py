"""The tiny engine's datapath: one layer at a time, over lanes and memories that all of them share."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.binary.schedule import Prediction
from hw.front import reciprocal
from hw.front.normaliser import sample_layout
from hw.stream import parity
from hw.stream.result import Beat, Meta
from hw.tiny import first, head, lane, pool, schedule, store
from hw.tiny.params import GROUP, LANE_CYCLES, LANES, TinyParams
from hw.tiny.sequencer import DRAIN, Sequencer, choose, step_layout
from hw.tiny.spram import SinglePortMemory
from hw.tiny.window import Window

# A step's addresses to its sum, which memories and lanes lie between.
SUM = 1 + lane.LATENCY


def timing(params: TinyParams) -> schedule.Timing:
    """What the cycle model needs to know."""
    spec, geometry = params.bundle.normaliser, params.first.geometry
    through = params.first.cycles + first.LATENCY
    work = sum(layer.cycles for layer in params.layers) + DRAIN * (len(params.layers) - 1)
    header = (
        through + work + SUM + pool.LAST_LATENCY + LANE_CYCLES * ((params.head.classes - 1) % LANES) + head.latency(params.head)
    )
    return schedule.Timing(
        window=spec.window,
        summed=store.SUMMED,
        scale=reciprocal.latency(spec),
        normalised=1 + (geometry.kernel - geometry.stride) + first.LATENCY,
        first=through,
        header=header,
        idle=header + head.send_cycles(params.head) + 1,
        step=params.first.steps,
        positions=geometry.positions,
    )


def predict(params: TinyParams, windows: int = 3) -> Prediction:
    """Exact cycles of ``windows`` windows back to back with an ever-ready neighbour on both sides."""
    return schedule.predict(timing(params), windows)


class Datapath(wiring.Component):
    """Raw samples in, results out: window store and scale, block 1, the layers behind it one after the other, head.

    Ports:
      - ``i``: stream of raw samples, as of :class:`hw.tiny.store.WindowStore`;
      - ``o``: stream of result beats (see :class:`hw.tiny.head.Head`);
      - ``damaged`` (where ``params.checked``): high, until reset, from when a constant was read whose parity is wrong.

    Cycles: exactly as :func:`predict` says.
    """

    def __init__(self, params: TinyParams):
        self.params = params
        self.constants: dict[str, Value] = {}  # words as they are read, by the memory's name
        super().__init__(
            {
                "i": In(stream.Signature(sample_layout(params.bundle.normaliser))),
                "o": Out(stream.Signature(Beat)),
                **({"damaged": Out(1)} if params.checked else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        p = self.params
        m.submodules.store = windows = store.WindowStore(p.bundle.normaliser)
        m.submodules.reciprocal = scale = reciprocal.Reciprocal(p.bundle.normaliser)
        m.submodules.first = block1 = first.FirstBlock(p.bundle)
        m.submodules.sequencer = sequencer = Sequencer(p)
        m.submodules.head = told = head.Head(p.head)
        connect(m, flipped(self.i), windows.i)
        connect(m, windows.sums, scale.i)
        connect(m, told.o, flipped(self.o))
        starts = self._start_windows(m, windows, scale, block1, sequencer, told)

        # A step and what becomes of it, a cycle a stage.
        steps = [sequencer.step]
        for stage in range(1, SUM + 1):
            steps.append(Signal(step_layout(p), name=f"step{stage}"))
            m.d.sync += steps[stage].eq(steps[stage - 1])
        layer, last = sequencer.layer, Signal()
        layers = Signal()  # at work behind block 1
        with m.If(block1.done):
            m.d.sync += layers.eq(1)
        with m.If(told.free):
            m.d.sync += layers.eq(0)
        m.d.comb += last.eq(layer == len(p.layers) - 1)

        depth = max(layer.geometry.length * layer.groups for layer in p.layers)
        banks = [SinglePortMemory(GROUP, depth) for _ in range(2)]
        reads, writes = Signal(range(depth)), Signal(range(depth))
        byte, written = Signal(GROUP), Signal()
        self._store_columns(m, banks, (layers & ~layer[0], layer[0]), reads, writes, byte, written)
        with m.If(sequencer.takes):
            m.d.sync += reads.eq(reads + 1)
        with m.If(written):
            m.d.sync += writes.eq(writes + 1)
        with m.If(sequencer.begins | starts):
            m.d.sync += [reads.eq(0), writes.eq(0)]
        stored = Mux(layer[0], banks[1].data_out, banks[0].data_out)
        row, weights = self._window_and_weights(m, sequencer, steps[1], stored)
        pooling = self._sum_and_pool(m, row, weights, layer, last & layers, steps[SUM - 1], steps[SUM])
        if p.checked:
            found = [parity.damage(m, word, name) for name, word in self.constants.items()]
            m.d.comb += self.damaged.eq(told.damaged | Cat(found).any())
        m.d.comb += [told.i.valid.eq(pooling.counts.valid), told.i.payload.eq(pooling.counts.payload)]

        # Bits of two sets make a byte.
        ended, low = steps[SUM], Signal(LANES, reset_less=True)
        whole = ended.final & ended.emits & ended.turn[0] & ~last
        with m.If(ended.final):
            m.d.sync += low.eq(pooling.pooled)
        m.d.comb += [
            written.eq(Mux(layers, whole, block1.write)),
            byte.eq(Mux(layers, Cat(low, pooling.pooled), block1.byte)),
        ]
        self._taps(m, block1, told, layer, written & layers, byte, ended.turn)
        return m

    def _start_windows(self, m: Module, windows, scale, block1, sequencer, told) -> Value:
        """One window after the other: it starts when its scale is there and the packet before has left. Returns whether it does."""
        busy = Signal()
        meta = Signal(Meta, reset_less=True)
        starts = scale.o.valid & ~busy
        m.d.comb += [
            block1.start.eq(starts),
            block1.scale.eq(scale.o.payload),
            block1.sample.eq(windows.sample),
            windows.address.eq(block1.address),
            windows.reading.eq(block1.reading),
            windows.number.ready.eq(starts),
            windows.release.eq(block1.done),
            scale.o.ready.eq(block1.done),
            sequencer.start.eq(block1.done),
            told.meta.eq(meta),
        ]
        with m.If(starts):
            m.d.sync += [busy.eq(1), meta.number.eq(windows.number.payload), meta.flat.eq(scale.o.payload.flat)]
        with m.If(told.free):
            m.d.sync += busy.eq(0)
        return starts

    def _store_columns(self, m: Module, banks, is_read, reads, writes, byte, written) -> None:
        """Columns of bytes: each layer reads one memory and writes the other one."""
        for number, bank in enumerate(banks):
            m.submodules[f"bank{number}"] = bank
            m.d.comb += [
                bank.address.eq(Mux(is_read[number], reads, writes)),
                bank.data_in.eq(byte),
                bank.write.eq(written & ~is_read[number]),
            ]

    def _window_and_weights(self, m: Module, sequencer, now, stored) -> tuple[Value, Value]:
        """The window of a step's group, and its weights; ``stored``: the byte that was read for the step ``now``."""
        p = self.params
        part_bits = len(sequencer.step.part)
        pads = Array(
            Const(value, GROUP) for of_layer in p.pad_bytes for value in of_layer + [0] * ((1 << part_bits) - len(of_layer))
        )
        pad = Signal(GROUP, reset_less=True)
        m.d.sync += pad.eq(pads[Cat(sequencer.step.part, sequencer.layer)])
        m.submodules.window = window = Window(p)
        rows, width = parity.stored(p.weight_rows, LANES * p.kernel * GROUP, p.checked)
        m.submodules.weights = weights = Memory(shape=width, depth=len(rows), init=rows, attrs={"ram_style": "block"})
        row = weights.read_port(domain="sync")
        self.constants["weights"] = row.data
        m.d.comb += [
            window.part.eq(sequencer.step.part),
            window.side.eq(sequencer.step.old ^ ~sequencer.step.shifts),
            window.byte.eq(Mux(now.inside, stored, pad)),
            window.shifts.eq(now.shifts),
            window.write.eq(now.written),
            window.to_part.eq(now.part),
            window.to_side.eq(~now.old),
            row.addr.eq(sequencer.row),
        ]
        return window.row, row.data

    def _sum_and_pool(self, m: Module, row, weights, layer, last, ending, ended) -> pool.Pool:
        """Lanes, thresholds, pool; the steps ``ending`` and, a cycle on, ``ended`` are those whose sums are there."""
        p, taps = self.params, self.params.kernel * GROUP
        m.submodules.pool = pooling = pool.Pool(p)
        bases = [sum(before.passes for before in p.layers[:k]) for k in range(len(p.layers))]
        rows, width = parity.stored(p.threshold_rows, LANES * p.threshold_bits, p.checked)
        depth = max(2, len(rows))
        if p.checked:  # the last layer, which has no thresholds, reads behind them: words whose parity is right
            depth = 1 << (depth - 1).bit_length()
        m.submodules.thresholds = thresholds = Memory(shape=width, depth=depth, init=rows, attrs={"ram_style": "block"})
        threshold = thresholds.read_port(domain="sync")
        self.constants["thresholds"] = threshold.data
        for number in range(LANES):
            m.submodules[f"lane{number}"] = one = lane.Lane(taps, p.count_bits)
            m.d.comb += [
                one.row.eq(row),
                one.weights.eq(weights.word_select(number, taps)),
                one.real.eq(ending.real),
                one.first.eq(ending.first),
                pooling.totals[number].eq(one.total),
                pooling.bits[number].eq(one.total >= threshold.data.word_select(number, p.threshold_bits)),
            ]
        m.d.comb += [
            threshold.addr.eq(choose(layer, bases) + ending.turn),
            pooling.last.eq(last),
            pooling.next_turn.eq(ending.turn),
            pooling.final.eq(ended.final),
            pooling.turn.eq(ended.turn),
            pooling.odd.eq(ended.odd),
            pooling.emits.eq(ended.emits),
        ]
        return pooling

    def _taps(self, m: Module, block1, head, layer, written, byte, turn) -> None:
        """Wires with lasting names that follow every layer's output: for the benches and for waveforms, no hardware."""
        p = self.params

        def tap(name: str, moves, value) -> None:
            out_moves, out = Signal(name=f"tap_{name}_moves"), Signal(len(value), name=f"tap_{name}")
            m.d.comb += [out_moves.eq(moves), out.eq(value)]

        tap("normalised", block1.fresh, block1.z)
        tap("block1", block1.write, block1.byte)
        most = max(layer.passes for layer in p.layers) // 2
        column = Signal(GROUP * most)
        whole = Cat(column[GROUP:], byte)
        with m.If(written):
            m.d.sync += column.eq(whole)
        for number, inner in enumerate(p.layers[:-1]):
            lowest = GROUP * (most - inner.passes // 2)
            ends = written & (layer == number) & (turn == inner.passes - 1)
            tap(f"block{number + 2}", ends, whole[lowest : lowest + inner.geometry.out_channels])
        tap(f"block{len(p.layers) + 1}", head.i.valid, Value.cast(head.i.payload))
        tap("result", head.o.valid & head.o.ready, Value.cast(head.o.payload))
