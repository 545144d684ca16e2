"""The array's arithmetic: the lanes' adder and their sums, the clip, comparisons."""

from amaranth.hdl import Module, Mux, ResetSignal, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.mac import adder, choice, clip, lanes
from hw.mac.params import ArrayParams
from hw.stream.rounding import halve_round
from sim.prove.faults import Fault
from sim.prove.scene import Property, Scene
from sw.export.array.program import LANES, LOGIT_BITS, LOGITS, SLOTS, SUM_BITS, TOTAL_BITS, UNSIGNED


class AddSub(wiring.Component):
    """The lanes' adder alone."""

    a: In(signed(SUM_BITS))
    b: In(signed(9))
    minus: In(1)
    keep: In(1)
    total: Out(signed(SUM_BITS))

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.total.eq(adder.add_or_subtract(m, self.a, self.b, self.minus, self.keep, platform))
        return m


def sum_or_difference(scene: Scene) -> None:
    """The lanes' adder, made for an ECP5, against plain arithmetic."""
    part = AddSub()
    scene.add(part, family="ecp5")
    scene.drive(part.a, part.b, part.minus, part.keep)
    kept = Mux(part.keep, part.a, 0)
    plain = Mux(part.minus, kept - part.b, kept + part.b)
    scene.claim(part.total.as_unsigned() == plain[:SUM_BITS])


def clipped(scene: Scene) -> None:
    """The clip against rounding and limits."""
    value, kind = scene.free(signed(TOTAL_BITS + 1), "value"), scene.free(2, "kind")
    rounded = halve_round(value)

    def within(least: int, most: int) -> Value:
        return Mux(rounded < least, least, Mux(rounded > most, most, rounded))

    logit = within(-(1 << (LOGIT_BITS - 1)), (1 << (LOGIT_BITS - 1)) - 1)
    plain = Mux(kind == LOGITS, logit, Mux(kind == UNSIGNED, within(0, 255), within(-128, 127)))
    scene.claim(clip.clipped(value, kind) == plain)


def compared(scene: Scene) -> None:
    """A comparison by a difference's sign, and a choice in two levels."""
    a, b = scene.free(signed(9), "a"), scene.free(signed(9), "b")
    scene.claim(choice.exceeds(a, b) == (a > b))
    words, which = [scene.free(4, f"word{k}") for k in range(4)], scene.free(2, "which")
    for k, word in enumerate(words):
        scene.claim((which != k) | (choice.one_of_four(words, which) == word))


def _weight(word: Value, tap: Value, lane: Value, j: int, g: int, groups: int) -> Value:
    """The weight's bit of lane ``j`` in group ``g``: a word has taps of all rows, row ``slot * groups + g`` being the lane's."""
    bits = []
    for slots in (1, 2, 4):
        slot, taps = j // (LANES // slots), SLOTS // slots
        bit = word.bit_select(((tap % taps) * slots + slot) * groups + g, 1)
        bits.append(bit)
    return Mux(lane.slots[1], bits[2], Mux(lane.slots[0], bits[1], bits[0]))


def lanes_take(windows: bool):
    """The lanes' sums against plain accumulators, whatever inputs are at work."""

    def build(scene: Scene) -> None:
        groups = 2
        params = ArrayParams(groups, memory=64, window=16, windows=windows, images=False)
        part = lanes.Lanes(params)
        inside = scene.add(part, keep=())
        scene.drive(part.lane, part.take, part.word, part.tap)
        inputs = inside["all_others.x"]
        lane, take = Value.cast(part.lane), part.take
        for k in range(lanes.AT_WEIGHTS):
            lane = scene.before(lane, f"lane_before{k}")
        for k in range(lanes.AT_WORK):
            take = scene.before(take, f"take_before{k}")
        lane = part.lane.shape()(lane)
        masks = lanes.lane_masks(lane) if windows else [1] * LANES
        scene.hint((part.word == 0) & ~ResetSignal())
        for g in range(groups):
            for j in range(LANES):
                _accumulates(scene, inside, part, (g, j), lane, masks[j], take, inputs)

    return build


def _accumulates(scene: Scene, inside, part, place: tuple[int, int], lane, mask, take, inputs: Signal) -> None:
    """One lane: an accumulator that a first tap begins anew, and a copy of it as it was when its take is at work."""
    g, j = place
    m, groups = scene.m, part.params.groups
    name = f"{g}_{j}"
    minus = scene.before(~_weight(part.word, part.tap, lane, j, g, groups), f"minus{name}")
    adds, first = scene.before(lane.add, f"adds{name}"), scene.before(lane.first, f"first{name}")
    takes_part = scene.before(mask, f"mask{name}")
    plain = Signal(signed(SUM_BITS), name=f"plain{name}", reset_less=True)
    copied = Signal(signed(SUM_BITS), name=f"copied{name}", reset_less=True)
    number = LANES * g + j
    value = inputs[9 * number : 9 * (number + 1)].as_signed()
    term = Mux(takes_part, Mux(minus, -value, value), 0)
    with m.If(adds):
        m.d.sync += plain.eq(Mux(first, 0, plain) + term)
    with m.If(take):
        m.d.sync += copied.eq(plain)
    scene.claim(inside[f"total{name}"] == plain)
    scene.claim(part.sums[g][j] == copied)


PROPERTIES = (
    Property(
        "lanes' adder: carry cells",
        "The lanes' adder, of an ECP5's carry cells, gives sum, difference, or one term alone",
        sum_or_difference,
        (Fault(adder, 'f"p_INIT{half}": HALF,', 'f"p_INIT{half}": HALF ^ 1 << 12,'),),
        quick=True,
    ),
    Property(
        "clip: limits",
        "The clip of the array's outputs is rounding and then the nearest limit, for every kind of output",
        clipped,
        (Fault(clip, "value[bits:].any() | value[:bits].all()", "value[bits:].any()"),),
        quick=True,
    ),
    Property(
        "comparison: sign",
        "A comparison by the sign of a difference is the comparison, and a choice in two levels the choice",
        compared,
        (
            Fault(choice, "(b - a)[-1]", "(b - a)[-2]"),
            Fault(choice, "Mux(which[0], d, c)", "Mux(which[0], c, d)"),
        ),
    ),
    *(
        Property(
            f"lanes: take{', windows' * windows}",
            "A lane's sum is what was added since its pass began; ``take`` copies it as it was before an addition in the same cycle"
            + ", for lanes that a tap leaves out, too" * windows,
            lanes_take(windows),
            (
                Fault(lanes, "sums[g][j].eq(total)", "sums[g][j].eq(added)"),
                Fault(lanes, "keep.eq(~before.first)", "keep.eq(1)"),
            ),
            depth=3,
            reach=6,
        )
        for windows in (False, True)
    ),
)
