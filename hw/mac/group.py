"""The data of one group's post-processing."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.mac.choice import exceeds, one_of_four
from hw.mac.clip import clipped
from hw.stream import multiplier
from hw.stream.rounding import less_if_negative
from sw.export.array.program import BIAS_BITS, LANES, LOGIT_BITS, POOL_BITS, SHIFT_BITS, SLOTS, SUM_BITS, TOTAL_BITS

Channel = data.StructLayout({"bias": signed(BIAS_BITS), "shift": 8})

# What the control says, each signal in its own stage (:mod:`hw.mac.stages`).
Control = data.StructLayout(
    {
        # Stage 0 and 1, and the stage before the total.
        "lane": 4,
        "means_slot": 2,
        "takes_mean": 1,
        "before_lane": 4,
        "before_first": 1,
        "before_mean": 1,
        "largest": 1,
        "bias_shift": 4,
        "mean_shift": SHIFT_BITS,
        # The one behind it.
        "kept_lane": 4,
        "kept_valid": 1,
        # The stage before the value, and the value's.
        "kind": 2,
        "next_slot": 2,
        "next_start": 1,
        "goes_on": 1,
        "slot": 2,
        "counts": 1,
        "chunk_first": 1,
        "chunk_last": 1,
        "pool_rest": 1,
        "pool_mean": 1,
        # The plain value's.
        "result_chunks": 1,
        "result_mean": 1,
        "result_plain": 1,
        # The result's.
        "sum_slot": 2,
        "sum_add": 1,
        "sum_fresh": 1,
        # At the shift register.
        "push": 1,
    }
)


class Group(wiring.Component):
    """Ports: ``sums`` and ``control``; ``alpha`` in stage ``CHOICE``, ``channel`` in the one before ``TOTAL``. ``plain``: a value,
    before its pool, in stage ``PLAIN``; ``result`` (8 bits) in stage ``RESULT``; ``looks``/``looked``: in stage ``PUSH`` that is
    pushed instead of the result; ``pushed``: what is; ``line``: the last ``LANES`` of them, the latest last."""

    def __init__(self):
        super().__init__(
            {
                "sums": In(data.ArrayLayout(signed(SUM_BITS), LANES)),
                "control": In(Control),
                "alpha": In(signed(9)),
                "channel": In(Channel),
                "plain": Out(signed(LOGIT_BITS)),
                "result": Out(8),
                "looks": In(1),
                "looked": In(8),
                "pushed": Out(8),
                "line": Out(data.ArrayLayout(8, LANES)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        result = Signal(signed(POOL_BITS), reset_less=True)
        total = self._total(m, self._product(m, self._means(m, result)))
        value = self._value(m, total)
        m.d.sync += result.eq(self._pooled(m, value))
        self._push(m, result)
        return m

    def _means(self, m: Module, result: Signal) -> Signal:
        """Sums of what each slot put out; that of ``means_slot``, which is taken when none is added."""
        c = self.control
        m.submodules.means = means = Memory(shape=signed(SUM_BITS), depth=SLOTS, init=[])
        read, write = means.read_port(domain="comb"), means.write_port()
        m.d.comb += [
            read.addr.eq(c.means_slot),
            write.addr.eq(c.sum_slot),
            write.en.eq(c.sum_add),
            write.data.eq(Mux(c.sum_fresh, 0, read.data) + result),
        ]
        return read.data

    def _product(self, m: Module, mean: Signal) -> Signal:
        """Choice of the lane in two steps of four, then the product."""
        c = self.control
        some = Signal(data.ArrayLayout(signed(SUM_BITS), 4), reset_less=True)
        upper, one = Signal(2, reset_less=True), Signal(signed(SUM_BITS), reset_less=True)
        m.d.sync += upper.eq(c.lane[2:])
        for quarter in range(4):
            m.d.sync += some[quarter].eq(one_of_four([self.sums[4 * quarter + k] for k in range(4)], c.lane[:2]))
        chosen = one_of_four([some[k] for k in range(4)], upper)
        m.d.sync += one.eq(Mux(c.takes_mean, mean, chosen.as_signed()))
        m.submodules.multiplier = product = multiplier.Multiplier(signed(SUM_BITS), signed(9))
        m.d.comb += [product.a.eq(one), product.b.eq(self.alpha)]
        return product.p

    def _total(self, m: Module, product: Signal) -> Signal:
        """Partial sums of the 16 lanes. What is added to is ready a stage sooner; the lane before it was written long ago."""
        c = self.control
        m.submodules.partial = partial = Memory(shape=signed(TOTAL_BITS), depth=LANES, init=[])
        kept, keeps = partial.read_port(domain="comb"), partial.write_port()
        total, sum_ = Signal(signed(TOTAL_BITS), reset_less=True), Signal(signed(TOTAL_BITS))
        base, compares = Signal(signed(TOTAL_BITS), reset_less=True), Signal(reset_less=True)
        m.d.comb += [
            kept.addr.eq(c.before_lane),
            keeps.addr.eq(c.kept_lane),
            keeps.en.eq(c.kept_valid),
            keeps.data.eq(total),
            sum_.eq(Mux(compares, Mux(exceeds(product, base), product, base), base + product)),
        ]
        bias = Mux(c.largest | c.before_mean, 0, self.channel.bias << c.bias_shift)
        m.d.sync += [
            base.eq(Mux(c.before_first, bias, kept.data)),
            compares.eq(c.largest & ~c.before_first),
            total.eq(sum_),
        ]
        return total

    def _value(self, m: Module, total: Signal) -> Signal:
        """Rounding shift of twice the total by 0 to 31, then the clip."""
        c = self.control
        shift, shift1, shift2 = (Signal(SHIFT_BITS, name=f"shift{k}", reset_less=True) for k in range(3))
        fine = Signal(2, reset_less=True)
        reduced = Signal(signed(TOTAL_BITS + 1), reset_less=True)
        coarse, shifted = Signal.like(reduced, name="coarse"), Signal.like(reduced, name="shifted")
        value = Signal(signed(LOGIT_BITS), reset_less=True)
        doubled = Signal(signed(TOTAL_BITS + 1))
        m.d.comb += doubled.eq(Cat(Const(0, 1), total).as_signed())
        by_fours = [reduced >> places for places in range(0, 32, 4)]
        m.d.sync += [
            shift.eq(Mux(c.before_mean, c.mean_shift, self.channel.shift)),
            shift1.eq(shift),
            shift2.eq(shift1),
            reduced.eq(less_if_negative(doubled)),
            coarse.eq(Mux(shift2[4], one_of_four(by_fours[4:], shift2[2:4]), one_of_four(by_fours[:4], shift2[2:4]))),
            fine.eq(shift2),
            shifted.eq(one_of_four([coarse >> places for places in range(4)], fine)),
        ]
        m.d.sync += value.eq(clipped(shifted, c.kind))
        return value

    def _pooled(self, m: Module, value: Signal) -> Signal:
        """The pool: the largest (or the sum) of this chunk so far and of the two before it, for each slot. A slot's positions
        follow each other: its state is read before the first one, goes on in registers, and is kept in the memory, too, a cycle
        later. That a chunk has ended is told beside the state: its result moves up where it is used."""
        c = self.control
        small = signed(POOL_BITS)
        pool_layout = data.StructLayout({"partial": small, "one": small, "two": small})
        state_layout = data.StructLayout({"partial": small, "one": small, "two": small, "ended": 1})
        m.submodules.pool = pool = Memory(shape=pool_layout, depth=SLOTS, init=[])
        state, update = pool.read_port(domain="comb"), pool.write_port()
        old, made = (Signal(state_layout, name=n, reset_less=True) for n in ("pool_state", "pool_made"))
        v, largest, so_far = Signal(small), Signal(small), Signal(small)
        sums = Signal()

        def moved_up(now) -> tuple:
            return Mux(now.ended, now.partial, now.one), Mux(now.ended, now.one, now.two)

        one, two = moved_up(old)
        m.d.comb += [
            v.eq(value[:POOL_BITS].as_signed()),
            sums.eq(c.pool_mean & ~c.chunk_first),
            largest.eq(Mux(c.chunk_first | exceeds(v, old.partial), v, old.partial)),
            so_far.eq(Mux(sums, v + old.partial, largest)),
        ]
        m.d.sync += [made.partial.eq(so_far), made.one.eq(one), made.two.eq(two), made.ended.eq(c.chunk_last)]
        kept, slot = Signal(), Signal(2)
        m.d.sync += [kept.eq(c.counts), slot.eq(c.slot)]
        kept_one, kept_two = moved_up(made)
        # What is written in this cycle is not in the memory yet.
        fetched = Signal(pool_layout, name="pool_fetched")
        m.d.comb += [
            state.addr.eq(c.next_slot),
            update.addr.eq(slot),
            update.en.eq(kept),
            update.data.partial.eq(made.partial),
            update.data.one.eq(kept_one),
            update.data.two.eq(kept_two),
            fetched.eq(Mux(kept & (slot == c.next_slot), update.data, state.data)),
        ]
        with m.If(c.goes_on | c.next_start):
            # What comes from the comparison last goes through one choice more.
            other = Mux(c.goes_on, v + old.partial, fetched.partial)
            m.d.sync += [
                old.partial.eq(Mux(c.goes_on & ~sums, largest, other)),
                old.one.eq(Mux(c.goes_on, one, fetched.one)),
                old.two.eq(Mux(c.goes_on, two, fetched.two)),
                old.ended.eq(c.goes_on & c.chunk_last),
            ]
        # The second comparison has a cycle of its own.
        latest, before = Signal(small, reset_less=True), Signal(small, reset_less=True)
        m.d.sync += [
            latest.eq(Mux(c.pool_rest, Mux(exceeds(v, one), v, one), so_far)),
            before.eq(Mux(c.pool_rest, two, one)),
            self.plain.eq(value),
        ]
        upper = Mux(c.result_chunks & exceeds(before, latest), before, latest)
        rounded = Mux(c.result_mean, (latest + 1) >> 1, upper)
        return Mux(c.result_plain, self.plain[:POOL_BITS].as_signed(), rounded)

    def _push(self, m: Module, result: Signal) -> None:
        """Past the table into the shift register."""
        wait, late = Signal(8, reset_less=True), Signal(8, reset_less=True)
        line = Signal(8 * LANES, reset_less=True)
        m.d.comb += [
            self.result.eq(result),
            self.pushed.eq(Mux(self.looks, self.looked, late)),
            self.line.as_value().eq(line),
        ]
        m.d.sync += [wait.eq(result), late.eq(wait)]
        with m.If(self.control.push):
            m.d.sync += line.eq(Cat(line[8:], self.pushed))
