"""The array's front: raw samples to what a network takes, windows or images, whichever the loaded network asks for."""

from amaranth.hdl import Const, Module, ResetInserter, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect

from hw.front.normaliser import Normaliser, sample_layout
from hw.images import gasf
from hw.stream.result import Meta
from hw.stream.rounding import halve_round, less_if_negative, saturate
from sw.export.front.normaliser import NormaliserSpec
from sw.networks import INPUT_BITS, INPUT_FRACTION

QUANTISER_LATENCY = 1


class Quantiser(wiring.Component):
    """Normalised samples (Q3.8) to the array's input: saturate(round(z / 2^shift)), halves away from zero, one register."""

    def __init__(self, spec: NormaliserSpec):
        self.spec = spec
        super().__init__({"i": In(stream.Signature(signed(spec.z_bits))), "o": Out(stream.Signature(signed(INPUT_BITS)))})

    def elaborate(self, platform):
        m = Module()
        shift = self.spec.z_fraction - INPUT_FRACTION
        # One bit more, so that the least value less one still fits.
        wide = Signal(signed(self.spec.z_bits + 1))
        value = Signal(signed(INPUT_BITS), reset_less=True)
        valid = Signal()
        m.d.comb += [
            wide.eq(self.i.payload),
            self.i.ready.eq(~valid | self.o.ready),
            self.o.valid.eq(valid),
            self.o.payload.eq(value),
        ]
        with m.If(self.i.ready):
            m.d.sync += [
                valid.eq(self.i.valid),
                value.eq(saturate(halve_round(less_if_negative(wide) >> (shift - 1)), INPUT_BITS)),
            ]
        return m


class Front(wiring.Component):
    """Raw samples in, the array's int8 input out.

    Ports:
      - ``i``: stream of raw samples with ``last`` (:func:`hw.front.normaliser.sample_layout`);
      - ``image``: 0, windows are normalised and rounded to Q3.4; 1, beats of 256 samples become images (only where ``images``);
      - ``enable``: samples are taken;
      - ``restart``: everything in here is dropped and numbers begin anew, as after a reset; ``enable`` must be low, and what
        leaves in such a cycle must be dropped, too;
      - ``o``: stream of int8; ``meta``: stream of numbers and flat flags, one for each window or beat as it begins to leave.
    ``tap`` and ``tap_moves`` show, for simulation, normalised samples or the image's values.
    """

    def __init__(self, spec: NormaliserSpec, images: bool):
        self.spec, self.images = spec, images
        super().__init__(
            {
                "i": In(stream.Signature(sample_layout(spec))),
                "image": In(1),
                "enable": In(1),
                "restart": In(1),
                "o": Out(stream.Signature(signed(INPUT_BITS))),
                "meta": Out(stream.Signature(Meta)),
                "tap": Out(signed(spec.z_bits)),
                "tap_moves": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        inner = ResetInserter(self.restart)
        normaliser, quantiser = Normaliser(self.spec), Quantiser(self.spec)
        m.submodules.normaliser, m.submodules.quantiser = inner(normaliser), inner(quantiser)
        connect(m, normaliser.o, quantiser.i)
        m.d.comb += [self.tap.eq(normaliser.o.payload), self.tap_moves.eq(normaliser.o.valid & normaliser.o.ready)]
        if not self.images:
            self._join(m, normaliser.i, quantiser.o, normaliser.meta, Const(1))
            return m
        image = gasf.Gasf()
        m.submodules.gasf = inner(image)
        self._join(m, normaliser.i, quantiser.o, normaliser.meta, ~self.image)
        self._join(m, image.i, image.o, image.meta, self.image)
        with m.If(self.image):
            m.d.comb += [self.tap.eq(image.o.payload), self.tap_moves.eq(image.o.valid & image.o.ready)]
        return m

    def _join(self, m: Module, i, o, meta, chosen) -> None:
        """Connect one way through, where it is ``chosen``."""
        m.d.comb += [i.payload.eq(self.i.payload), i.valid.eq(self.i.valid & chosen & self.enable)]
        with m.If(chosen):
            m.d.comb += self.i.ready.eq(i.ready & self.enable)
            for inside, outside in ((o, self.o), (meta, self.meta)):
                m.d.comb += [
                    outside.payload.eq(inside.payload),
                    outside.valid.eq(inside.valid),
                    inside.ready.eq(outside.ready),
                ]
