"""Channel gates: a memory of them, and the stage that multiplies what was read by one, rounded to a 256th."""

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.mac import memory
from hw.mac.layouts import Read, bus
from hw.mac.params import ArrayParams
from hw.stream import multiplier
from hw.stream.delay import delay
from sw.export.array.program import GATE_SHIFT, GATES

# The product, its rounding.
LATENCY = multiplier.LATENCY + 1
# From a read at the memory to its gate: that is there with the inputs, and passes two registers before.
GATE = memory.READ_LATENCY - 2

GateWrite = data.StructLayout({"enable": 1, "address": (GATES - 1).bit_length(), "data": 8})


class Gates(wiring.Component):
    """Ports: ``read`` as at the activation memory; ``x``: what that reads, ``READ_LATENCY`` cycles later; ``y``: the same or
    round(x * gate / 256), ``LATENCY`` cycles later, for uint8 alone; ``write``: a gate, which a read ``GATE`` cycles before the
    cycle after sees. Not reset."""

    def __init__(self, params: ArrayParams):
        self.size = params.bus
        super().__init__({"read": In(Read), "x": In(bus(self.size)), "y": Out(bus(self.size)), "write": In(GateWrite)})

    def elaborate(self, platform):
        m = Module()
        attributes = {"ram_style": "block", "no_rw_check": 1}  # a gate that counts is read after the cycle in which it is written
        m.submodules.gates = gates = Memory(shape=unsigned(8), depth=GATES, init=[], attrs=attributes)
        reading, writing = gates.read_port(domain="sync"), gates.write_port()
        numbers = [self.read.gate]
        for k in range(1, GATE + 1):
            numbers.append(Signal.like(self.read.gate, name=f"gate{k}", reset_less=True))
            m.d.sync += numbers[k].eq(numbers[k - 1])
        gated = delay(m, self.read.gated, GATE + 1, "gated")[-1]
        # What is not gated is multiplied by one.
        factor = Signal(unsigned(GATE_SHIFT + 1), reset_less=True)
        m.d.comb += [
            reading.addr.eq(numbers[GATE]),
            writing.addr.eq(self.write.address),
            writing.data.eq(self.write.data),
            writing.en.eq(self.write.enable),
        ]
        m.d.sync += factor.eq(Mux(gated, reading.data, 1 << GATE_SHIFT))
        for j in range(self.size):
            m.submodules[f"product{j}"] = product = multiplier.Multiplier(signed(9), signed(GATE_SHIFT + 2))
            y = Signal(signed(9), name=f"y{j}", reset_less=True)
            m.d.comb += [product.a.eq(self.x[j]), product.b.eq(factor), self.y[j].eq(y)]
            m.d.sync += y.eq((product.p[GATE_SHIFT:] + product.p[GATE_SHIFT - 1])[:9].as_signed())
        return m
