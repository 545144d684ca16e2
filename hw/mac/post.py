"""Post-processing: from the lanes' sums to bytes, in every group one lane after the other.

sum x alpha, added to the partial sum (the first pass brings the bias); after the last pass a rounding shift, a clip, and the pool
along the positions; a table; means. What leaves waits in a shift register of each group for the writer. This is the control,
:mod:`hw.mac.group` the data.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.mac.gates import GateWrite
from hw.mac.group import Channel, Control, Group
from hw.mac.jobs import Jobs
from hw.mac.lanes import sums_layout
from hw.mac.layouts import Fields, Job, Pass
from hw.mac.params import ArrayParams
from hw.mac.pool import PoolControl
from hw.mac.stages import AT_TOTAL, AT_VALUE, CHANNEL, CHOICE, PLAIN, PUSH, RESULT, TOTAL, VALUE, Step
from hw.stream.delay import delay
from sw.export.array.program import ALPHA_BITS, LANES, LOGIT_BITS, LOGITS


class Post(wiring.Component):
    """Ports:
    - ``fields``: of the operation that reads, which is still the one whose first pass arrives; ``restart``: the program starts;
    - ``pass_``, ``arrive``: a pass whose sums are in ``sums`` from the next cycle on, at least ``LANES`` cycles apart, between two
      operations two more;
    - ``alpha_address``/``alpha_word``, ``channel_address``/``channel_word``: parameter memories, read with two registers;
    - ``table_address``/``table``: the table memory (one register), for what the first group puts out; ``gate``: to the gate memory;
    - ``job``, ``done``: a tile's results, or a block's means, stand in ``lines`` and must be taken in this cycle;
    - ``plain``, ``leaves``: logits of a slot of each group, in this cycle; ``begins``: before those of an operation.
    """

    def __init__(self, params: ArrayParams):
        self.params = params
        groups = params.groups
        super().__init__(
            {
                "fields": In(Fields),
                "restart": In(1),
                "pass_": In(Pass),
                "arrive": In(1),
                "sums": In(sums_layout(groups)),
                "alpha_address": Out(range(params.alphas)),
                "alpha_word": In(data.ArrayLayout(ALPHA_BITS, groups)),
                "channel_address": Out(range(params.channels)),
                "channel_word": In(data.ArrayLayout(Channel, groups)),
                "table_address": Out(range(params.tables)),
                "table": In(8),
                "gate": Out(GateWrite),
                "job": Out(Job),
                "done": Out(1),
                "lines": Out(data.ArrayLayout(data.ArrayLayout(8, LANES), groups)),
                "begins": Out(1),
                "plain": Out(data.ArrayLayout(signed(LOGIT_BITS), groups)),
                "leaves": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        now, at_total, at_value, steps = self._steps(m)
        m.submodules.pool = pool = PoolControl()
        m.submodules.jobs = jobs = Jobs(self.params)
        ahead = steps[AT_VALUE]
        m.d.comb += [
            pool.fields.eq(at_value),
            pool.ahead.eq(ahead),
            pool.following.eq(steps[AT_VALUE - 1]),
            jobs.fields.eq(at_value),
            jobs.ahead.eq(ahead),
            jobs.emits.eq(pool.emits),
            jobs.restart.eq(self.restart),
            self.begins.eq(ahead.begins),
            self.job.eq(jobs.job),
            self.done.eq(jobs.done),
        ]
        alphas, channels = self._parameters(m, now, steps)
        control = self._control(m, at_total, at_value, steps, pool)
        groups = []
        for g in range(self.params.groups):
            m.submodules[f"group{g}"] = group = Group()
            groups.append(group)
            m.d.comb += [
                group.sums.eq(self.sums[g]),
                group.control.eq(control),
                group.alpha.eq(Mux(steps[CHOICE].pass_.mean, now.mean_alpha, alphas[g])),
                group.channel.eq(channels[g]),
                self.lines[g].eq(group.line),
                self.plain[g].eq(group.plain),
            ]
        self._first_group(m, at_value, steps, pool, groups[0])
        return m

    def _steps(self, m: Module) -> tuple:
        """The lanes of a pass one after the other, and the fields of its operation, as they move on."""
        now, at_total, at_value = (Signal(Fields, name=n, reset_less=True) for n in ("now", "at_total", "at_value"))
        steps = [Signal(Step, name=f"step{k}") for k in range(PUSH + 1)]
        pass_ = Signal(Pass)
        lane, active = Signal(range(LANES)), Signal()
        with m.If(active):
            m.d.sync += lane.eq(lane + 1)
            with m.If(lane == LANES - 1):
                m.d.sync += active.eq(0)
        with m.If(self.arrive):
            m.d.sync += [pass_.eq(self.pass_), active.eq(1), lane.eq(0)]
            with m.If(self.pass_.begins):
                m.d.sync += now.eq(self.fields)
        position, slot, dropped = Signal(4), Signal(2), Signal()
        m.d.comb += [
            position.eq(Mux(now.slots[1], lane[:2], Mux(now.slots[0], lane[:3], lane))),
            slot.eq(Mux(now.slots[1], lane[2:], Mux(now.slots[0], lane[3], 0))),
            dropped.eq(now.drop_x & position[0] | now.drop_y & position.bit_select(now.plane, 1)),
            steps[0].valid.eq(active),
            steps[0].lane.eq(lane),
            steps[0].slot.eq(slot),
            steps[0].position.eq(position),
            steps[0].start.eq(position == 0),
            steps[0].end.eq(lane == LANES - 1),
            steps[0].inside.eq((pass_.x + position < now.out_w) & ~dropped),
            steps[0].begins.eq(active & pass_.begins & (lane == 0)),
            steps[0].pass_.eq(pass_),
        ]
        # Means are made of the last lanes' turns, one a slot: then all that they are of has come through.
        with m.If(pass_.mean):
            m.d.comb += [
                steps[0].slot.eq(lane[:2]),
                steps[0].start.eq(1),
                steps[0].inside.eq(lane[2:].all() & (lane[:2] < (Const(1, 3) << now.slots))),
            ]
        for k in range(1, PUSH + 1):
            m.d.sync += steps[k].eq(steps[k - 1])
        with m.If(steps[AT_TOTAL - 1].begins):
            m.d.sync += at_total.eq(now)
        with m.If(steps[AT_VALUE - 1].begins):
            m.d.sync += at_value.eq(at_total)
        return now, at_total, at_value, steps

    def _parameters(self, m: Module, now, steps) -> tuple:
        """An alpha a row and pass, bias and shift a channel: addresses, and the words."""
        step = steps[0]
        alpha, alpha_block = Signal(range(self.params.alphas)), Signal(range(self.params.alphas))
        channel_base, channel_at = (Signal(range(self.params.channels), name=n) for n in ("channel_base", "channel_at"))
        channel_bases = [channel_base]
        for k in range(1, CHANNEL):
            channel_bases.append(Signal.like(channel_base, name=f"channel_base{k}", reset_less=True))
            m.d.sync += channel_bases[k].eq(channel_bases[k - 1])
        # A slot's alpha is the one after that of the slot before, so that one counter walks through a pass's slots and passes.
        slot_ends = Mux(now.slots[1], step.lane[:2].all(), Mux(now.slots[0], step.lane[:3].all(), step.end))
        with m.If(step.valid & slot_ends & ~step.pass_.mean):
            m.d.sync += alpha.eq(alpha + 1)
        with m.If(step.valid & step.end & ~step.pass_.mean & step.pass_.last):
            with m.If(step.pass_.onward):
                m.d.sync += [alpha_block.eq(alpha + 1), channel_base.eq(channel_base + (Const(1, 3) << now.slots))]
            with m.Else():
                m.d.sync += alpha.eq(alpha_block)
        with m.If(self.restart):
            m.d.sync += [alpha.eq(0), alpha_block.eq(0), channel_base.eq(0)]
        alphas, channels = Signal.like(self.alpha_word, reset_less=True), Signal.like(self.channel_word, reset_less=True)
        m.d.comb += [
            self.alpha_address.eq(alpha),
            self.channel_address.eq(channel_at),
        ]
        m.d.sync += [
            alphas.eq(self.alpha_word),
            channels.eq(self.channel_word),
            channel_at.eq(channel_bases[-1] + steps[CHANNEL - 1].slot),
        ]
        return alphas, channels

    def _control(self, m: Module, at_total, at_value, steps, pool) -> Signal:
        """What all groups do, each signal in its stage."""
        control = Signal(Control)
        before, kept, ahead, value = steps[AT_TOTAL], steps[TOTAL + 1], steps[AT_VALUE], steps[VALUE]
        # A stage before it is used, fields are those of its lane; further on they travel.
        rest, mean_of_two, chunks, plain = Signal(), Signal(), Signal(2), Signal(2)
        mean_later = Signal()
        emits = delay(m, pool.emits_now, PUSH - VALUE, "emitting")
        m.d.sync += [
            rest.eq(at_value.pool_rest),
            mean_of_two.eq(at_value.pool_mean),
            mean_later.eq(mean_of_two),
            chunks.eq(Cat(at_value.pool_chunks, chunks)),
            plain.eq(Cat(ahead.pass_.mean, plain)),
        ]
        means_slot, adds, fresh = self._means(m, steps, emits)
        m.d.comb += [
            control.lane.eq(steps[0].lane),
            control.means_slot.eq(means_slot),
            control.takes_mean.eq(steps[CHOICE - 1].pass_.mean & steps[CHOICE - 1].inside),
            control.before_lane.eq(before.lane),
            control.before_first.eq(before.pass_.first),
            control.before_mean.eq(before.pass_.mean),
            control.largest.eq(at_total.largest),
            control.bias_shift.eq(at_total.bias_shift),
            control.mean_shift.eq(at_total.mean_shift),
            control.kept_lane.eq(kept.lane),
            control.kept_valid.eq(kept.valid),
            control.kind.eq(at_value.kind),
            control.next_slot.eq(ahead.slot),
            control.next_start.eq(ahead.start),
            control.goes_on.eq(pool.goes_on),
            control.slot.eq(value.slot),
            control.counts.eq(pool.counts),
            control.chunk_first.eq(pool.chunk_first),
            control.chunk_last.eq(pool.chunk_last),
            control.pool_rest.eq(rest),
            control.pool_mean.eq(mean_of_two),
            control.result_chunks.eq(chunks[PLAIN - VALUE]),
            control.result_mean.eq(mean_later),
            control.result_plain.eq(plain[PLAIN - VALUE]),
            control.sum_slot.eq(steps[RESULT].slot),
            control.sum_add.eq(adds),
            control.sum_fresh.eq(fresh.bit_select(steps[RESULT].slot, 1)),
            control.push.eq(emits[-1]),
        ]
        logits = Signal(2)
        m.d.sync += logits.eq(Cat(at_value.kind == LOGITS, logits))
        m.d.comb += self.leaves.eq(emits[PLAIN - VALUE - 1] & logits[PLAIN - VALUE])
        return control

    def _means(self, m: Module, steps, emits) -> tuple:
        """Which slot's sum is read, whether the result is added to it, and of which slots none has been since the block began."""
        # A block's means are read behind all that they are of: one address, known a cycle ahead.
        means_slot, first = Signal(2), steps[CHOICE - 2]
        m.d.sync += means_slot.eq(Mux(first.pass_.mean & first.lane[2:].all(), first.lane[:2], steps[RESULT - 1].slot))
        # Has a slot put out nothing yet since its block began?
        result = steps[RESULT]
        fresh = Signal(4, init=0b1111)
        adds = emits[RESULT - VALUE - 1] & ~result.pass_.mean
        with m.If(adds):
            m.d.sync += fresh.bit_select(result.slot, 1).eq(0)
        block_ends = result.valid & result.end & result.pass_.last & result.pass_.block_last
        with m.If(block_ends | self.restart):
            m.d.sync += fresh.eq(0b1111)
        return means_slot, adds, fresh

    def _first_group(self, m: Module, at_value, steps, pool, group) -> None:
        """Tables and gates are the first group's."""
        table, looks, looked = Signal(3 * (RESULT - AT_VALUE)), Signal(PUSH - RESULT), Signal(8, reset_less=True)
        to_gates = Signal(PUSH - AT_VALUE)
        chosen = table[-3:]
        m.d.sync += [
            table.eq(Cat(at_value.table, table)),
            looks.eq(Cat(chosen != 0, looks)),
            looked.eq(self.table),
            to_gates.eq(Cat(at_value.to_gates, to_gates)),
        ]
        m.d.comb += [
            self.table_address.eq(Cat(group.result, (chosen - 1)[:2])[: len(self.table_address)]),
            group.looks.eq(looks[-1]),
            group.looked.eq(looked),
        ]
        push = group.control.push
        count = Signal(len(self.gate.address))
        with m.If(push & to_gates[-1]):
            m.d.sync += count.eq(count + 1)
        with m.If(steps[PUSH].begins):
            m.d.comb += self.gate.address.eq(0)
            m.d.sync += count.eq(push)
        with m.Else():
            m.d.comb += self.gate.address.eq(count)
        m.d.comb += [self.gate.enable.eq(push & to_gates[-1]), self.gate.data.eq(group.pushed)]
