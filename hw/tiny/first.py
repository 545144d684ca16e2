"""Block 1 of the tiny engine: a window's raw samples, scaled on their way, into the first block's bits."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.front.reciprocal import scale_layout
from hw.stream.delay import delay
from hw.tiny.scaler import LATENCY as SCALER_LATENCY
from hw.tiny.scaler import Scaler
from sw.export.bundle import Bundle
from sw.networks import POOL

# A sample's address to its part of the sum: the memory, the scaler.
LATENCY = 1 + SCALER_LATENCY


class FirstBlock(wiring.Component):
    """For each position: add or subtract the kernel's samples one by one, in a lane for each output channel; then the sign says
    whether the threshold was reached, and seven positions' bits are ORed.

    Ports:
      - ``start``: a window begins; ``done``: high for a cycle when it is through: all steps and ``LATENCY`` cycles later;
      - ``address``, ``reading``: sample that is wanted; ``sample``, a cycle later;
      - ``scale``: of the window;
      - ``byte``, ``write``: a pooled column, bit ``c`` for channel ``c``;
      - ``z``, ``fresh``: a normalised sample, each of the window's once (for benches).
    """

    def __init__(self, bundle: Bundle):
        self.bundle = bundle
        spec = bundle.normaliser
        super().__init__(
            {
                "start": In(1),
                "done": Out(1),
                "address": Out(range(spec.window)),
                "reading": Out(1),
                "sample": In(signed(spec.raw_bits)),
                "scale": In(scale_layout(spec)),
                "byte": Out(bundle.network.blocks[0].out_channels),
                "write": Out(1),
                "z": Out(signed(spec.z_bits)),
                "fresh": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        geometry, spec = self.bundle.network.blocks[0], self.bundle.normaliser
        step, ends, inside, final = self._walk(m)

        # What goes along with it.
        new = self.reading & inside & (step >= geometry.kernel - geometry.stride)
        adds, compares, real, fresh, done = (
            delay(m, flag, LATENCY, name)[-1]
            for flag, name in ((self.reading, "adds"), (ends, "compares"), (inside, "real"), (new, "fresh"), (final, "final"))
        )
        m.submodules.scaler = scaler = Scaler(spec)
        m.d.comb += [
            scaler.sample.eq(self.sample),
            scaler.scale.eq(self.scale),
            self.z.eq(scaler.z),
            self.fresh.eq(fresh),
            self.done.eq(done),
        ]
        value = Mux(real, scaler.z, Const(self.bundle.pad_value, signed(spec.z_bits))).as_unsigned()
        self._pool(m, self._sum(m, value, adds, compares), compares)
        return m

    def _walk(self, m: Module) -> tuple:
        """Which sample: ``kernel`` of them, then a cycle without one. Returns the step; whether it is that cycle, and whether its
        sample is inside the window; whether it is the last one of all."""
        geometry, window = self.bundle.network.blocks[0], self.bundle.normaliser.window
        running, step, position = Signal(), Signal(range(geometry.kernel + 1)), Signal(range(geometry.positions))
        place = Signal(signed(len(self.address) + 2), init=-geometry.pad)
        ends, inside = Signal(), Signal()
        m.d.comb += [
            ends.eq(running & (step == geometry.kernel)),
            inside.eq((place >= 0) & (place < window)),
            self.address.eq(place),
            self.reading.eq(running & ~ends),
        ]
        with m.If(running):
            m.d.sync += [
                step.eq(Mux(ends, 0, step + 1)),
                place.eq(place + Mux(ends, geometry.stride - geometry.kernel, 1)),
            ]
            with m.If(ends):
                m.d.sync += position.eq(position + 1)
                with m.If(position == geometry.positions - 1):
                    m.d.sync += running.eq(0)
        with m.If(self.start):
            m.d.sync += [running.eq(1), step.eq(0), position.eq(0), place.eq(-geometry.pad)]
        return step, ends, inside, ends & (position == geometry.positions - 1)

    def _sum(self, m: Module, value, adds, compares) -> Value:
        """The lanes, and the bits of their sums. -v is ~v + 1: the ones are in the sum from the start, as is the threshold."""
        geometry, spec = self.bundle.network.blocks[0], self.bundle.normaliser
        weights, thresholds = self.bundle.weights[0][:, 0], self.bundle.thresholds[0]
        tap = Signal(range(geometry.kernel))
        bits = []
        reach = geometry.taps << (spec.z_bits - 1)
        for channel in range(geometry.out_channels):
            init = int((weights[channel] < 0).sum()) - int(thresholds[channel])
            total = Signal(signed((2 * reach + geometry.taps).bit_length() + 1), name=f"total{channel}", init=init)
            minus = Array(Const(int(w < 0), 1) for w in weights[channel])[tap]
            with m.If(adds):
                m.d.sync += total.eq(total + (value ^ minus.replicate(spec.z_bits)).as_signed())
            with m.If(compares):
                m.d.sync += total.eq(init)
            bits.append(~total[-1])
        with m.If(adds):
            m.d.sync += tap.eq(tap + 1)
        with m.If(compares):
            m.d.sync += tap.eq(0)
        return Cat(bits)

    def _pool(self, m: Module, now: Value, compares) -> None:
        """The pool: of the last one, two and three pairs of positions, whether a bit was set."""
        channels = self.bundle.network.blocks[0].out_channels
        pairs = [Signal(channels, name=f"pairs{k}", reset_less=True) for k in range(3)]
        odd, seen = Signal(), Signal(range(POOL))
        with m.If(compares):
            m.d.sync += odd.eq(~odd)
            with m.If(seen != POOL - 1):
                m.d.sync += seen.eq(seen + 1)
            m.d.sync += [
                pairs[0].eq(now | Mux(odd, pairs[0], 0)),
                pairs[1].eq(now | Mux(odd, pairs[1], pairs[0])),
                pairs[2].eq(now | Mux(odd, pairs[2], pairs[1])),
            ]
        m.d.comb += [
            self.byte.eq(now | pairs[2]),
            self.write.eq(compares & ~odd & (seen == POOL - 1)),
        ]
        with m.If(self.start):
            m.d.sync += [odd.eq(0), seen.eq(0)]
