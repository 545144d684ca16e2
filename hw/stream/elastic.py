"""A chain of registers that fills from its far end: the small queue between a producer that can't stop and its consumer."""

from dataclasses import dataclass

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


@dataclass(frozen=True)
class ElasticParams:
    """``shape`` of the payload, ``depth`` registers."""

    shape: object
    depth: int

    def __post_init__(self):
        if self.depth < 1:
            raise ValueError(f"an elastic chain has at least 1 register, not {self.depth}")

    @property
    def latency(self) -> int:
        """Cycles from a transfer at ``i`` to the first offer at ``o`` of an empty chain."""
        return self.depth


class ElasticChain(wiring.Component):
    """Hands beats from ``i`` to ``o`` in their order; holds up to ``depth``.

    A beat moves on whenever the register before it is free or becomes free, so a full chain still passes a beat a cycle. With
    the consumer paused, ``i`` takes ``depth`` beats and then pauses the producer. Reset empties it.
    """

    def __init__(self, params: ElasticParams):
        self.params = params
        super().__init__({"i": In(stream.Signature(params.shape)), "o": Out(stream.Signature(params.shape))})

    def elaborate(self, platform):
        m = Module()
        depth = self.params.depth
        held = [Signal(name=f"valid{k}") for k in range(depth)]
        data = [Signal(self.params.shape, name=f"data{k}", reset_less=True) for k in range(depth)]
        moves = [Signal(name=f"moves{k}") for k in range(depth)]  # register k takes what stands before it
        for k in range(depth):
            valid, payload = (self.i.valid, self.i.payload) if k == 0 else (held[k - 1], data[k - 1])
            m.d.comb += moves[k].eq(~held[k] | (moves[k + 1] if k + 1 < depth else self.o.ready))
            with m.If(moves[k]):
                m.d.sync += [held[k].eq(valid), data[k].eq(payload)]
        m.d.comb += [self.i.ready.eq(moves[0]), self.o.valid.eq(held[-1]), self.o.payload.eq(data[-1])]
        return m
