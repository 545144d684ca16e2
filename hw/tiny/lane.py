"""A lane of the tiny engine: products of +-1 of one output channel, counted over the parts of a window."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

# Row and weights to the sum that holds them: two products each, eight, all, the sum.
LATENCY = 4


class Lane(wiring.Component):
    """``total = (first ? 0 : total) + ones(row ^ weights)``.

    Ports: ``row``, ``weights``; three cycles later ``real`` (add them) and ``first`` (of a new sum); a cycle behind these
    ``total``.
    """

    def __init__(self, taps: int, bits: int):
        super().__init__(
            {"row": In(taps), "weights": In(taps), "real": In(1), "first": In(1), "total": Out(bits)},
        )

    def elaborate(self, platform):
        m = Module()
        # Two products take four inputs: as many as a LUT has.
        matches = self.row ^ self.weights
        counts = [matches[k] + matches[k + 1] if k + 1 < len(matches) else matches[k] for k in range(0, len(matches), 2)]
        counts = self._register(m, counts, "pairs")
        counts = self._register(m, _add(_add(counts)), "eights")
        while len(counts) > 1:
            counts = _add(counts)
        count = self._register(m, counts, "count")[0]
        with m.If(self.real):
            m.d.sync += self.total.eq(Mux(self.first, 0, self.total) + count)
        return m

    @staticmethod
    def _register(m: Module, values: list, name: str) -> list[Signal]:
        out = [Signal(len(value), name=f"{name}{k}", reset_less=True) for k, value in enumerate(values)]
        m.d.sync += [register.eq(value) for register, value in zip(out, values, strict=True)]
        return out


def _add(values: list) -> list:
    """Neighbours added two by two."""
    return [values[k] + values[k + 1] if k + 1 < len(values) else values[k] for k in range(0, len(values), 2)]
