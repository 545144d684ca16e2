"""A block: sliding window, matrix unit, threshold, pool and column queue, one behind the other.

Block 1 takes normalised samples, the others columns of bits; the last one has no thresholds and hands on pooled counts.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from amaranth.hdl import Module, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.binary.columns import Columns, ColumnsParams
from hw.binary.folding import Folding
from hw.binary.matrix import BinaryMatrix, InputMatrix, MatrixParams
from hw.binary.pool import Pool, PoolParams
from hw.binary.sequencer import Sequencer, SequencerParams
from hw.binary.threshold import Threshold, ThresholdParams
from hw.binary.window import SlidingWindow, WindowParams
from sw.networks import BlockGeometry


@dataclass(frozen=True, eq=False)
class BlockParams:
    """``bits`` of an input channel (more than 1 in block 1 only), ``pad`` of each input channel as an unsigned pattern of so
    many bits, ``weights`` ``int8[out, in, kernel]``, ``thresholds`` ``int[out]`` (None in the last block), ``beat``: columns that
    come at once, ``checked``: as of :class:`MatrixParams`."""

    geometry: BlockGeometry
    folding: Folding
    weights: np.ndarray
    thresholds: np.ndarray | None
    pad: np.ndarray
    bits: int = 1
    beat: int = 1
    checked: bool = False

    def __post_init__(self):
        if self.last and self.folding.pe != 1:
            raise ValueError(f"the last block feeds the head one class at a time: PE 1, not {self.folding.pe}")

    @cached_property
    def window(self) -> WindowParams:
        """Parameters of the sliding window."""
        column = sum(int(value) << (channel * self.bits) for channel, value in enumerate(self.pad))
        return WindowParams(self.geometry, self.bits, column, self.beat)

    @cached_property
    def matrix(self) -> MatrixParams:
        """Parameters of the matrix unit."""
        f = self.folding
        return MatrixParams(self.geometry, self.weights, f.pe, f.parts, f.memory, self.bits, self.checked)

    @cached_property
    def threshold(self) -> ThresholdParams:
        """Parameters of the thresholds, by group and PE; idle PEs get 0."""
        matrix = self.matrix
        values = np.zeros(matrix.groups * matrix.pe, np.int64)
        values[: len(self.thresholds)] = self.thresholds - matrix.bias()
        return ThresholdParams(values.reshape(matrix.groups, matrix.pe), matrix.sum_shape)

    @cached_property
    def pool(self) -> PoolParams:
        """Parameters of the pool: of bits, in the last block of counts."""
        bits = self.matrix.sum_shape.width if self.last else 1
        return PoolParams(self.geometry.positions, self.matrix.groups, self.matrix.pe, bits)

    @cached_property
    def columns(self) -> ColumnsParams:
        """Parameters of the output queue."""
        return ColumnsParams(self.geometry.out_channels, self.matrix.pe, self.queue)

    @cached_property
    def queue(self) -> int:
        """Places of the output queue. A place is taken when a position starts and given back when its column leaves; meanwhile
        the pipeline's latency passes, the queue's own included. With a column every two positions, no position waits where
        queue * 2 * steps >= 2 * steps + latency of the pipeline + queue."""
        if self.folding.queue:
            return self.folding.queue
        pipeline = 1 + self.matrix.latency + self.threshold.latency + self.pool.latency
        return max(2, -(-(2 * self.steps + pipeline) // (2 * self.steps - 1)))

    @property
    def last(self) -> bool:
        """Whether this is the last block, in front of the head."""
        return self.thresholds is None

    @property
    def latency(self) -> int:
        """Transfer of a one-step position to the offer of the column (or count) that it ends."""
        latency = 1 + self.matrix.latency + self.pool.latency
        return latency if self.last else latency + self.threshold.latency + self.columns.latency

    @property
    def steps(self) -> int:
        """Cycles of work a position."""
        return self.matrix.steps

    @property
    def cycles(self) -> int:
        """The block's own work on a window: what bounds its interval from below."""
        return self.geometry.positions * self.steps


class Block(wiring.Component):
    """One block of the network, working on windows as they come.

    Ports:
      - ``i``: stream of beats of ``beat`` columns (``in_channels * bits`` bits each);
      - ``o``: stream of columns of ``out_channels`` bits; in the last block pooled counts, one channel a beat, without
        backpressure;
      - ``give`` (last block only): high for a cycle when the head is free for another window;
      - ``damaged`` (where the matrix unit tells): as there.

    Latency: ``params.latency`` cycles from the transfer of a position (in the sliding window) to the offer of what it ends, plus
    ``steps - 1`` for the position's own steps.
    """

    def __init__(self, params: BlockParams):
        self.params = params
        if params.last:
            outputs = {"o": Out(stream.Signature(unsigned(params.pool.bits), always_ready=True)), "give": In(1)}
        else:
            outputs = {"o": Out(stream.Signature(params.geometry.out_channels))}
        if params.matrix.tells:
            outputs["damaged"] = Out(1)
        super().__init__({"i": In(stream.Signature(params.window.beat_bits)), **outputs})

    def elaborate(self, platform):
        m = Module()
        p = self.params
        m.submodules.sliding_window = window = SlidingWindow(p.window)
        credits = SequencerParams(p.steps, 1, "last") if p.last else SequencerParams(p.steps, p.queue)
        m.submodules.sequencer = sequencer = Sequencer(credits)
        m.submodules.matrix = matrix = InputMatrix(p.matrix) if p.bits > 1 else BinaryMatrix(p.matrix)
        m.submodules.pool = pool = Pool(p.pool)
        connect(m, flipped(self.i), window.i)
        connect(m, window.o, sequencer.i)
        m.d.comb += [
            matrix.i.valid.eq(sequencer.o.valid),
            matrix.i.payload.eq(sequencer.o.payload),
            matrix.ahead.eq(sequencer.ahead),
            matrix.window.eq(window.window),
        ]
        if p.matrix.tells:
            m.d.comb += self.damaged.eq(matrix.damaged)
        if p.last:
            connect(m, matrix.o, pool.i)
            m.d.comb += [self.o.valid.eq(pool.o.valid), self.o.payload.eq(pool.o.payload[0]), sequencer.give.eq(self.give)]
            return m
        m.submodules.threshold = threshold = Threshold(p.threshold)
        m.submodules.columns = columns = Columns(p.columns)
        connect(m, matrix.o, threshold.i)
        m.d.comb += [pool.i.valid.eq(threshold.o.valid), pool.i.payload.eq(threshold.o.payload)]
        m.d.comb += [columns.i.valid.eq(pool.o.valid), columns.i.payload.eq(pool.o.payload)]
        connect(m, columns.o, flipped(self.o))
        m.d.comb += sequencer.give.eq(columns.gone)
        return m
