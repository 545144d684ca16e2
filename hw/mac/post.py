"""Post-processing: from the lanes' sums to bytes, in every group one lane after the other.

sum x alpha, added to the partial sum (the first pass brings the bias); after the last pass a rounding shift, a clip, and the pool
along the positions. What leaves waits in a buffer of each group for the writer.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.mac.choice import one_of_four
from hw.mac.clip import clipped
from hw.mac.lanes import sums_layout
from hw.mac.layouts import Fields, Job, Pass
from hw.mac.params import ArrayParams
from hw.stream import multiplier
from hw.stream.rounding import less_if_negative
from sw.export.array.program import (
    ALPHA_BITS,
    BIAS_BITS,
    LANES,
    LOGIT_BITS,
    LOGITS,
    POOL_BITS,
    SHIFT_BITS,
    SLOTS,
    SUM_BITS,
    TOTAL_BITS,
)

# Choice of the sum and its alpha, product, total, sign's unit, coarse and fine shift, rounding and clip, pool in two.
CHOICE = 2
TOTAL = CHOICE + multiplier.LATENCY
SHIFT = TOTAL + 2
VALUE = SHIFT + 3
LATENCY = VALUE + 2  # a lane's sum to its place in the buffer
# Where a channel's address goes out: its word is there two cycles later, one before the total.
CHANNEL = TOTAL - 3
BUFFER = 2 * LANES

Channel = data.StructLayout({"bias": signed(BIAS_BITS), "shift": 8})


class Post(wiring.Component):
    """Ports:
    - ``fields``: the operation's descriptor, steady while it works; ``begin``: it starts (or the program: ``restart``);
    - ``pass_``, ``arrive``: a pass whose sums are in ``sums`` from this cycle on, at least ``LANES`` cycles apart;
    - ``alpha_input``: the alpha from memory for the pass that arrives, used where ``fields.alpha_memory``;
    - ``alpha_address``/``alpha_word``, ``channel_address``/``channel_word``: parameter memories, read with two registers;
    - ``job``, ``done``: a tile's results are in the buffers; ``buffer_address``/``buffer``: to read them, in the same cycle.
    """

    def __init__(self, params: ArrayParams):
        self.params = params
        groups = params.groups
        super().__init__(
            {
                "fields": In(Fields),
                "begin": In(1),
                "restart": In(1),
                "pass_": In(Pass),
                "arrive": In(1),
                "sums": In(sums_layout(groups)),
                "alpha_input": In(signed(9)),
                "alpha_address": Out(range(params.alphas)),
                "alpha_word": In(data.ArrayLayout(ALPHA_BITS, groups)),
                "channel_address": Out(range(params.channels)),
                "channel_word": In(data.ArrayLayout(Channel, groups)),
                "job": Out(Job),
                "done": Out(1),
                "buffer_address": In(range(BUFFER)),
                "buffer": Out(data.ArrayLayout(LOGIT_BITS, groups)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        f = self.fields
        steady = Signal(Fields, reset_less=True)  # for all that is far from the descriptor: sums come long after it
        slots = Signal(3)
        m.d.comb += slots.eq(Const(1, 3) << f.slots)
        m.d.sync += steady.eq(f)

        # Which lane of which pass: stage 0 of the pipeline.
        step_layout = data.StructLayout(
            {"valid": 1, "lane": 4, "slot": 2, "position": 4, "end": 1, "inside": 1, "pass_": Pass, "start": 1}
        )
        steps = [Signal(step_layout, name=f"step{k}") for k in range(VALUE + 1)]
        now = Signal(Pass)
        lane, active = Signal(range(LANES)), Signal()
        position, slot = Signal(4), Signal(2)
        alpha_memory, alpha_next, alpha_late = (Signal(signed(9), name=f"alpha_memory{k}", reset_less=True) for k in range(3))
        m.d.sync += [alpha_next.eq(alpha_memory), alpha_late.eq(alpha_next)]
        m.d.comb += [
            position.eq(Mux(f.slots[1], lane[:2], Mux(f.slots[0], lane[:3], lane))),
            slot.eq(Mux(f.slots[1], lane[2:], Mux(f.slots[0], lane[3], 0))),
        ]
        with m.If(active):
            m.d.sync += lane.eq(lane + 1)
            with m.If(lane == LANES - 1):
                m.d.sync += active.eq(0)
        with m.If(self.arrive):
            m.d.sync += [now.eq(self.pass_), active.eq(1), lane.eq(0), alpha_memory.eq(self.alpha_input)]
        m.d.comb += [
            steps[0].valid.eq(active),
            steps[0].lane.eq(lane),
            steps[0].slot.eq(slot),
            steps[0].position.eq(position),
            steps[0].start.eq(position == 0),
            steps[0].end.eq(lane == LANES - 1),
            steps[0].inside.eq(now.x + position < f.out_w),
            steps[0].pass_.eq(now),
        ]
        for k in range(1, VALUE + 1):
            m.d.sync += steps[k].eq(steps[k - 1])

        # Parameters: an alpha a row and pass, bias and shift a channel.
        alpha_base, alpha_block = Signal(range(self.params.alphas)), Signal(range(self.params.alphas))
        channel_base = Signal(range(self.params.channels))
        channel_bases = [channel_base]
        for k in range(1, CHANNEL + 1):
            channel_bases.append(Signal.like(channel_base, name=f"channel_base{k}", reset_less=True))
            m.d.sync += channel_bases[k].eq(channel_bases[k - 1])
        ending = Signal()
        m.d.comb += ending.eq(active & (lane == LANES - 1))
        with m.If(ending):
            with m.If(now.last & now.onward):
                m.d.sync += [
                    alpha_base.eq(alpha_base + slots),
                    alpha_block.eq(alpha_base + slots),
                    channel_base.eq(channel_base + slots),
                ]
            with m.Elif(now.last):
                m.d.sync += alpha_base.eq(alpha_block)
            with m.Else():
                m.d.sync += alpha_base.eq(alpha_base + slots)
        with m.If(self.restart):
            m.d.sync += [alpha_base.eq(0), alpha_block.eq(0), channel_base.eq(0)]
        alphas, channels = Signal.like(self.alpha_word, reset_less=True), Signal.like(self.channel_word, reset_less=True)
        m.d.comb += [
            self.alpha_address.eq(alpha_base + slot),
            self.channel_address.eq(channel_bases[CHANNEL] + steps[CHANNEL].slot),
        ]
        m.d.sync += [alphas.eq(self.alpha_word), channels.eq(self.channel_word)]

        # Where the pool stands, for all groups at once: place within the chunk, whole chunks before it (0, 1, 2). Known a stage
        # ahead, so that the groups have it from registers.
        ahead = steps[VALUE - 1]
        fresh = ahead.start
        chunk0, before0 = Signal(4), Signal(2)
        chunk1, before1 = Signal(4), Signal(2)
        chunk, before = Signal(4), Signal(2)
        next_chunk, next_before = Signal(4), Signal(2)
        row_first = ahead.pass_.row_first
        stride_last, counts = Signal(), Signal()
        chunk_end = Signal(4, reset_less=True)  # a descriptor is steady long before its sums arrive
        m.d.sync += chunk_end.eq(f.pool_stride - 1)
        m.d.comb += [
            chunk.eq(Mux(fresh, Mux(row_first, 0, chunk0), chunk1)),
            before.eq(Mux(fresh, Mux(row_first, 0, before0), before1)),
            counts.eq(ahead.valid & ahead.pass_.last & ahead.inside),
            stride_last.eq(chunk == chunk_end),
            next_chunk.eq(Mux(counts, Mux(stride_last, 0, chunk + 1), chunk)),
            next_before.eq(Mux(counts & stride_last & (before != 2), before + 1, before)),
        ]
        m.d.sync += [chunk1.eq(next_chunk), before1.eq(next_before)]
        tile_ends = Signal()
        m.d.comb += tile_ends.eq(ahead.valid & ahead.pass_.last & ahead.end)
        with m.If(tile_ends):
            m.d.sync += [chunk0.eq(next_chunk), before0.eq(next_before)]
        emits = Signal()
        with m.If(steady.pool_rest):
            m.d.comb += emits.eq(counts & (chunk == 0) & (before > steady.pool_chunks))
        with m.Else():
            m.d.comb += emits.eq(counts & stride_last & (before >= steady.pool_chunks))
        counts_now, emits_now, chunk_first, chunk_last = (
            Signal(name=n) for n in ("counts_now", "emits_now", "chunk_first", "chunk_last")
        )
        m.d.sync += [counts_now.eq(counts), emits_now.eq(emits), chunk_first.eq(chunk == 0), chunk_last.eq(stride_last)]

        # The buffers' common place, and the job for the writer.
        place, place_now, start = (Signal(range(BUFFER), name=n) for n in ("place", "place_now", "start"))
        count, count_now = Signal(5), Signal(5)
        m.d.comb += count_now.eq(Mux(fresh, 0, count) + emits)
        m.d.sync += [count.eq(count_now), place_now.eq(place)]
        with m.If(emits):
            m.d.sync += place.eq(place + 1)
        row_address, block_address = Signal(len(f.out_base)), Signal(len(f.out_base))
        across = Signal(len(f.out_base))
        left, first_channel = Signal(len(f.channels)), Signal(len(f.channels))
        rows = Signal(range(SLOTS * self.params.groups + 1), reset_less=True)
        block_step = Signal(len(f.out_base), reset_less=True)
        groups_bits = (self.params.groups - 1).bit_length()
        m.d.sync += [
            rows.eq(Mux(f.single, 1, slots << groups_bits)),
            block_step.eq(Mux(f.single, f.out_chan, (f.out_chan << f.slots) << groups_bits)),
        ]
        # A cycle after the tile's end, when count and place are in their registers; the last result takes one more to its buffer.
        ended, written = Signal(), Signal()
        job, ended_pass = Signal(Job, reset_less=True), Signal(Pass, reset_less=True)
        m.d.sync += [ended.eq(tile_ends), ended_pass.eq(ahead.pass_), written.eq(ended), self.done.eq(written)]
        m.d.comb += self.job.eq(job)
        with m.If(ended):
            m.d.sync += [
                job.start.eq(start),
                job.count.eq(count),
                job.address.eq(row_address + across),
                job.channels.eq(Mux(left < rows, left, rows)),
                job.first_channel.eq(first_channel),
                job.operation_last.eq(ended_pass.operation_last),
                start.eq(place),
                across.eq(across + count),
            ]
            with m.If(ended_pass.row_last):
                m.d.sync += [across.eq(0), row_address.eq(row_address + f.out_row)]
            with m.If(ended_pass.block_last):
                m.d.sync += [
                    row_address.eq(block_address + block_step),
                    block_address.eq(block_address + block_step),
                    left.eq(left - rows),
                    first_channel.eq(first_channel + rows),
                ]
        with m.If(self.begin):
            m.d.sync += [
                row_address.eq(f.out_base),
                block_address.eq(f.out_base),
                across.eq(0),
                left.eq(f.channels),
                first_channel.eq(0),
            ]

        for g in range(self.params.groups):
            m.submodules[f"group{g}"] = group = Group()
            m.d.comb += [
                group.fields.eq(steady),
                group.sums.eq(self.sums[g]),
                group.lane.eq(lane),
                group.alpha.eq(Mux(f.alpha_memory, alpha_late, alphas[g])),
                group.channel.eq(channels[g]),
                group.before_lane.eq(steps[TOTAL - 1].lane),
                group.before_first.eq(steps[TOTAL - 1].pass_.first),
                group.kept_lane.eq(steps[TOTAL + 1].lane),
                group.kept_valid.eq(steps[TOTAL + 1].valid),
                group.next_slot.eq(steps[VALUE - 1].slot),
                group.slot.eq(steps[VALUE].slot),
                group.next_start.eq(steps[VALUE - 1].start),
                group.counts.eq(counts_now),
                group.chunk_first.eq(chunk_first),
                group.chunk_last.eq(chunk_last),
                group.emits.eq(emits_now),
                group.place.eq(place_now),
                group.buffer_address.eq(self.buffer_address),
                self.buffer[g].eq(group.buffer),
            ]
        return m


class Group(wiring.Component):
    """The data of one group, under :class:`Post`'s control. ``sums`` and ``lane`` are stage 0, ``alpha`` stage ``CHOICE``,
    ``channel`` and ``before_`` the stage before ``TOTAL``, ``kept_`` the one after it, ``next_slot`` and
    ``next_start`` the one before ``VALUE``, all else stage ``VALUE``."""

    def __init__(self):
        super().__init__(
            {
                "fields": In(Fields),
                "sums": In(data.ArrayLayout(signed(SUM_BITS), LANES)),
                "lane": In(range(LANES)),
                "alpha": In(signed(9)),
                "channel": In(Channel),
                "before_lane": In(range(LANES)),
                "before_first": In(1),
                "kept_lane": In(range(LANES)),
                "kept_valid": In(1),
                "next_slot": In(2),
                "slot": In(2),
                "next_start": In(1),
                "counts": In(1),
                "chunk_first": In(1),
                "chunk_last": In(1),
                "emits": In(1),
                "place": In(range(BUFFER)),
                "buffer_address": In(range(BUFFER)),
                "buffer": Out(LOGIT_BITS),
            }
        )

    def elaborate(self, platform):
        m = Module()
        f = self.fields

        # Choice of the lane in two steps of four, then the product.
        some = Signal(data.ArrayLayout(signed(SUM_BITS), 4), reset_less=True)
        upper, one = Signal(2, reset_less=True), Signal(signed(SUM_BITS), reset_less=True)
        m.d.sync += upper.eq(self.lane[2:])
        for quarter in range(4):
            m.d.sync += some[quarter].eq(one_of_four([self.sums[4 * quarter + k] for k in range(4)], self.lane[:2]))
        m.d.sync += one.eq(one_of_four([some[k] for k in range(4)], upper))
        m.submodules.multiplier = product = multiplier.Multiplier(signed(SUM_BITS), signed(9))
        m.d.comb += [product.a.eq(one), product.b.eq(self.alpha)]

        # Partial sums of the 16 lanes. What is added to is ready a stage sooner; the lane before it was written long ago.
        m.submodules.partial = partial = Memory(shape=signed(TOTAL_BITS), depth=LANES, init=[])
        kept, keeps = partial.read_port(domain="comb"), partial.write_port()
        total, sum_ = Signal(signed(TOTAL_BITS), reset_less=True), Signal(signed(TOTAL_BITS))
        base, compares = Signal(signed(TOTAL_BITS), reset_less=True), Signal(reset_less=True)
        m.d.comb += [
            kept.addr.eq(self.before_lane),
            keeps.addr.eq(self.kept_lane),
            keeps.en.eq(self.kept_valid),
            keeps.data.eq(total),
            sum_.eq(Mux(compares, Mux(product.p > base, product.p, base), base + product.p)),
        ]
        m.d.sync += [
            base.eq(Mux(self.before_first, Mux(f.largest, 0, self.channel.bias << f.bias_shift), kept.data)),
            compares.eq(f.largest & ~self.before_first),
            total.eq(sum_),
        ]

        # Rounding shift of twice the total by 0 to 31, then the clip.
        shift, shift1, shift2 = (Signal(SHIFT_BITS, name=f"shift{k}", reset_less=True) for k in range(3))
        fine = Signal(2, reset_less=True)
        reduced = Signal(signed(TOTAL_BITS + 1), reset_less=True)
        coarse, shifted = Signal.like(reduced, reset_less=True), Signal.like(reduced, reset_less=True)
        value = Signal(signed(LOGIT_BITS), reset_less=True)
        doubled = Signal(signed(TOTAL_BITS + 1))
        m.d.comb += doubled.eq(Cat(Const(0, 1), total).as_signed())
        by_fours = [reduced >> places for places in range(0, 32, 4)]
        m.d.sync += [
            shift.eq(self.channel.shift),
            shift1.eq(shift),
            shift2.eq(shift1),
            reduced.eq(less_if_negative(doubled)),
            coarse.eq(Mux(shift2[4], one_of_four(by_fours[4:], shift2[2:4]), one_of_four(by_fours[:4], shift2[2:4]))),
            fine.eq(shift2),
            shifted.eq(one_of_four([coarse >> places for places in range(4)], fine)),
        ]
        m.d.sync += value.eq(clipped(shifted, f.kind))

        # Pool: the largest of this chunk so far and of the two before it, for each slot. A slot's positions follow each other: its
        # state is read before the first one, goes on in a register, and is kept in the memory, too.
        small = signed(POOL_BITS)
        pool_layout = data.StructLayout({"partial": small, "one": small, "two": small})
        m.submodules.pool = pool = Memory(shape=pool_layout, depth=SLOTS, init=[])
        state, update = pool.read_port(domain="comb"), pool.write_port()
        v, largest = Signal(small), Signal(small)
        pooled = Signal(small)
        old = Signal(pool_layout, name="pool_state", reset_less=True)
        with m.If(self.next_start):
            m.d.sync += old.eq(state.data)
        with m.Elif(self.counts):
            m.d.sync += old.eq(update.data)
        m.d.comb += [
            state.addr.eq(self.next_slot),
            update.addr.eq(self.slot),
            update.en.eq(self.counts),
            v.eq(value[:POOL_BITS].as_signed()),
            largest.eq(Mux(self.chunk_first | (v > old.partial), v, old.partial)),
            update.data.partial.eq(largest),
            update.data.one.eq(Mux(self.chunk_last, largest, old.one)),
            update.data.two.eq(Mux(self.chunk_last, old.one, old.two)),
        ]
        now = Signal(small)
        earlier = Signal(small)
        m.d.comb += [
            now.eq(Mux(f.pool_rest, Mux(v > old.one, v, old.one), largest)),
            earlier.eq(Mux(f.pool_rest, old.two, old.one)),
        ]
        # The second comparison has a cycle of its own.
        latest, before = Signal(small, reset_less=True), Signal(small, reset_less=True)
        plain, put, put_place = Signal.like(value), Signal(), Signal.like(self.place, reset_less=True)
        m.d.sync += [latest.eq(now), before.eq(earlier), plain.eq(value), put.eq(self.emits), put_place.eq(self.place)]
        m.d.comb += pooled.eq(Mux(f.pool_chunks & (before > latest), before, latest))
        m.submodules.buffer = buffer = Memory(shape=unsigned(LOGIT_BITS), depth=BUFFER, init=[])
        into, out = buffer.write_port(), buffer.read_port(domain="comb")
        m.d.comb += [
            into.addr.eq(put_place),
            into.en.eq(put),
            into.data.eq(Mux(f.kind == LOGITS, plain, pooled)),
            out.addr.eq(self.buffer_address),
            self.buffer.eq(out.data),
        ]
        return m
