"""The normaliser's scale: variance, root and quotient of a window, bit by bit, against what they mean.

Each phase of the work keeps a relation between what it has and what it is after; these are claimed step by step, so that induction
over a cycle proves them. ``A`` being the leading bits so far, the root without restoring keeps ``rest = A - (root + 1 if rest < 0
else root)^2``, the quotient ``rest = A - quotient * root - (root if rest < 0 else 0)``.
"""

from amaranth.hdl import Cat, Const, Mux, ResetSignal, Signal, Value, signed

from hw.front import reciprocal
from sim.prove.faults import Fault
from sim.prove.scene import Inside, Property, Scene
from sw.export.front.normaliser import NormaliserSpec

# Root of 6 bits, quotient of 7: products in the claims are small enough for a solver.
SPEC = NormaliserSpec(window=4, raw_bits=5, z_bits=2, z_fraction=1)


class _Work:
    """The component in a scene, its registers, and what its phases are after."""

    def __init__(self, scene: Scene):
        self.scene, self.part = scene, reciprocal.Reciprocal(SPEC)
        self.inside: Inside = scene.add(self.part)
        part = self.part
        scene.drive(part.i.valid, part.i.payload, part.o.ready)
        self.s1, self.s2 = Signal(signed(SPEC.sum_bits), reset_less=True), Signal(SPEC.square_bits, reset_less=True)
        v_bits = 2 * SPEC.root_bits
        self.full = Signal(v_bits, reset_less=True)  # V
        self.scaled = Signal(v_bits, reset_less=True)  # V * 4^e
        with scene.m.If(part.i.valid & part.i.ready):
            scene.m.d.sync += [self.s1.eq(part.i.payload.s1), self.s2.eq(part.i.payload.s2)]

    def __getattr__(self, name: str) -> Signal:
        return self.inside[name]

    def during(self, *states: str) -> Value:
        """In one of these phases."""
        return Cat(self.inside.state(one) for one in states).any()

    def claim(self, state: Value, condition: Value) -> None:
        """While in a state, this holds."""
        self.scene.claim(~state | condition)


PHASES = {
    "SCALE": SPEC.window.bit_length(),
    "SQUARE": SPEC.sum_bits,
    "DOUBLE": SPEC.max_exponent,
    "ROOT": SPEC.root_bits,
    "DIVIDE": SPEC.reciprocal_bits,
}


def _phases(work: _Work) -> None:
    """Each phase has its cycles, no more and no less."""
    for name, cycles in PHASES.items():
        work.claim(work.during(name), (work.count < cycles) & (work.ends == (work.count == cycles - 1)))
    work.claim(work.during("IDLE", "DONE"), (work.count == 0) & ~work.ends)
    work.scene.claim(work.during("IDLE", *PHASES, "DONE"))
    work.scene.claim(work.part.o.valid == work.during("DONE"))


def _variance(work: _Work) -> None:
    """V = N * S2 - S1^2, then V * 4^e, which fills its width."""
    scene, count, v = work.scene, work.count, work.v
    size = Mux(work.s1 < 0, -work.s1, work.s1)[: SPEC.sum_bits]
    square = sum(Mux(size[k], size << k, 0) for k in range(SPEC.sum_bits))
    variance = SPEC.window * work.s2 - square
    scene.suppose((variance == 0) | (variance >= SPEC.window - 1) & (variance < 1 << 2 * SPEC.root_bits))
    scene.suppose(work.s1 != -(1 << SPEC.sum_bits - 1))
    begun = work.during("SCALE", "SQUARE", "DOUBLE", "ROOT", "DIVIDE", "DONE")
    work.claim(begun, (work.inside["s1"] == work.s1) & (work.size == size))

    bits = [(SPEC.window >> k) & 1 for k in range(SPEC.window.bit_length())]
    so_far = sum((Mux(count > k, work.s2 << k, 0) for k, bit in enumerate(bits) if bit), start=0)
    work.claim(work.during("SCALE"), (v == so_far) & (work.multiplier == Const(SPEC.window) >> count))
    work.claim(work.during("SCALE"), work.shifted == (work.s2 << count)[: len(work.shifted)])
    taken = sum(Mux(size[k] & (count > k), size << k, 0) for k in range(SPEC.sum_bits))
    work.claim(work.during("SQUARE"), v == (SPEC.window * work.s2 - taken)[: len(v)])
    work.claim(work.during("SQUARE"), (work.multiplier == size >> count) & (work.shifted == (size << count)[: len(work.shifted)]))

    doubles = work.during("DOUBLE")
    work.claim(work.during("IDLE", "SCALE", "SQUARE") & begun, work.exponent == 0)
    work.claim(doubles, (v == (variance << 2 * work.exponent)[: len(v)]) & (variance << 2 * work.exponent < 1 << len(v)))
    work.claim(doubles, (v[-2:] != 0) & (work.exponent <= count) | (work.exponent == count))
    with scene.m.If(doubles):
        scene.m.d.sync += [work.full.eq(variance), work.scaled.eq(Mux(v[-2:] == 0, v << 2, v))]
    after = work.during("ROOT", "DIVIDE", "DONE")
    work.claim(after, (work.full == variance) & (work.flat == (variance == 0)) & (work.exponent <= SPEC.max_exponent))
    work.claim(after, (work.scaled == (work.full << 2 * work.exponent)[: len(v)]) & (work.flat | (work.scaled[-2:] != 0)))


def _root(work: _Work) -> None:
    """The root's bits, the leading ones first."""
    bits, count, root, rest = SPEC.root_bits, work.count, work.root, work.rest
    at_work = work.during("ROOT")
    work.claim(work.during("SCALE", "SQUARE", "DOUBLE"), (root == 0) & (rest == 0))
    leading = work.scaled >> 2 * (bits - count)[:-1]
    negative = rest < 0
    tried = root + negative
    work.claim(at_work, work.v == (work.scaled << 2 * count)[: 2 * bits])
    work.claim(at_work, root < Const(1) << count)
    work.claim(at_work, rest + tried * tried == leading)
    work.claim(at_work, (root * root <= leading) & (leading < (root + 1) * (root + 1)))
    after = work.during("DIVIDE", "DONE")
    work.claim(after, work.flat | (root * root <= work.scaled) & (work.scaled < (root + 1) * (root + 1)) & root[-1])
    work.claim(work.during("IDLE", "DIVIDE", "DONE"), work.v == 0)


def _quotient(work: _Work) -> None:
    """The quotient's bits, which come in where the numerator's leave."""
    bits, count, root, rest, quotient = SPEC.reciprocal_bits, work.count, work.root, work.rest, work.quotient
    at_work = work.during("DIVIDE") & ~work.flat
    found = Signal(bits)
    work.scene.m.d.comb += found.eq(quotient & ((Const(1) << count) - 1))
    leading = Const(SPEC.numerator) >> (bits - count)[:-1]
    below = SPEC.numerator & ((1 << bits) - 1)
    work.claim(at_work, quotient == ((Const(below) << count) | found)[:bits])
    work.claim(at_work, rest + Mux(rest < 0, root, 0) + found * root == leading)
    work.claim(at_work, (found * root <= leading) & (leading < (found + 1) * root))
    told, done = work.part.o.payload, work.part.o.valid & ~work.flat
    work.claim(done, (told.r * root <= SPEC.numerator) & (SPEC.numerator < (told.r + 1) * root))
    work.claim(work.part.o.valid, told.shift == Mux(work.flat, SPEC.point, SPEC.point - work.exponent))
    work.claim(work.part.o.valid & work.flat, (told.r == 0) & told.flat)


def scale(scene: Scene) -> None:
    """A window's scale, all of its phases."""
    work = _Work(scene)
    _phases(work)
    _variance(work)
    _root(work)
    _quotient(work)
    sums = work.part.i.payload
    scene.hint(work.part.i.valid & work.part.o.ready & (sums.s1 == 3) & (sums.s2 == 9) & ~ResetSignal())


PROPERTIES = (
    Property(
        "reciprocal: bound",
        "Of every window that samples can make, V = N S2 - S1^2, the root is the largest whose square is not above V 4^e, the "
        "quotient the largest whose product with it is not above C, a flat window has none, and each phase has its cycles (root of "
        f"{SPEC.root_bits} bits, quotient of {SPEC.reciprocal_bits})",
        scale,
        (
            Fault(reciprocal, "trial = Cat(Const(3, 2)", "trial = Cat(Const(1, 2)"),
            Fault(reciprocal, "Cat(Const(1, 1), quotient[-1], rest)", "Cat(Const(0, 1), quotient[-1], rest)"),
            Fault(reciprocal, "with m.If(v[-2:] == 0):", "with m.If(v[-1] == 0):"),
        ),
        depth=2,
        reach=reciprocal.latency(SPEC) + 1,
    ),
)
