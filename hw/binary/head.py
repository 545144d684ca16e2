"""The head: sums the last block's pooled counts with one slope above zero and another below, and names the largest class.

A pooled count p of class c stands for x = 2p - taps. With logit = sum of (x >= 0 ? positive[c] : negative[c]) * x + offset[c],
each count is multiplied and added the moment it arrives, so that the logits are there with the last position.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from amaranth.hdl import Array, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.beats.rhythm import sums_layout
from hw.stream import multiplier, parity
from hw.stream.result import NO_CALL, Beat, Header, Meta


@dataclass(frozen=True, eq=False)
class HeadParams:
    """``taps`` of the last block, pooled ``positions`` a window; ``positive``, ``negative``, ``offset``: ``int64[classes]``, the
    offset for the whole window; ``rhythm``: weights of rhythm bits ``int64[classes, bits]``, whose sums come ready made and
    count 2^ ``rhythm_shift`` times, or None; ``checked``: the memory of slopes has a parity bit beside each word."""

    taps: int
    positions: int
    positive: np.ndarray
    negative: np.ndarray
    offset: np.ndarray
    rhythm: np.ndarray | None = None
    rhythm_shift: int = 0
    checked: bool = False

    def __post_init__(self):
        if not 2 <= self.classes < NO_CALL:
            raise ValueError(f"a head tells 2 to {NO_CALL - 1} classes apart, not {self.classes}")
        if self.logit_bits > 32:
            raise ValueError(f"logits need {self.logit_bits} bits and a result's word has 32; scale the head's constants down")

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.positive)

    @property
    def count_bits(self) -> int:
        """Bits of a pooled count, unsigned."""
        return self.taps.bit_length()

    @cached_property
    def slope_bits(self) -> int:
        """Bits of the slopes, signed."""
        both = np.concatenate([self.positive, self.negative])
        return int(max(both.max(), (~both).max(), 0)).bit_length() + 1

    @cached_property
    def logit_bits(self) -> int:
        """Bits of a logit, signed: no sum of counts leaves them."""
        slopes = np.maximum(np.abs(self.positive), np.abs(self.negative))
        bits = 0 if self.rhythm is None else np.abs(self.rhythm).sum(axis=1) << self.rhythm_shift
        return int((slopes * self.taps * self.positions + np.abs(self.offset) + bits).max()).bit_length() + 1

    @property
    def latency(self) -> int:
        """Last count to the offer of the header: sum, product, logit, comparison, decision, header."""
        return multiplier.LATENCY + 5

    @property
    def send_cycles(self) -> int:
        """Offer of the header to the last beat's transfer, the consumer ready: then the head is free again."""
        return 3 * self.classes

    @property
    def beats(self) -> int:
        """Beats of a result."""
        return 1 + self.classes

    def reference(self, counts: np.ndarray, sums: np.ndarray | int = 0) -> np.ndarray:
        """Logits ``int64[classes]`` of one window's counts ``[positions, classes]`` and sums of rhythm bits ``int64[classes]``."""
        x = 2 * counts.astype(np.int64) - self.taps
        return np.where(x >= 0, self.positive * x, self.negative * x).sum(axis=0) + self.offset + (sums << self.rhythm_shift)


class Head(wiring.Component):
    """Pooled counts in, result packets out.

    Ports:
      - ``i``: counts, one class a beat, position by position, without backpressure; for one class at least 3 cycles apart;
      - ``meta``: stream of :data:`Meta`, one beat a window, taken with the header;
      - ``sums`` (with ``rhythm``): stream of the classes' sums of rhythm bits, one beat a window, there before its first count and
        taken with its first position;
      - ``o``: stream of :data:`Beat`: the header (number, label, no call), then ``classes`` signed logits; ``last`` with the
        last one. Ties go to the lowest class. A flat window gives the label ``NO_CALL`` and its logits all the same;
      - ``free``: high for a cycle when a packet has left: the next window's counts may come;
      - ``damaged`` (where ``checked``): high, until reset, from when slopes were read whose parity is wrong.
    """

    def __init__(self, params: HeadParams):
        self.params = params
        sums = {} if params.rhythm is None else {"sums": In(stream.Signature(sums_layout(params.rhythm)))}
        super().__init__(
            {
                "i": In(stream.Signature(unsigned(params.count_bits), always_ready=True)),
                "meta": In(stream.Signature(Meta)),
                **sums,
                "o": Out(stream.Signature(Beat)),
                "free": Out(1),
                **({"damaged": Out(1)} if params.checked else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        p = self.params
        index_next, now = self._place(m)
        stages = [now]
        for number in range(1, multiplier.LATENCY + 4):
            stages.append(Signal(now.shape(), name=f"stage{number}"))
            m.d.sync += stages[number].eq(stages[number - 1])
        product = self._multiply(m, index_next)
        # One register before the product, the multiplier's own, then the sum; then the sum is there to be compared and stored.
        before, adding, added, compared = stages[multiplier.LATENCY :]
        m.submodules.logits = logits = Memory(shape=signed(p.logit_bits), depth=p.classes, init=[])
        read, write = logits.read_port(domain="sync"), logits.write_port()
        total = self._add(m, before, adding, read, product)
        m.d.comb += [write.addr.eq(added.index), write.data.eq(total), write.en.eq(added.valid)]
        label = self._largest(m, total, added, compared)
        self._send(m, label, read, before.index, compared.valid & compared.end)
        return m

    def _place(self, m: Module) -> tuple[Signal, Signal]:
        """Which count this is: the class of the next cycle's, and the flags that go along with this one."""
        p = self.params
        index, position = Signal(range(p.classes)), Signal(range(p.positions))
        index_next = Signal.like(index)
        final_class = index == p.classes - 1
        final_position = position == p.positions - 1
        m.d.comb += index_next.eq(Mux(self.i.valid, Mux(final_class, 0, index + 1), index))
        m.d.sync += index.eq(index_next)
        with m.If(self.i.valid & final_class):
            m.d.sync += position.eq(Mux(final_position, 0, position + 1))
        now = Signal(data.StructLayout({"valid": 1, "index": range(p.classes), "first": 1, "final": 1, "end": 1}))
        m.d.comb += [
            now.valid.eq(self.i.valid),
            now.index.eq(index),
            now.first.eq(position == 0),
            now.final.eq(final_position),
            now.end.eq(final_position & final_class),
        ]
        return index_next, now

    def _multiply(self, m: Module, index_next: Signal) -> Signal:
        """The count becomes a signed sum, then a product with its class's slope."""
        p = self.params
        x = Signal(signed(p.count_bits + 2), reset_less=True)
        m.d.sync += x.eq((self.i.payload << 1) - p.taps)
        # The slopes of this count's class, from a block RAM whose output gets a register of its own.
        pair = data.ArrayLayout(signed(p.slope_bits), 2)
        attributes = {"ram_style": "block", "rom_style": "block"}
        words, shape = np.stack([p.positive, p.negative], axis=1).tolist(), pair
        slopes = Signal(pair, reset_less=True)
        stored = slopes.as_value()
        if p.checked:
            words, width = parity.stored([pair.const(word).as_value().value for word in words], pair.size)
            shape = unsigned(width)
            stored = Signal(shape, name="slopes", reset_less=True)
            slopes = data.View(pair, stored[: pair.size])
            m.d.comb += self.damaged.eq(parity.damage(m, stored, "slopes"))
        m.submodules.slopes = table = Memory(shape=shape, depth=p.classes, init=words, attrs=attributes)
        lookup = table.read_port(domain="sync")
        m.d.comb += lookup.addr.eq(index_next)
        m.d.sync += stored.eq(lookup.data)
        m.submodules.multiplier = product = multiplier.Multiplier(x.shape(), signed(p.slope_bits))
        m.d.comb += [product.a.eq(x), product.b.eq(Mux(x < 0, slopes[1], slopes[0]))]
        return product.p

    def _add(self, m: Module, before: Signal, adding: Signal, read, product: Signal) -> Signal:
        """The product becomes part of the logit, which begins with the offset and the sum of rhythm bits."""
        p = self.params
        logit = signed(p.logit_bits)
        offsets = Array(Const(int(v), logit) for v in p.offset)
        offset, total = Signal(logit, reset_less=True), Signal(logit, reset_less=True)
        if p.rhythm is not None:
            bits = self.sums.payload[before.index] << p.rhythm_shift
            m.d.comb += self.sums.ready.eq(before.valid & before.first & (before.index == p.classes - 1))
        m.d.sync += [
            offset.eq(offsets[before.index] if p.rhythm is None else offsets[before.index] + bits),
            total.eq(Mux(adding.first, offset, read.data) + product),
        ]
        return total

    def _largest(self, m: Module, total: Signal, added: Signal, compared: Signal) -> Signal:
        """The class of the largest logit so far, among those of the last position. Comparison and decision take a cycle each: where
        the logit of the cycle before has just won, what counts is the comparison with that one."""
        logit = total.shape()
        best, label = Signal(logit, reset_less=True), Signal(range(self.params.classes), reset_less=True)
        one, over_best, over_one = Signal(logit, reset_less=True), Signal(reset_less=True), Signal(reset_less=True)
        wins, won = Signal(), Signal()
        takes_part, first_class = Signal(), Signal(reset_less=True)
        m.d.comb += wins.eq(takes_part & (first_class | Mux(won, over_one, over_best)))
        m.d.sync += [
            one.eq(total),
            over_best.eq((best - total)[-1]),
            over_one.eq((one - total)[-1]),
            takes_part.eq(added.valid & added.final),
            first_class.eq(added.index == 0),
            won.eq(wins),
        ]
        with m.If(wins):
            m.d.sync += [best.eq(one), label.eq(compared.index)]
        return label

    def _send(self, m: Module, label: Signal, read, counted, ends) -> None:
        """The packet, once the last count ``ends`` the window; until then the memory is read at ``counted``. A window has time for
        three cycles a beat, which keep the memory's path short."""
        p = self.params
        beat = Signal(range(p.beats))
        word = Signal(32, reset_less=True)
        sending = Signal()
        header = Signal(Header)
        m.d.comb += [
            header.number.eq(self.meta.payload.number),
            header.label.eq(Mux(self.meta.payload.flat, NO_CALL, label)),
            header.no_call.eq(self.meta.payload.flat),
            read.addr.eq(Mux(sending, beat, counted)),
            self.o.payload.word.eq(word),
            self.o.payload.last.eq(beat == p.classes),
        ]
        with m.FSM():
            with m.State("COUNT"), m.If(ends):
                m.next = "HEADER"
            with m.State("HEADER"):
                m.d.comb += self.meta.ready.eq(1)
                m.d.sync += [word.eq(header), beat.eq(0), sending.eq(1)]
                with m.If(self.meta.valid):
                    m.next = "OFFER"
            with m.State("OFFER"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "READ"
                    with m.If(self.o.payload.last):
                        m.d.comb += self.free.eq(1)
                        m.d.sync += sending.eq(0)
                        m.next = "COUNT"
            with m.State("READ"):
                m.next = "TAKE"
            with m.State("TAKE"):
                m.d.sync += [word.eq(read.data), beat.eq(beat + 1)]
                m.next = "OFFER"
