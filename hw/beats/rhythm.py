"""The rhythm's front: takes the RR words from the front of a packet, hands its samples on, and makes the rhythm bits meanwhile.

A bit is a comparison of two words, 32 * over >= multiple * under (``sw/export/binary/rhythm.py``). One multiplier does all of them,
one after the other, while the packet's samples come in; hidden bits follow, where there are any. Where the head takes the bits,
each adds its weights to the classes' sums as soon as it is known.
"""

from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from hw.beats.hidden import Hidden, HiddenParams
from hw.front.normaliser import sample_layout
from hw.front.samples import each
from hw.stream import multiplier, parity
from hw.stream.delay import delay
from sw.export.binary.rhythm import WORD_BITS
from sw.export.front.normaliser import NormaliserSpec
from sw.networks import MULTIPLE_BITS, RATIO_SHIFT, RHYTHM_UNIT, Rhythm

QUEUE = 8  # windows whose bits may wait; there are never so many between here and the block that takes them
BEFORE_PRODUCT = 2  # cycles: the comparison is read, its words are chosen


def latency(rhythm: Rhythm, hidden: HiddenParams | None = None) -> int:
    """Last word's transfer to the cycle from which the bits may go: a comparison a cycle; then the hidden bits; one more for the
    sums."""
    behind = 1 + hidden.latency if hidden else 0
    return len(rhythm.comparisons) + BEFORE_PRODUCT + multiplier.LATENCY + 1 + behind + rhythm.head


def sums_layout(weights: np.ndarray) -> data.ArrayLayout:
    """Sums of +-weights ``int[classes, bits]``, one a class."""
    return data.ArrayLayout(signed(int(np.abs(weights).sum(axis=1).max()).bit_length() + 1), len(weights))


@dataclass(frozen=True)
class RhythmFrontParams:
    """``samples`` of windows of ``spec`` that come at once behind the words of ``rhythm``; ``weights``, ``int[classes, bits]``,
    where the head takes the bits; ``hidden``, where there are such bits; ``checked``: tables have a parity bit beside each word."""

    spec: NormaliserSpec
    rhythm: Rhythm
    samples: int = 1
    weights: np.ndarray | None = None
    hidden: HiddenParams | None = None
    checked: bool = False

    def __post_init__(self):
        words, bits = self.rhythm.words, self.spec.raw_bits
        if words % self.samples or bits <= WORD_BITS:
            raise ValueError(f"{words} RR words of {WORD_BITS} bits do not come {self.samples} at once in {bits} bits each")
        if self.rhythm.head != (self.weights is not None):
            raise ValueError("weights of rhythm bits belong to a rhythm whose bits the head takes, and to no other")
        if self.weights is not None and self.weights.shape[1] != self.rhythm.bits:
            raise ValueError(f"the head takes {self.rhythm.bits} rhythm bits, and has weights of {self.weights.shape[1]}")
        neurons, wanted = self.hidden.weights.shape if self.hidden else (0, 0), (self.rhythm.hidden, len(self.rhythm.comparisons))
        if neurons != (wanted if wanted[0] else (0, 0)):
            raise ValueError(f"{wanted[0]} hidden bits over {wanted[1]} others need a layer of that shape, not {neurons}")


class RhythmFront(wiring.Component):
    """Packets of RR words and raw samples in; the samples, and a packet's bits, out.

    Ports:
      - ``i``: stream of raw samples with ``last``, ``samples`` at once. A packet is ``rhythm.words`` words (whose lower 11 bits
        count), then ``spec.window`` samples; ``last`` may mark its end, and breaks it off where it comes sooner;
      - ``o``: the same stream without the words, in the same cycle. A packet that breaks off among its words leaves one sample with
        ``last``, so that its number is skipped as that of any broken window;
      - ``bits``: stream of the bits, comparison 0 least significant, hidden ones last, one beat for each whole window, offered two
        cycles after its last sample;
      - ``sums`` (with ``weights``): with the bits, each class's sum of its weights, a bit 0 counting
        as -1 (:func:`sums_layout`);
      - ``damaged`` (where ``checked``): high, until reset, from when a word of a table was read whose parity is wrong.

    The last sample waits until the bits are there (:func:`latency`; with more samples than that it never does) and ``QUEUE`` has
    room. Reset empties everything.
    """

    def __init__(self, params: RhythmFrontParams):
        self.spec, self.rhythm, self.samples, self.weights = params.spec, params.rhythm, params.samples, params.weights
        self.hidden, self.checked = params.hidden, params.checked
        layout = sample_layout(self.spec, self.samples)
        sums = {} if self.weights is None else {"sums": Out(stream.Signature(sums_layout(self.weights)))}
        super().__init__(
            {
                "i": In(stream.Signature(layout)),
                "o": Out(stream.Signature(layout)),
                "bits": Out(stream.Signature(self.rhythm.bits)),
                **sums,
                **({"damaged": Out(1)} if self.checked else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        rhythm, count = self.rhythm, self.samples
        words = [Signal(WORD_BITS, name=f"word{k}", reset_less=True) for k in range(rhythm.words)]
        beats, window = rhythm.words // count, self.spec.window // count
        place = Signal(range(max(beats, window)))
        inside, final = Signal(), Signal()  # of the samples; the last one
        busy, done = Signal(), Signal()  # comparing; this packet's bits are there
        taken, starts, ends = Signal(), Signal(), Signal()
        m.submodules.queue = queue = SyncFIFOBuffered(width=rhythm.bits, depth=QUEUE)
        room = queue.w_rdy
        if self.weights is not None:
            m.submodules.sum_queue = sum_queue = SyncFIFOBuffered(width=sums_layout(self.weights).size, depth=QUEUE)
            room = room & sum_queue.w_rdy

        # Samples, and the last of a packet that breaks off, go on; words do not.
        passes, free = Signal(), Signal()
        m.d.comb += [
            passes.eq(inside | self.i.payload.last),
            free.eq(Mux(inside, ~final | (done & room), ~busy)),
            self.o.valid.eq(self.i.valid & passes & free),
            self.o.payload.sample.eq(self.i.payload.sample),
            self.o.payload.last.eq(self.i.payload.last),
            self.i.ready.eq(free & (~passes | self.o.ready)),
            taken.eq(self.i.valid & self.i.ready),
            starts.eq(taken & ~inside & ~self.i.payload.last & (place == beats - 1)),
            ends.eq(taken & (final | self.i.payload.last)),
        ]
        with m.If(taken):
            m.d.sync += [place.eq(place + 1), final.eq(inside & (place == window - 2))]
        with m.If(starts):
            m.d.sync += [inside.eq(1), place.eq(0), final.eq(window == 1)]
        with m.If(ends):
            m.d.sync += [inside.eq(0), place.eq(0), final.eq(0)]
        with m.If(taken & ~inside):
            held = [*words[count:], *(sample[:WORD_BITS] for sample in each(self.i.payload.sample, count))]
            m.d.sync += [word.eq(after) for word, after in zip(words, held, strict=True)]

        found = self._compare(m, platform, words, starts, busy)
        if self.checked:
            m.d.comb += self.damaged.eq(Cat(found["damaged"]).any())
        m.d.sync += done.eq(Mux(starts | ends, 0, done | found["last"]))
        m.d.comb += [
            queue.w_en.eq(ends & final),
            queue.w_data.eq(found["bits"]),
            self.bits.valid.eq(queue.r_rdy),
            self.bits.payload.eq(queue.r_data),
            queue.r_en.eq(self.bits.ready),
        ]
        if self.weights is not None:
            m.d.comb += [
                sum_queue.w_en.eq(queue.w_en),
                sum_queue.w_data.eq(found["sums"]),
                self.sums.valid.eq(sum_queue.r_rdy),
                self.sums.payload.eq(sum_queue.r_data),
                sum_queue.r_en.eq(self.sums.ready),
            ]
        return m

    def _compare(self, m: Module, platform, words: list, starts, busy) -> dict:
        """One comparison after the other, from ``starts`` on; ``busy`` until the words may change."""
        comparisons = self.rhythm.comparisons
        number = range(self.rhythm.words + 1)
        layout = data.StructLayout({"over": number, "under": number, "multiple": MULTIPLE_BITS})
        init = [dict(zip(("over", "under", "multiple"), c, strict=True)) for c in comparisons]
        read, row, damaged = parity.table(m, "comparisons", layout, init, self.checked)
        step = Signal(range(max(len(init), 2)))
        naming, reading, ending = Signal(), Signal(), Signal()  # a comparison is addressed, is read; the last one is read
        ends = Signal()
        m.d.comb += [ends.eq(naming & (step == len(init) - 1)), read.addr.eq(step), busy.eq(naming | reading)]
        m.d.sync += [
            naming.eq(starts | (naming & ~ends)),
            step.eq(Mux(naming & ~ends, step + 1, 0)),
            reading.eq(naming),
            ending.eq(ends),
        ]
        chosen = Array([*words, RHYTHM_UNIT])
        over, under = Signal(WORD_BITS, reset_less=True), Signal(WORD_BITS, reset_less=True)
        multiple = Signal(MULTIPLE_BITS, reset_less=True)
        m.d.sync += [over.eq(chosen[row.over]), under.eq(chosen[row.under]), multiple.eq(row.multiple)]
        m.submodules.product = product = multiplier.Multiplier(WORD_BITS, MULTIPLE_BITS)
        m.d.comb += [product.a.eq(under), product.b.eq(multiple)]
        waiting = over
        for k in range(multiplier.LATENCY):
            later = Signal(WORD_BITS, name=f"over{k}", reset_less=True)
            m.d.sync += later.eq(waiting)
            waiting = later
        compared = delay(m, reading, 1 + multiplier.LATENCY, "compared")
        valid = compared[-1]
        last = delay(m, ending, 1 + multiplier.LATENCY, "compared_last")[-1]
        bit = (waiting << RATIO_SHIFT) >= product.p
        bits = Signal(len(init), reset_less=True)
        with m.If(valid):
            m.d.sync += bits.eq(Cat(bits[1:], bit))
        every, told = bits, [damaged]
        if self.hidden:
            behind = self._hide(m, bits, last)
            valid, bit, last = valid | behind["valid"], Mux(behind["valid"], behind["bit"], bit), behind["last"]
            every = Cat(bits, behind["bits"])
            told.append(behind["damaged"])
        found, late = {"bits": every, "last": last}, 0
        if self.weights is not None:
            found, late = {"bits": every, **self._sum(m, starts, valid, bit, last)}, 1
            told.append(found["damaged"])
        found["damaged"] = told
        # Else the last bits of a packet that broke off would meet the next one's.
        if self.hidden:
            working = Signal()
            m.d.sync += working.eq(starts | working & ~found["last"])
            m.d.comb += busy.eq(working)
        elif self.rhythm.words // self.samples <= multiplier.LATENCY + late:  # fewer beats than the pipeline is long
            m.d.comb += busy.eq(naming | reading | compared.any() | (found["adding"] if late else 0))
        return found

    def _hide(self, m: Module, bits: Signal, last) -> dict:
        """The hidden bits, behind the ``last`` comparison's."""
        m.submodules.hidden = hidden = Hidden(self.hidden)
        line = Signal(self.rhythm.hidden, name="hidden_bits", reset_less=True)
        m.d.comb += [hidden.i.eq(bits), hidden.start.eq(delay(m, last, 1, "all_compared")[-1])]
        with m.If(hidden.valid):
            m.d.sync += line.eq(Cat(line[1:], hidden.bit))
        told = hidden.damaged if self.hidden.checked else Const(0)
        return {"bits": line, "valid": hidden.valid, "bit": hidden.bit, "last": hidden.last, "damaged": told}

    def _sum(self, m: Module, starts, valid, bit, last) -> dict:
        """The classes' sums, a cycle behind the bits."""
        classes, count = self.weights.shape
        layout = data.ArrayLayout(signed(int(np.abs(self.weights).max()).bit_length() + 1), classes)
        read, row, damaged = parity.table(m, "weights", layout, self.weights.T.tolist(), self.checked)
        place, adding, told = Signal(range(max(count, 2))), Signal(), Signal(reset_less=True)
        m.d.comb += read.addr.eq(place)
        sums = Signal(sums_layout(self.weights), reset_less=True)
        m.d.sync += [adding.eq(valid), told.eq(bit)]
        with m.If(valid):
            m.d.sync += place.eq(place + 1)
        for total, weight in zip(sums, row, strict=True):
            with m.If(adding):
                m.d.sync += total.eq(total + Mux(told, weight, -weight))
            with m.If(starts):
                m.d.sync += total.eq(0)
        with m.If(starts):
            m.d.sync += place.eq(0)
        return {"sums": sums, "adding": adding, "last": delay(m, last, 1, "summed_last")[-1], "damaged": damaged}
