"""Register stages, queues, rounding and products of ``hw/stream``."""

from amaranth.hdl import Cat, Const, Mux, Signal, signed

from hw.stream import elastic, multiplier, rounding, skid
from sim.prove.faults import Fault
from sim.prove.scene import Property, Scene
from sim.prove.scoreboard import Slot, keeps_order, moves_on, stays

BITS = 8
DEPTH = 4


def skid_stays(scene: Scene) -> None:
    """A skid buffer's offer."""
    part = skid.SkidBuffer(BITS)
    scene.add(part)
    scene.drive(part.i.valid, part.i.payload, part.o.ready)
    stays(scene, part.o.valid, part.o.ready, part.o.payload)


def skid_order(scene: Scene) -> None:
    """A skid buffer as a queue of two places."""
    part = skid.SkidBuffer(BITS)
    inside = scene.add(part)
    scene.drive(part.i.valid, part.i.payload, part.o.ready)
    slots = [Slot(part.o.valid, part.o.payload), Slot(inside["waiting"], inside["second"])]
    enters, leaves = part.i.valid & part.i.ready, part.o.valid & part.o.ready
    keeps_order(scene, enters, part.i.payload, leaves, part.o.payload, slots)
    moves_on(scene, slots[0].valid | slots[1].valid, part.o.valid, skid.LATENCY)


def _chain(scene: Scene) -> tuple[elastic.ElasticChain, list[Slot]]:
    part = elastic.ElasticChain(elastic.ElasticParams(BITS, DEPTH))
    inside = scene.add(part)
    scene.drive(part.i.valid, part.i.payload, part.o.ready)
    return part, [Slot(inside[f"valid{k}"], inside[f"data{k}"]) for k in reversed(range(DEPTH))]


def elastic_stays(scene: Scene) -> None:
    """An elastic chain's offer."""
    part, _ = _chain(scene)
    stays(scene, part.o.valid, part.o.ready, part.o.payload)


def elastic_order(scene: Scene) -> None:
    """An elastic chain as a queue."""
    part, slots = _chain(scene)
    enters, leaves = part.i.valid & part.i.ready, part.o.valid & part.o.ready
    keeps_order(scene, enters, part.i.payload, leaves, part.o.payload, slots)
    moves_on(scene, Cat(slot.valid for slot in slots).any(), part.o.valid, part.params.latency)
    # A full one still takes a beat where one leaves.
    scene.claim(part.i.ready == (~Cat(slot.valid for slot in slots).all() | part.o.ready))


def _nearest(scene: Scene, value, shift: int, rounded) -> None:
    """``rounded`` is the integer nearest to ``value / 2**shift``, halves away from zero."""
    half = Const(1 << (shift - 1))
    size = Mux(value < 0, -value, value)
    away = (size + half) >> shift
    scene.claim(rounded == Mux(value < 0, -away, away))


def rounding_shift(scene: Scene) -> None:
    """A rounding shift in one addition."""
    value = scene.free(signed(12), "value")
    for shift in (1, 2, 5):
        _nearest(scene, value, shift, rounding.shift_round(value, shift))


def rounding_steps(scene: Scene) -> None:
    """A rounding shift in its two steps."""
    value = scene.free(signed(12), "value")
    scene.suppose(value != -(1 << 11))
    for shift in (1, 2, 5):
        _nearest(scene, value, shift, rounding.halve_round(rounding.less_if_negative(value) >> (shift - 1)))


def saturation(scene: Scene) -> None:
    """Clipping."""
    value = scene.free(signed(12), "value")
    for bits in (4, 8, 12):
        least, most = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
        plain = Mux(value < least, least, Mux(value > most, most, value))
        scene.claim(rounding.saturate(value, bits) == plain)


def product(scene: Scene) -> None:
    """The pipelined product against a plain one, delayed."""
    for name, a_shape, b_shape in (("both", signed(6), signed(5)), ("one", signed(6), 5), ("none", 6, 5)):
        part = multiplier.Multiplier(a_shape, b_shape)
        scene.add(part, name)
        a, b = scene.free(a_shape, f"{name}_a"), scene.free(b_shape, f"{name}_b")
        scene.m.d.comb += [part.a.eq(a), part.b.eq(b)]
        plain, full = a * b, Signal(range(multiplier.LATENCY + 1), name=f"{name}_full")
        for k in range(multiplier.LATENCY):
            held = Signal(plain.shape(), name=f"{name}_plain{k}", reset_less=True)
            scene.m.d.sync += held.eq(plain)
            plain = held
        with scene.m.If(full != multiplier.LATENCY):
            scene.m.d.sync += full.eq(full + 1)
        scene.claim((full != multiplier.LATENCY) | (part.p == plain))


PROPERTIES = (
    Property(
        "skid buffer: stays",
        "A beat that a skid buffer offers stays, unchanged, until it is taken",
        skid_stays,
        (Fault(skid, "with m.If(self.o.ready | ~valid):", "with m.If(self.o.ready | ~valid | self.i.valid):"),),
        depth=4,
        quick=True,
    ),
    Property(
        "skid buffer: order",
        "Every beat that a skid buffer takes leaves it once, in its turn, unchanged, and it offers what it holds",
        skid_order,
        (
            Fault(skid, "waiting.eq(self.i.valid), second", "waiting.eq(0), second"),
            Fault(skid, "valid.eq(waiting | self.i.valid), waiting.eq(0)", "valid.eq(waiting | self.i.valid)"),
            Fault(skid, "m.d.sync += payload.eq(second)", "m.d.sync += payload.eq(self.i.payload)"),
        ),
        depth=6,
        quick=True,
    ),
    Property(
        "elastic chain: stays",
        "A beat that an elastic chain offers stays, unchanged, until it is taken",
        elastic_stays,
        (Fault(elastic, "else self.o.ready)", "else self.o.ready | self.i.valid)"),),
        depth=2 + DEPTH,
    ),
    Property(
        "elastic chain: order",
        "Every beat that an elastic chain takes leaves it once, in its turn, unchanged; a full one takes a beat where one leaves",
        elastic_order,
        (
            Fault(elastic, "moves[k].eq(~held[k] | (moves", "moves[k].eq((moves"),
            Fault(
                elastic, "self.i.valid, self.i.payload) if k == 0", "self.i.valid & self.i.ready, self.i.payload[::-1]) if k == 0"
            ),
        ),
        depth=4 + DEPTH,
        quick=True,
    ),
    Property(
        "rounding: shift",
        "A rounding shift gives the nearest integer, halves away from zero",
        rounding_shift,
        (Fault(rounding, "~value[-1])  # one unit", "1)  # one unit"),),
        quick=True,
    ),
    Property(
        "rounding: steps",
        "A rounding shift in two steps gives the same",
        rounding_steps,
        (Fault(rounding, "(value + value[-1].as_signed())", "(value + value[-1])"),),
    ),
    Property(
        "rounding: saturation",
        "Clipping keeps what fits and else gives the nearest limit",
        saturation,
        (Fault(rounding, "upper = value[bits - 1 :]", "upper = value[bits:]"),),
    ),
    Property(
        "multiplier: product",
        "The pipelined product is the product of the factors three cycles before, of either sign",
        product,
        (Fault(multiplier, "product.eq(a * b)", "product.eq(a * (b | 1))"),),
        depth=6,
    ),
)
