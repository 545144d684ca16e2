"""The guard round a classifier: whatever the classifier does, and while bits flip in what the guard holds three times."""

from unittest.mock import patch

from amaranth.hdl import Cat, Module, Mux, Signal, Value

from hw.guard import guard, voted
from hw.guard.guard import Guard, GuardParams, State
from hw.stream import parity
from hw.stream.result import NO_CALL, NUMBER_BITS, Header
from sim.prove.faults import Fault
from sim.prove.scene import Inside, Property, Scene
from sim.prove.scoreboard import stays

SMALL = GuardParams(bits=2, window=3, beats=2, patience=3)
HITS = 7  # bits of the place that is hit, more than there are
HELD = ("state", "number", "index")


def _hit() -> type[voted.Voted]:
    """Registers like :class:`~hw.guard.voted.Voted`, of all whose copies at most one bit flips in each cycle, any one."""
    hit, places = Signal(HITS, name="hit"), iter(range(1 << HITS))  # free, as all that nothing drives

    class Hit(voted.Voted):
        def drive(self, m: Module, word: Value, when: Value) -> None:
            m.d.comb += self.value.eq(self.vote())
            for copy, then in zip(self.copies, self.words(word, when), strict=True):
                m.d.sync += copy.eq(then ^ Cat(hit == next(places) for _ in copy))

    return Hit


def _guard(scene: Scene) -> tuple[Guard, Inside]:
    part = Guard(SMALL)
    with patch.object(guard, "Voted", _hit()):
        inside = scene.add(part, keep=())  # without the memory: the packet's words are any
    scene.drive(part.i.valid, part.i.payload, part.feed.ready, part.told.valid, part.told.payload, part.damaged, part.o.ready)
    for name in HELD:
        a, b, c = (inside[f"{name}_{k}"] for k in range(3))
        scene.claim((a == b) | (a == c) | (b == c))
    return part, inside


def guarded(scene: Scene) -> None:
    """Beside the guard, counters of its windows and of its packets' beats, which nothing hits."""
    part, inside = _guard(scene)
    m, beats, window = scene.m, SMALL.beats, SMALL.window
    index, number = Signal(range(window), name="beat_of_window"), Signal(NUMBER_BITS, name="windows")
    out, sent = Signal(name="out"), Signal(range(beats), name="sent")  # a packet is due; its beats that have left
    takes, leaves = part.i.valid & part.i.ready, part.o.valid & part.o.ready
    ends, breaks = takes & (index == window - 1), takes & (index != window - 1) & part.i.payload.last
    done = leaves & part.o.payload.last
    with m.If(takes):
        m.d.sync += index.eq(Mux(ends | breaks, 0, index + 1))
    with m.If(ends):
        m.d.sync += [out.eq(1), sent.eq(0)]
    with m.If(leaves):
        m.d.sync += sent.eq(sent + 1)
    with m.If(done):
        m.d.sync += out.eq(0)
    with m.If(done | breaks):
        m.d.sync += number.eq(number + 1)
    # One packet for each whole window, none without; meanwhile no sample is taken.
    scene.claim(~part.o.valid | out)
    scene.claim(~part.i.ready | ~out)
    header = Header(part.o.payload.word)
    scene.claim(~part.o.valid | (sent != 0) | (header.number == number))
    alone = (sent == 0) & (header.label == NO_CALL) & header.no_call & header.fault
    scene.claim(~part.o.valid | Mux(part.o.payload.last, (sent == beats - 1) | alone, sent != beats - 1))
    stays(scene, part.o.valid, part.o.ready, part.o.payload)
    _invariants(scene, inside, index, number, out, sent)
    # Its header tells whether a constant was damaged when the classifier's packet had come.
    hurt = Signal(name="was_damaged")
    with m.If(inside["at_wait"]):
        m.d.sync += hurt.eq(part.damaged)
    scene.claim(inside["hurt"] == hurt)
    scene.claim(~inside["at_offer"] | (sent != 0) | (Header(inside["word"]).image == hurt))
    scene.claim(~part.o.valid | (sent != 0) | (header.image == hurt))
    # A result that comes before its window is complete is told as a fault.
    soon = Signal(name="soon")
    m.d.sync += soon.eq(~(done | breaks) & (soon | inside["at_take"] & part.told.valid))
    scene.claim(~(part.o.valid & soon) | (sent != 0) | alone)
    scene.claim(~(inside["at_take"] | inside["at_wait"]) | ~soon | inside["lost"])
    scene.claim(~(inside["at_read"] | inside["at_load"] | inside["at_offer"]) | ~soon | inside["fault"])
    # It goes on: a word at the latest so many cycles after the one before, and samples two cycles after a packet.
    dark, idle = Signal(5, name="dark"), Signal(2, name="idle")
    m.d.sync += dark.eq(Mux(out & ~part.o.valid, dark + 1, 0))
    limit = SMALL.patience
    scene.claim(dark <= limit + 3)
    scene.claim(out | (dark == 0))
    scene.claim(~inside["at_wait"] | (dark <= inside["waited"]))
    scene.claim(~inside["at_read"] | (dark <= limit + 1))
    scene.claim(~inside["at_load"] | (dark <= limit + 2))
    m.d.sync += idle.eq(Mux(out | inside["at_take"], 0, Mux(idle == 3, 3, idle + 1)))
    scene.claim(idle <= 2)
    scene.claim(~inside["at_clear"] | (idle <= 1))
    scene.claim(~inside["at_drop"] | (idle == 0))
    refused = Signal(range(limit + 4), name="refused")
    m.d.sync += refused.eq(Mux(inside["at_take"] & part.i.valid & ~part.i.ready, refused + 1, 0))
    scene.claim(refused <= limit + 1)
    scene.claim(~inside["at_take"] | ((refused <= inside["waited"]) & (inside["waited"] <= limit + 1)))
    scene.claim(~inside["at_take"] | (inside["waited"] <= limit) | inside["lost"])
    # The classifier's reset is over when a window begins, and none begins without one before it.
    took = scene.before(inside["at_take"], "took", init=1)
    scene.claim(~inside["at_take"] | ~part.clear)
    scene.claim(~inside["at_take"] | took | scene.before(inside["at_clear"] & part.clear, "cleared"))


def _invariants(scene: Scene, inside: Inside, index: Signal, number: Signal, out: Signal, sent: Signal) -> None:
    """What the guard's registers are beside these counters; an induction needs it."""
    at = {one: inside[f"at_{one.name.lower()}"] for one in State}
    sending = at[State.READ] | at[State.LOAD] | at[State.OFFER]
    scene.claim(Cat(at.values()).any())
    scene.claim(out == (at[State.WAIT] | sending))
    scene.claim(inside["number"] == Mux(at[State.DROP] | at[State.CLEAR], (number - 1)[:NUMBER_BITS], number))
    scene.claim(~at[State.TAKE] | (inside["index"] == index))
    scene.claim(at[State.TAKE] | (index == 0))
    scene.claim(~sending | (inside["place"] == sent))
    limit = SMALL.patience
    scene.claim(~at[State.WAIT] | ((sent == 0) & (inside["count"] < SMALL.beats) & (inside["waited"] <= limit)))
    scene.claim(index < SMALL.window)
    scene.claim(~(sending & inside["fault"]) | (sent == 0))
    header = Header(inside["word"])
    clean = ~at[State.OFFER] | (sent != 0) | (header.number == number)
    scene.claim(clean)
    faulty = (header.label == NO_CALL) & header.no_call & header.fault
    scene.claim(~(at[State.OFFER] & inside["fault"]) | faulty)


def damage(scene: Scene) -> None:
    """Beside the check, whether some word since the first cycles after reset had an odd number of ones."""
    word = scene.free(parity.GROUP + 2, "word")
    found = parity.damage(scene.m, word, "checked")
    age, seen = Signal(range(parity.ARMED + 1), name="age"), Signal(name="seen")
    odd = scene.before(word.xor(), "odd_before")
    with scene.m.If(age != parity.ARMED):
        scene.m.d.sync += age.eq(age + 1)
    scene.m.d.sync += seen.eq(seen | (odd & (age == parity.ARMED)))
    scene.claim(age <= parity.ARMED)
    scene.claim(found == seen)


PROPERTIES = (
    Property(
        "parity: damage",
        "The check of a memory of constants tells, until reset, from three cycles after a word with an odd number of ones; "
        "one from before the fourth cycle after a reset does not count",
        damage,
        (
            Fault(parity, "armed[-1] & odd.xor()", "armed[-1] & odd[0]"),
            Fault(parity, "armed[-1] & odd", "armed[0] & odd"),
            Fault(parity, "found | (armed", "(armed"),
            Fault(parity, "at + group].xor()", "at + group].any()"),
        ),
        depth=7,
        reach=12,
    ),
    Property(
        "guard: windows",
        "Whatever a classifier does, and while in each cycle one bit at most flips in what the guard holds three times: one packet "
        "for each whole window, with its number, of its full length or a header alone that tells a fault, as where the classifier "
        "was too early, in time; and then the next window's samples are taken. A header says *damaged* where the classifier did so "
        "when its packet was whole",
        guarded,
        (
            Fault(voted, "own ^ ((own ^ one) & (own ^ other))", "own"),
            Fault(voted, "(a & b) | (a & c) | (b & c)", "(a & b) | (a & c)"),
            Fault(guard, "lost | (waited >= p.patience) | (moves", "lost | (moves"),
            Fault(guard, "lost | self.told.valid | (waited", "lost | (waited"),
            Fault(guard, "lost | self.told.valid | (waited >= self.params.patience)", "lost | self.told.valid"),
            Fault(guard, "(self.feed.ready | lost) & at[State.TAKE]", "self.feed.ready | lost"),
            Fault(guard, "at[State.OFFER] | at[State.DROP])\n        return m", "at[State.OFFER])\n        return m"),
            Fault(guard, "((breaks, State.DROP), (ends, State.WAIT))", "((ends, State.WAIT),)"),
            Fault(guard, "header.image.eq(hurt)", "header.image.eq(0)"),
        ),
        depth=6,
        reach=16,
    ),
)
