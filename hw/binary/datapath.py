"""The streaming datapath: all blocks at work at once, each on what the one before has just made, and the head behind them."""

from functools import cached_property

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.beats.rhythm import sums_layout
from hw.binary import schedule
from hw.binary.beside import Beside, BesideParams
from hw.binary.block import Block, BlockParams
from hw.binary.folding import Config
from hw.binary.head import Head, HeadParams
from hw.front.samples import samples_layout
from hw.stream.result import Beat, Meta
from sw.errors import PopbeatError
from sw.export.bundle import Bundle


class DatapathParams:
    """The hardware of a bundle in a configuration: parameters of every block and of the head. ``checked``: weights
    in block RAM and the head's slopes have parity (:mod:`hw.stream.parity`)."""

    def __init__(self, bundle: Bundle, config: Config, checked: bool = False):
        geometry = bundle.network.blocks
        config = config.of(len(geometry))
        if len(config.blocks) != len(geometry):
            raise PopbeatError(
                f"configuration {config.name!r} folds {len(config.blocks)} blocks, and {bundle.model} has {len(geometry)}"
            )
        self.bundle, self.config, self.checked = bundle, config, checked
        pads = [[bundle.pad_value], *bundle.pads]
        thresholds = [*bundle.thresholds, None]
        try:
            self.blocks = tuple(
                BlockParams(
                    geometry[i],
                    config.blocks[i],
                    bundle.weights[i],
                    thresholds[i],
                    pads[i],
                    bits=1 if i else bundle.normaliser.z_bits,
                    beat=1 if i else config.samples,
                    checked=checked,
                )
                for i in range(len(geometry))
            )
            for block in self.blocks:
                _ = block.window, block.matrix  # checked now, so that an error names the configuration
            positions = geometry[-1].pool_length
            rhythm = bundle.network.rhythm
            self.beside = None
            if rhythm:
                before = geometry[rhythm.block - 2]
                self.beside = BesideParams(before.out_channels, before.pool_length, rhythm)
            offset = positions * (bundle.head.offset.astype("int64") << bundle.head.offset_shift)
            self.head = HeadParams(
                geometry[-1].taps,
                positions,
                bundle.head.positive.astype("int64"),
                bundle.head.negative.astype("int64"),
                offset,
                None if bundle.head.rhythm is None else bundle.head.rhythm.astype("int64"),
                bundle.head.rhythm_shift,
                checked,
            )
        except ValueError as error:
            raise PopbeatError(f"{bundle.model} can't be built in configuration {config.name!r}: {error}") from None

    @cached_property
    def stages(self) -> list[schedule.Stage]:
        """What the cycle model needs to know of each block."""
        stages = []
        for params in self.blocks:
            g = params.geometry
            stages.append(
                schedule.Stage(
                    length=params.window.length,
                    positions=g.positions,
                    first=params.window.first,
                    stride=params.window.stride,
                    steps=params.steps,
                    latency=params.latency,
                    queue=1 if params.last else params.queue,
                )
            )
        return stages

    def predict(self, windows: int = 3) -> schedule.Prediction:
        """Exact cycles of ``windows`` windows back to back with an ever-ready neighbour on both sides."""
        return schedule.predict(self.stages, self.head.latency, self.head.send_cycles, windows)


class Datapath(wiring.Component):
    """Normalised samples in, results out.

    Ports:
      - ``i``: stream of signed samples of ``z_bits`` bits, ``config.samples`` at once (the first in the least significant bits),
        window after window;
      - ``meta``: stream of :data:`Meta`, one beat a window, needed when its result is ready;
      - ``rhythm`` (of a network that takes rhythm bits): stream of a window's bits, hidden ones last, needed when its first column
        comes to their block;
      - ``sums`` (where the head takes them, too): stream of what they come to for each class, with the bits;
      - ``o``: stream of result beats (see :class:`Head`);
      - ``damaged`` (where ``checked``): high, until reset, from when a constant was read whose parity is wrong.

    Cycles: exactly as :meth:`DatapathParams.predict` says, where no column waits for rhythm bits.
    """

    def __init__(self, params: DatapathParams):
        self.params = params
        bits = {"rhythm": In(stream.Signature(params.beside.rhythm.bits))} if params.beside else {}
        if params.head.rhythm is not None:
            bits["sums"] = In(stream.Signature(sums_layout(params.head.rhythm)))
        super().__init__(
            {
                "i": In(stream.Signature(samples_layout(params.bundle.normaliser.z_bits, params.config.samples))),
                "meta": In(stream.Signature(Meta)),
                **bits,
                "o": Out(stream.Signature(Beat)),
                **({"damaged": Out(1)} if params.checked else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        blocks = [Block(p) for p in self.params.blocks]
        for number, block in enumerate(blocks, start=1):
            m.submodules[f"block{number}"] = block
        m.submodules.head = head = Head(self.params.head)
        m.d.comb += [
            blocks[0].i.valid.eq(self.i.valid),
            blocks[0].i.payload.eq(Value.cast(self.i.payload)),
            self.i.ready.eq(blocks[0].i.ready),
        ]
        joined = self.params.beside.rhythm.block - 1 if self.params.beside else None
        for number, (before, after) in enumerate(zip(blocks, blocks[1:], strict=False), start=1):
            if number != joined:
                connect(m, before.o, after.i)
                continue
            m.submodules.beside = beside = Beside(self.params.beside)
            connect(m, before.o, beside.i)
            m.d.comb += [
                beside.bits.valid.eq(self.rhythm.valid),
                beside.bits.payload.eq(self.rhythm.payload),  # without the hidden bits
                self.rhythm.ready.eq(beside.bits.ready),
            ]
            connect(m, beside.o, after.i)
        connect(m, blocks[-1].o, head.i)
        m.d.comb += blocks[-1].give.eq(head.free)
        connect(m, flipped(self.meta), head.meta)
        if self.params.head.rhythm is not None:
            connect(m, flipped(self.sums), head.sums)
        connect(m, head.o, flipped(self.o))
        if self.params.checked:
            tell = [head.damaged, *(block.damaged for block in blocks if block.params.matrix.tells)]
            m.d.comb += self.damaged.eq(Cat(tell).any())
        self._taps(m, blocks)
        return m

    def _taps(self, m: Module, blocks: list[Block]) -> None:
        """Wires with lasting names that follow every layer's output: for the benches and for waveforms, no hardware."""
        flows = [("normalised", self.i), *((f"block{n}", block.o) for n, block in enumerate(blocks, start=1)), ("result", self.o)]
        if self.params.beside:
            flows.append(("rhythm", self.rhythm))
        for name, flow in flows:
            moves = Signal(name=f"tap_{name}_moves")
            value = Signal(len(Value.cast(flow.payload)), name=f"tap_{name}")
            m.d.comb += [moves.eq(flow.valid & flow.ready), value.eq(flow.payload)]
