"""What a stream and a queue promise, as assertions."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Signal, Value

from sim.prove.scene import Scene


def stays(scene: Scene, valid: Value, ready: Value, payload: Value, name: str = "o") -> None:
    """A stream's beat that is offered stays, itself and unchanged, until it is taken (AXI4-Stream; reset ends it)."""
    payload = Value.cast(payload)
    waited = scene.before(valid & ~ready, f"{name}_waited")
    offered = scene.before(payload, f"{name}_offered")
    scene.claim(~waited | valid & (payload == offered))


@dataclass(frozen=True)
class Slot:
    """A place of a queue: whether there is a beat, and the beat."""

    valid: Value
    payload: Value


def keeps_order(scene: Scene, enters: Value, beat: Value, leaves: Value, out: Value, slots: list[Slot]) -> None:
    """Every beat that ``enters`` a queue ``leaves`` it once, in its turn, as it was.

    ``slots`` are the queue's places, the one at its end first. Any beat may be the one that is followed (``mark`` is free): how
    many are ahead of it, and that it is what leaves when none is. Where it stands in the queue until then is what induction needs.
    """
    m = scene.m
    beat, out = Value.cast(beat), Value.cast(out)
    count = len(slots)
    held = Signal(range(count + 2), name="held")  # in less out
    m.d.sync += held.eq(held + enters - leaves)
    scene.claim(held == sum(slot.valid for slot in slots))
    scene.claim(~leaves | (held != 0))

    mark = scene.free(1, "mark")
    follows, ahead = Signal(name="follows"), Signal(range(count + 2), name="ahead")
    followed = Signal(len(beat), name="followed")
    with m.If(~follows & enters & mark):
        m.d.sync += [follows.eq(1), ahead.eq(held - leaves), followed.eq(beat)]
    with m.If(follows & leaves):
        m.d.sync += ahead.eq(ahead - 1)
        with m.If(ahead == 0):
            m.d.sync += follows.eq(0)
        scene.claim((ahead != 0) | (out == followed))
    before = [sum((slot.valid for slot in slots[:k]), start=0) for k in range(count)]
    stands = Cat(s.valid & (b == ahead) & (Value.cast(s.payload) == followed) for s, b in zip(slots, before, strict=True))
    scene.claim(~follows | stands.any())


def moves_on(scene: Scene, occupied: Value, offers: Value, cycles: int) -> None:
    """What is in a queue is offered after ``cycles`` cycles at the latest."""
    waits = Signal(range(cycles + 2), name="waits")
    with scene.m.If(occupied & ~offers):
        scene.m.d.sync += waits.eq(waits + 1)
    with scene.m.Else():
        scene.m.d.sync += waits.eq(0)
    scene.claim(waits < cycles)
