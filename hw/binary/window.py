"""The sliding window: columns in, one after the other; the kernel's window at each position out.

Padding is part of the schedule and costs the producer nothing: the left pad is there the moment a window begins (the shift
register is loaded with it together with the first column), the right pad follows the last column while the next window's first
columns wait.
"""

from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from sw.networks import POOL, BlockGeometry

# What is said of a position when it starts: whether a pooled column ends with it, and whether it is the window's last.
Position = data.StructLayout({"pools": 1, "last": 1})


@dataclass(frozen=True)
class WindowParams:
    """``geometry`` of the block; ``bits`` of one channel of a column; ``pad``: the column beyond the ends, an integer of
    ``in_channels * bits`` bits, channel 0 in the least significant ones; ``beat``: columns that come at once, the oldest in the
    least significant bits, at most as many as the kernel moves by."""

    geometry: BlockGeometry
    bits: int
    pad: int
    beat: int = 1

    def __post_init__(self):
        g = self.geometry
        if not 0 <= self.pad < 1 << self.column_bits:
            raise ValueError(f"pad column {self.pad:#x} does not fit into {self.column_bits} bits")
        if self.beat < 1 or g.stride % self.beat or g.length % self.beat:
            raise ValueError(f"{self.beat} columns at once divide neither {g.length} columns nor the stride {g.stride}")
        if self.stride * (g.positions - 1) + self.first < self.length:
            raise ValueError("the last pooled position leaves input columns unread; no padding reaches beyond them")

    @property
    def column_bits(self) -> int:
        """Bits of a column."""
        return self.geometry.in_channels * self.bits

    @property
    def beat_bits(self) -> int:
        """Bits of what comes at once."""
        return self.beat * self.column_bits

    @property
    def length(self) -> int:
        """Beats a window."""
        return self.geometry.length // self.beat

    @property
    def stride(self) -> int:
        """Beats from one position to the next."""
        return self.geometry.stride // self.beat

    @property
    def before(self) -> int:
        """Beats of padding in front of a window."""
        return -(-self.geometry.pad // self.beat)

    @property
    def unused(self) -> int:
        """Columns of the first of these beats that lie before the kernel."""
        return self.before * self.beat - self.geometry.pad

    @property
    def kernel(self) -> int:
        """Beats that a kernel reaches into."""
        return -(-(self.unused + self.geometry.kernel) // self.beat)

    @property
    def first(self) -> int:
        """Beats that the first position of a window waits for."""
        return self.kernel - self.before

    def reference(self, columns: np.ndarray) -> np.ndarray:
        """Windows of one input window: columns as integers ``object[length]`` to windows ``object[positions]``, column 0 of the
        kernel in the least significant bits."""
        g = self.geometry
        ends = [self.pad] * g.pad
        padded = [*ends, *map(int, columns), *ends]
        return np.array(
            [sum(padded[g.stride * p + k] << (k * self.column_bits) for k in range(g.kernel)) for p in range(g.positions)],
            dtype=object,
        )


class SlidingWindow(wiring.Component):
    """A stream of positions, and beside it the window that belongs to each.

    Ports:
      - ``i``: stream of beats of ``beat`` columns, ``beat_bits`` each;
      - ``o``: stream of :data:`Position`. ``o.valid`` rises in the cycle in which the last column that a position needs arrives;
      - ``window``: ``kernel * column_bits`` bits, oldest column in the least significant ones: the window of the position last
        taken from ``o``, from two cycles after the transfer until two cycles after the next.

    ``i.ready`` is a register. While a position waits, no column is taken; taking a position and the column that follows it
    happens in turn without a gap (``kernel`` wide copies, so that the shift register may go on while a window is worked on).
    Beats: ``length`` in, ``positions`` positions out, for each window.
    """

    def __init__(self, params: WindowParams):
        self.params = params
        super().__init__(
            {
                "i": In(stream.Signature(params.beat_bits)),
                "o": Out(stream.Signature(Position)),
                "window": Out(params.geometry.kernel * params.column_bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        p, g = self.params, self.params.geometry
        width = p.beat_bits
        padding = sum(p.pad << (k * p.column_bits) for k in range(p.beat))

        # Flags are registers, worked out with the counters that they speak of: nothing is compared in the cycle that needs them.
        # The pad is loaded by the registers' own set or reset: so it is their initial value, too, and its load stands outermost.
        pads = sum(padding << (k * width) for k in range(p.kernel - 1))
        older, newest = Signal((p.kernel - 1) * width, init=pads, reset_less=True), Signal(width, init=padding, reset_less=True)
        taps = Cat(older, newest)
        column = Signal(range(p.length + 1))  # beats taken of this window
        begins, beyond = Signal(init=1), Signal()  # the next beat is the window's first; the right pad
        need = Signal(range(max(p.first, p.stride) + 1), init=p.first)
        due = Signal(init=p.first == 1)  # one beat is needed
        full = Signal()
        position = Signal(range(g.positions))
        last, pools = Signal(), Signal()

        shift = Signal()
        m.d.comb += [self.i.ready.eq(~full & ~beyond), shift.eq(~full & (beyond | self.i.valid))]
        with m.If(shift):
            m.d.sync += [
                Cat(older, newest).eq(Cat(taps[width:], Mux(beyond, Const(padding, width), self.i.payload))),
                need.eq(need - 1),
                due.eq(need == 2),
                begins.eq(0),
            ]
            with m.If(~beyond):
                m.d.sync += [column.eq(Mux(begins, 1, column + 1)), beyond.eq(~begins & (column == p.length - 1))]
        with m.If(shift & begins):
            m.d.sync += older.eq(pads)

        load = Signal()
        m.d.comb += [
            self.o.valid.eq(full | (due & (beyond | self.i.valid))),
            self.o.payload.pools.eq(pools),
            self.o.payload.last.eq(last),
        ]
        m.d.sync += [load.eq(0), full.eq(self.o.valid & ~self.o.ready)]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += [
                load.eq(1),
                need.eq(Mux(last, p.first, p.stride)),
                due.eq(Mux(last, p.first == 1, p.stride == 1)),
                position.eq(Mux(last, 0, position + 1)),
                last.eq(~last & (position == g.positions - 2)),
                pools.eq(~last & position[0] & (position >= POOL - 2)),
            ]
            with m.If(last):
                m.d.sync += [begins.eq(1), beyond.eq(0)]
        copy = Signal(p.kernel * width, reset_less=True)
        with m.If(load):
            m.d.sync += copy.eq(taps)
        m.d.comb += self.window.eq(copy[p.unused * p.column_bits :][: len(self.window)])
        return m
