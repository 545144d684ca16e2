"""The matrix units: each step, ``pe`` sums of one window with the weights of ``pe`` output channels.

:class:`BinaryMatrix` counts the products that are +1 (XNOR and popcount); :class:`InputMatrix`, in block 1, adds and subtracts
samples. Weights are constants in the logic or words of a block RAM. Channel o belongs to PE ``o % pe`` in group ``o // pe``;
where ``pe`` does not divide the channels, the last group's idle PEs compute something that nobody reads.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from amaranth.hdl import Const, Module, Mux, Shape, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.binary.popcount import Popcount, PopcountParams
from hw.binary.sequencer import step_layout
from hw.stream import parity
from hw.stream.delay import delay
from sw.networks import BlockGeometry


@dataclass(frozen=True, eq=False)
class MatrixParams:
    """``geometry`` of the block; ``weights`` ``int8[out, in, kernel]`` of -1 and +1; ``pe`` channels at once; ``parts``: steps
    over which a window is spread (its SIMD width is ``taps / parts``; a power of two); ``memory``: weights in block RAM;
    ``bits`` of an input channel: 1 for :class:`BinaryMatrix`, more for :class:`InputMatrix`; ``checked``: block RAM has a parity
    bit beside each word."""

    geometry: BlockGeometry
    weights: np.ndarray
    pe: int
    parts: int = 1
    memory: bool = False
    bits: int = 1
    checked: bool = False

    def __post_init__(self):
        g = self.geometry
        if self.bits > 1 and (g.in_channels != 1 or self.parts != 1):
            raise ValueError("the input's matrix unit has one input channel and works on whole windows")
        if self.weights.shape != (g.out_channels, g.in_channels, g.kernel):
            raise ValueError(f"weights have shape {self.weights.shape}; the block needs {g.out_channels, g.in_channels, g.kernel}")
        if not 1 <= self.pe <= g.out_channels:
            raise ValueError(f"a block with {g.out_channels} channels has 1 to {g.out_channels} PEs, not {self.pe}")
        if self.parts < 1 or self.parts & (self.parts - 1) or g.taps % self.parts:
            raise ValueError(f"{g.taps} taps can't be spread over {self.parts} steps: a power of two that divides them is needed")

    @property
    def tells(self) -> bool:
        """Whether the unit has a port ``damaged``."""
        return self.checked and self.memory

    @property
    def groups(self) -> int:
        """Channel groups, one after the other."""
        return -(-self.geometry.out_channels // self.pe)

    @property
    def steps(self) -> int:
        """Cycles of work a position."""
        return self.groups * self.parts

    @property
    def simd(self) -> int:
        """Taps of a window in one step."""
        return self.geometry.taps // self.parts

    @property
    def popcount(self) -> PopcountParams:
        """Parameters of each PE's popcount."""
        return PopcountParams(self.simd)

    @property
    def sum_shape(self) -> Shape:
        """Of one sum: a count, or in block 1 a signed sum."""
        taps = self.geometry.taps
        return unsigned(taps.bit_length()) if self.bits == 1 else signed(self.bits + taps.bit_length())

    @property
    def latency(self) -> int:
        """Step to sum: weights and products, then popcount (and one more where parts are added up) or adder tree."""
        if self.bits > 1:
            return 2 + (self.geometry.taps - 1).bit_length()
        return 2 + self.popcount.latency + (self.parts > 1)

    def bias(self) -> np.ndarray:
        """What a true sum is more than the unit's output, by channel. In block 1 -z is ~z + 1, and the ones are not added: the
        thresholds take them in. Elsewhere 0."""
        return (self.weights < 0).sum(axis=(1, 2)) * (self.bits > 1)

    def reference(self, windows: np.ndarray) -> np.ndarray:
        """Outputs for windows given as bits ``uint8[n, taps]`` or samples ``int[n, taps]``: ``int64[n, groups, pe]``."""
        rows = self.words.reshape(self.groups, self.parts, self.pe, self.simd).transpose(0, 2, 1, 3)
        rows = rows.reshape(1, self.groups, self.pe, -1)
        values = windows.astype(np.int64)[:, None, None, :]
        if self.bits > 1:
            return np.where(rows == 1, values, ~values).sum(axis=-1)
        return (values == rows).sum(axis=-1)

    @cached_property
    def words(self) -> np.ndarray:
        """Weight bits (1 for +1) by step, PE and tap: ``uint8[steps, pe, simd]``, taps in the window's bit order."""
        g = self.geometry
        bits = np.zeros((self.groups * self.pe, g.taps), np.uint8)
        bits[: g.out_channels] = self.weights.transpose(0, 2, 1).reshape(g.out_channels, g.taps) > 0
        split = bits.reshape(self.groups, self.pe, self.parts, self.simd)
        return split.transpose(0, 2, 1, 3).reshape(self.steps, self.pe, self.simd)


def _ports(params: MatrixParams, window: int, outputs: data.ArrayLayout) -> dict:
    """Ports of a unit whose window has so many bits."""
    return {
        "i": In(stream.Signature(step_layout(params.steps), always_ready=True)),
        "ahead": In(step_layout(params.steps)),
        "window": In(window),
        "o": Out(stream.Signature(outputs, always_ready=True)),
        **({"damaged": Out(1)} if params.tells else {}),
    }


def _weights(m: Module, unit: "BinaryMatrix | InputMatrix"):
    """The weights of the step of one cycle ago, as one word (PE 0 in the least significant bits).

    A block RAM's output is late in its cycle, so it gets a register of its own, and the address a cycle sooner (``ahead``).
    """
    params, step, ahead = unit.params, unit.i.payload.step, unit.ahead.step
    words = params.words.reshape(params.steps, -1)
    values = [int("".join(map(str, word[::-1])), 2) for word in words]
    width = words.shape[1]
    word = Signal(width, name="weights", reset_less=params.memory)
    if params.memory:
        attributes = {"ram_style": "block", "rom_style": "block"}
        if params.tells:
            values, width = parity.stored(values, width)
            word = Signal(width, name="weights", reset_less=True)
            m.d.comb += unit.damaged.eq(parity.damage(m, word, "weights"))
        m.submodules.memory = memory = Memory(shape=unsigned(width), depth=params.steps, init=values, attrs=attributes)
        port = memory.read_port(domain="sync")
        m.d.comb += port.addr.eq(ahead)
        m.d.sync += word.eq(port.data)
        return word
    delayed = Signal.like(step, name="step_delayed", reset_less=True)
    m.d.sync += delayed.eq(step)
    with m.Switch(delayed):
        for number, value in enumerate(values):
            with m.Case(number):
                m.d.comb += word.eq(Const(value, width))
    return word


class BinaryMatrix(wiring.Component):
    """Popcount of XNOR of the window and ``pe`` rows of weights.

    Ports:
      - ``i``: step numbers, without backpressure; ``ahead``: the one of the next cycle, where there will be one;
      - ``window``: ``taps`` bits, the window that belongs to a step in the cycle after it;
      - ``o``: ``pe`` unsigned counts of ``sum_bits`` bits, one beat a channel group, ``latency`` cycles after the group's last
        step; PE 0 in element 0. A count p stands for the sum 2p - taps;
      - ``damaged`` (where ``params.tells``): high, until reset, from when a word of weights was read whose parity is wrong.
    """

    def __init__(self, params: MatrixParams):
        self.params = params
        super().__init__(_ports(params, params.geometry.taps, data.ArrayLayout(params.sum_shape, params.pe)))

    def elaborate(self, platform):
        m = Module()
        p = self.params
        weights = _weights(m, self)
        part_bits = p.parts.bit_length() - 1
        part = Signal(max(part_bits, 1), reset_less=True)
        m.d.sync += part.eq(self.i.payload.step[:part_bits] if part_bits else 0)
        seen = self.window if p.parts == 1 else self.window.word_select(part, p.simd)
        counted = delay(m, self.i.valid, 2 + p.popcount.latency, "counted")[-1]
        counts = []
        for q in range(p.pe):
            agree = Signal(p.simd, name=f"agree{q}", reset_less=True)
            m.d.sync += agree.eq(~(seen ^ weights[q * p.simd : (q + 1) * p.simd]))
            m.submodules[f"popcount{q}"] = popcount = Popcount(p.popcount)
            m.d.comb += popcount.i.eq(agree)
            counts.append(popcount.o)
        if p.parts == 1:
            m.d.comb += self.o.valid.eq(counted)
            m.d.comb += [self.o.payload[q].eq(count) for q, count in enumerate(counts)]
            return m
        number, complete = Signal(range(p.parts)), Signal()
        sums = Signal.like(self.o.payload, reset_less=True)
        with m.If(counted):
            m.d.sync += number.eq(number + 1)
            for q, count in enumerate(counts):
                m.d.sync += sums[q].eq(Mux(number == 0, 0, sums[q]) + count)
        m.d.sync += complete.eq(counted & (number == p.parts - 1))
        m.d.comb += [self.o.valid.eq(complete), self.o.payload.eq(sums)]
        return m


class InputMatrix(wiring.Component):
    """Block 1: sums of +-samples.

    The output is the sum less the number of the channel's negative weights (:meth:`MatrixParams.bias`).

    Ports as of :class:`BinaryMatrix`; ``window`` holds ``kernel`` signed samples of ``bits`` bits, oldest first, and ``o`` signed
    sums. ``parts`` must be 1.
    """

    def __init__(self, params: MatrixParams):
        self.params = params
        super().__init__(_ports(params, params.geometry.taps * params.bits, data.ArrayLayout(params.sum_shape, params.pe)))

    def elaborate(self, platform):
        m = Module()
        p, taps = self.params, self.params.geometry.taps
        weights = _weights(m, self)
        m.d.comb += self.o.valid.eq(delay(m, self.i.valid, p.latency, "summed")[-1])
        for q in range(p.pe):
            terms = []
            for k in range(taps):
                term = Signal(signed(p.bits), name=f"term{q}_{k}", reset_less=True)
                sample = self.window[k * p.bits : (k + 1) * p.bits]
                m.d.sync += term.eq(sample ^ (~weights[q * taps + k]).replicate(p.bits))
                terms.append(term)
            while len(terms) > 1:
                pairs = [terms[k : k + 2] for k in range(0, len(terms), 2)]
                terms = []
                for number, pair in enumerate(pairs):
                    value = pair[0] + pair[1] if len(pair) == 2 else pair[0]
                    terms.append(Signal(value.shape(), name=f"sum{q}_{len(pairs)}_{number}", reset_less=True))
                    m.d.sync += terms[-1].eq(value)
            m.d.comb += self.o.payload[q].eq(terms[0])
        return m
