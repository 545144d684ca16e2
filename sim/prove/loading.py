"""The array's loader: bytes of an image become words of memories, each once, in order, in its place. And the gate that lets them in
between beats."""

import struct

from amaranth.hdl import Cat, Const, Mux, ResetSignal, Signal, Value

from hw.images import top as image_top
from hw.mac import loader
from hw.mac.params import ArrayParams
from sim.prove.faults import Fault
from sim.prove.history import history
from sim.prove.scene import Inside, Property, Scene
from sw.export.array.program import section_bytes

# Signals of the image that comes in which have no name of their own.
TAKEN, BYTE, SECTION, SIZE = (f"$signal:{place}" for place in (0, 2, 3, 5))
WORDS = {"program": 5, "passes": 4, "weights": 3, "alphas": 3, "channels": 2, "tables": 2}
PARAMS = {"groups": 2, "memory": 64, "window": 16, "images": False, **WORDS}


def _of_section(section: Value, values: list[int], bits: int) -> Value:
    """One of these numbers, by a section's number; 0 of sections that are not there."""
    chosen = Const(0, bits)
    for number, value in enumerate(values):
        chosen = Mux(section == number, Const(value, bits), chosen)
    return chosen


def _loader(scene: Scene, halves: bool, body: int = 100) -> tuple[loader.Loader, Inside]:
    params = ArrayParams(**PARAMS, windows=False, halves=halves)
    part = loader.Loader(params, {0: None})
    inside = scene.add(part)
    scene.drive(part.i.valid, part.i.payload, part.fault, part.granted, part.take)
    _hint(scene, part, body)
    return part, inside


def _hint(scene: Scene, part: loader.Loader, body: int) -> None:
    """An image with a good head and ``body`` bytes, of which the first section has most words, all bytes being 0."""
    head = part.begin + struct.pack("<IHBBI", body, PARAMS["window"], 0, 0, 100) + struct.pack("<I", PARAMS["program"] << 8)
    place = Signal(16, name="place")
    with scene.m.If(part.i.valid & part.i.ready):
        scene.m.d.sync += place.eq(place + 1)
    for number, value in enumerate(head[: loader.HEADER_BYTES + min(body, 4)]):
        scene.hint((place != number) | (part.i.payload.data == value))
    scene.hint(part.i.valid & part.granted & ~ResetSignal())
    scene.hint((place >= loader.HEADER_BYTES) | ~part.i.payload.last)


def words(halves: bool):
    """Words of sections: made of their bytes, counted, in their places."""

    def build(scene: Scene) -> None:
        part, inside = _loader(scene, halves)
        sizes = section_bytes(PARAMS["groups"])
        depths = [PARAMS[name] for name in sizes]
        measures, at_words = inside.state("MEASURE"), inside.state("WORDS")
        section, write, taken = inside[SECTION], inside["write"], inside[TAKEN]
        # Every byte that is taken is looked at once, in the next cycle, and none comes in that cycle.
        came = scene.before(part.i.valid & part.i.ready, "came")
        byte = scene.before(part.i.payload.data, "byte_before")
        scene.claim((taken == came) & (~taken | (inside[BYTE] == byte) & ~part.i.ready))
        past = history(scene, inside[BYTE], taken, max(sizes.values()), "past")
        scene.claim(part.word[-8:] == past[0])
        scene.claim(part.word == Cat(*reversed(past)))

        # Parity is that of the bytes of a word so far.
        for count in range(1, max(sizes.values())):
            scene.claim(~at_words | (inside["index"] != count) | (part.parity == Cat(past[:count]).xor()))
        for number, count in enumerate(sizes.values()):
            scene.claim(~write | (section != number) | (part.parity == Cat(past[:count]).xor()))

        # The bytes of each word are counted by its section, and the words by what the section's head said.
        size, depth = _of_section(section, list(sizes.values()), 4), _of_section(section, depths, 24)
        since, done, whole = Signal(4, name="since"), Signal(24, name="done"), Signal(24, name="whole")
        ends = at_words & taken & (since == size - 1)
        with scene.m.If(at_words & taken):
            scene.m.d.sync += since.eq(Mux(ends, 0, since + 1))
        with scene.m.If(write):
            scene.m.d.sync += done.eq(done + 1)
        with scene.m.If(measures):
            scene.m.d.sync += [since.eq(0), done.eq(0), whole.eq(inside["words"])]
        scene.claim(write == scene.before(ends, "ended"))
        scene.claim(~at_words | (inside["index"] == since) & (since < size))
        scene.claim(~at_words | (inside[SIZE] == size - 1) & (inside["room"] == depth) & (section < len(sizes)))
        scene.claim(~at_words | (done + write + inside["words"] == whole) & (inside["words"] != 0) & (whole <= depth))
        scene.claim(~at_words & ~write | (inside["address"] == done[: part.address_bits]))
        scene.claim(~write | (done < whole) & (whole <= depth))
        scene.claim(~measures | (inside["index"] == 0) & (inside["address"] == 0) & ~write)

        enables = [getattr(part, f"write_{name}") for name in sizes]
        wrote, was, at = scene.before(write, "wrote"), scene.before(section, "was"), scene.before(done, "at")
        section_before = scene.before(was, "section_before")
        for number, (enable, count) in enumerate(zip(enables, sizes.values(), strict=True)):
            scene.claim(enable == (wrote & (section_before == number)))
            scene.claim(~enable | (Cat(part.word[-8 * count :], part.parity).xor() == 0))
            scene.claim(~enable | (part.address == at) & (at < depths[number]))
        scene.claim(sum(enables) <= 1)

    return build


def checked(scene: Scene) -> None:
    """An image that is ready: its last four bytes were the checksum, and it waits until it is taken over."""
    part, inside = _loader(scene, True, body=0)
    checks, index, taken = inside["checks"], inside["index"], inside[TAKEN]
    at_checksum = inside.state("CHECKSUM")
    past = history(scene, inside[BYTE], taken, 4, "past")
    wanted = Signal(32, name="wanted")  # what the checksum was when the body had ended
    was_checksum = scene.before(at_checksum, "was_checksum")
    with scene.m.If(at_checksum & ~was_checksum):
        scene.m.d.sync += wanted.eq(checks)
    begun = Mux(was_checksum, wanted, checks)
    right = inside["wrong"] == 0
    scene.claim(~at_checksum | (checks == begun >> 8 * index) & (index < 4))
    for count in range(1, 4):
        same = Cat(*reversed(past[:count])) == begun[: 8 * count]
        scene.claim(~at_checksum | (index != count) | ~right | same)
    rises = part.ready & ~scene.before(part.ready, "was_ready")
    scene.claim(~rises | (Cat(*reversed(past)) == wanted))
    scene.claim(~rises | was_checksum)
    scene.claim(~part.ready | inside.state("BEGIN"))
    stays = scene.before(part.ready & ~part.take, "stays")
    scene.claim(~stays | part.ready)


def granted(scene: Scene) -> None:
    """Where there is room for one network, nothing is written before it is granted, image by image."""
    part, inside = _loader(scene, False)
    opened = Signal(name="opened")
    with scene.m.If(inside.state("CLAIM") & part.granted):
        scene.m.d.sync += opened.eq(1)
    with scene.m.If(inside.state("HEADER")):
        scene.m.d.sync += opened.eq(0)
    scene.claim(part.claims == inside.state("CLAIM"))
    body = Cat(inside.state(name) for name in ("SECTION", "MEASURE", "WORDS", "CHECKSUM")).any()
    scene.claim(~body | opened)
    once = scene.before(inside.state("WORDS") & opened, "once")
    twice = scene.before(once, "twice")
    scene.claim(~inside["write"] | once)
    for name in section_bytes(PARAMS["groups"]):
        scene.claim(~getattr(part, f"write_{name}") | twice)


def gate(scene: Scene) -> None:
    """Beside the gate in front of the array, the beats that are under way: one may begin while it is open, any may end."""
    time = image_top.SETTLE
    part = image_top.Gate(time)
    inside = scene.add(part)
    m = scene.m
    scene.drive(part.c_axis.valid, part.c_axis.payload, part.array.ready, part.loaded)
    beats = Signal(2, name="beats")
    begins, ends = scene.free(1, "begins") & part.open & ~beats.all(), scene.free(1, "ends") & beats.any()
    m.d.sync += beats.eq(beats + begins - ends)
    m.d.comb += part.idle.eq(beats == 0)
    loads = inside.state("LOAD") | inside.state("SETTLE")
    scene.claim(loads | inside.state("BEATS"))
    scene.claim(~loads & ~part.array.valid | (beats == 0))
    # Cycles since the last byte, no more than ``time``; and in a row without one in which beats wait though there is a network.
    since, waits = Signal(range(time + 1), name="since_byte", init=time), Signal(range(time + 2), name="waits")
    moves = part.array.valid & part.array.ready
    m.d.sync += since.eq(Mux(moves, 0, Mux(since == time, time, since + 1)))
    m.d.sync += waits.eq(Mux(part.loaded & ~part.c_axis.valid & ~part.open, waits + 1, 0))
    scene.claim(loads | (since == time))
    scene.claim(~part.open | ~loads)
    scene.claim(~loads | (since == time) | (inside["since"] == since))
    scene.claim(waits <= time)
    scene.claim(~loads | (waits <= inside["since"]))


PROPERTIES = (
    *(
        Property(
            f"loader: words, {'two halves' if halves else 'one half'}",
            "Every word of an image is written once, in order, in its section's memory and within it, made of its own bytes, with "
            "their parity",
            words(halves),
            (
                Fault(loader, "with m.If(index == image.size):", "with m.If(index == 1):"),
                Fault(loader, "(image.index != 0) & self.parity", "self.parity"),
                Fault(
                    loader, "image.address.eq(0)]\n                    m.next", "image.address.eq(1)]\n                    m.next"
                ),
            ),
            depth=5,
            reach=64,
        )
        for halves in (True, False)
    ),
    Property(
        "loader: checksum",
        "An image is taken for whole only after its last four bytes were the checksum, and then it waits until it is taken over",
        checked,
        (Fault(loader, "(wrong != Status.NONE) | (byte != checks[:8])", "(byte != checks[:8])"),),
        depth=5,
        reach=56,
    ),
    Property(
        "loader: granted",
        "Where there is room for one network, no word is written before the memories are granted to this image",
        granted,
        (Fault(loader, 'm.next = "SECTION" if self.params.halves else "CLAIM"', 'm.next = "SECTION"'),),
        depth=5,
        reach=60,
    ),
    Property(
        "gate: beats and loads",
        "Behind the detector no byte of a network passes while a beat is under way, no beat begins until the array had its time "
        "after a byte, and beats do not wait longer than that where the array has a network",
        gate,
        (
            Fault(image_top, "self.open.eq(self.loaded & ~self.c_axis.valid)", "self.open.eq(self.loaded)"),
            Fault(image_top, "with m.If(self.c_axis.valid & self.idle):", "with m.If(self.c_axis.valid):"),
            Fault(image_top, "(since == self.quiet - 1)", "(since == 3)"),
            Fault(image_top, "with m.Elif(~moves & self.loaded &", "with m.Elif(moves & self.loaded &"),
        ),
        depth=2,
        reach=40,
        quick=True,
    ),
)
