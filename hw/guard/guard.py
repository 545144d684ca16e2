"""The guard: it hands a classifier one window at a time, waits for the result, and resets the classifier behind it.

What a flipped bit leaves in the classifier is gone with that reset. What the guard itself must not lose, how far the window is,
which number it has, and what the guard is at, it holds three times (:mod:`hw.guard.voted`).
"""

from dataclasses import dataclass
from enum import IntEnum

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.guard.voted import Voted
from hw.stream.result import NO_CALL, NUMBER_BITS, Beat, Header

SEND = 3  # cycles for each beat of a packet that leaves
BEGIN = 2  # cycles from a packet's last beat to the next window's first sample


class State(IntEnum):
    """What the guard is at. What is none of these, as no single flipped bit makes it, is taken for ``CLEAR``."""

    TAKE = 0  # samples go to the classifier
    WAIT = 1  # for its packet
    READ = 2  # a word of the packet is read,
    LOAD = 3  # ... laid ready,
    OFFER = 4  # ... and offered
    DROP = 5  # a window that TLAST broke off
    CLEAR = 6  # the last cycle of the classifier's reset


@dataclass(frozen=True)
class GuardParams:
    """``bits`` of an input beat, ``window`` beats a window, ``beats`` of a result; ``patience``: cycles from a window's last beat
    by which its whole result is there, and for which the classifier may refuse a sample."""

    bits: int
    window: int
    beats: int
    patience: int


def sample_layout(bits: int) -> data.StructLayout:
    """An input beat and whether TLAST is with it."""
    return data.StructLayout({"data": bits, "last": 1})


class Guard(wiring.Component):
    """Windows to a classifier and its results back, one window at a time.

    Ports:
      - ``i``: stream of input beats; ``last`` on an earlier beat than a window's final one drops the window and skips its number.
        From a window's final beat on ``i`` waits until the result has left;
      - ``feed``: the same beats, to the classifier;
      - ``told``: the classifier's result beats;
      - ``damaged``: the classifier read a constant that has changed; high until ``clear``;
      - ``clear``: reset of the classifier, high at least one cycle behind every window;
      - ``o``: stream of result beats: the classifier's packet with the guard's own number (modulo 2^16), once the whole of it is
        there. A packet that comes before its window is complete, that is too short or too long, that has another number than 0, or
        that is not there in time is none: instead a header leaves alone, label 255, *no call* and ``fault`` set, with TLAST. So
        it does where the classifier refuses a sample for too long; the rest of that window is taken and goes nowhere. Where
        ``damaged`` was high when the packet came, the header's bit :data:`DAMAGED` is set.

    Latency: a packet's last beat at ``told`` to the header at ``o``: ``SEND`` cycles.
    """

    def __init__(self, params: GuardParams):
        self.params = params
        samples = stream.Signature(sample_layout(params.bits))
        super().__init__(
            {
                "i": In(samples),
                "feed": Out(samples),
                "told": In(stream.Signature(Beat)),
                "damaged": In(1),
                "clear": Out(1),
                "o": Out(stream.Signature(Beat)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        state, number, index = (
            Voted(s, n) for s, n in ((3, "state"), (NUMBER_BITS, "number"), (range(self.params.window), "index"))
        )
        at = {one: Signal(name=f"at_{one.name.lower()}") for one in State}
        m.d.comb += [signal.eq(state.value == one) for one, signal in at.items()]
        waited, lost = Signal(range(self.params.patience + 2), name="waited"), Signal(name="lost")
        takes, ends, breaks = self._take(m, at, index, waited, lost)
        fault, hurt, come = self._wait(m, at, waited, lost)
        left = self._send(m, at, number.value, fault, hurt)
        goes = {
            State.TAKE: ((breaks, State.DROP), (ends, State.WAIT)),
            State.WAIT: ((come, State.READ),),
            State.READ: ((1, State.LOAD),),
            State.LOAD: ((1, State.OFFER),),
            State.OFFER: ((left, State.CLEAR), (self.o.ready, State.READ)),
            State.DROP: ((1, State.CLEAR),),
        }
        # Out of CLEAR, and of what is no state, to TAKE.
        begins = Signal()
        m.d.comb += begins.eq(
            ~(at[State.TAKE] | at[State.WAIT] | at[State.READ] | at[State.LOAD] | at[State.OFFER] | at[State.DROP])
        )
        then, changes = Signal(3, name="then"), Signal(name="changes")
        with m.If(begins):
            m.d.comb += [then.eq(State.TAKE), changes.eq(1)]
        for one, ways in goes.items():
            for condition, target in reversed(ways):
                with m.If(at[one] & condition):
                    m.d.comb += [then.eq(target), changes.eq(1)]
        state.drive(m, then, changes)
        number.drive(m, number.value + 1, begins)
        index.drive(m, Mux(begins, 0, index.value + 1), begins | takes)
        m.d.sync += self.clear.eq(at[State.READ] | at[State.LOAD] | at[State.OFFER] | at[State.DROP])
        return m

    def _take(
        self, m: Module, at: dict[State, Signal], index: Voted, waited: Signal, lost: Signal
    ) -> tuple[Signal, Signal, Signal]:
        """Beats to the classifier: one is taken, ends its window, breaks it off. The window is ``lost`` where the classifier
        answers too soon, or takes no beat."""
        takes, ends, breaks, final = (Signal(name=name) for name in ("takes", "ends", "breaks", "final_beat"))
        m.d.comb += [
            self.feed.payload.eq(self.i.payload),
            self.feed.valid.eq(self.i.valid & at[State.TAKE]),
            self.i.ready.eq((self.feed.ready | lost) & at[State.TAKE]),
            takes.eq(self.i.valid & self.i.ready),
            final.eq(index.value == self.params.window - 1),
            ends.eq(takes & final),
            breaks.eq(takes & ~final & self.i.payload.last),
        ]
        with m.If(at[State.TAKE]):
            m.d.sync += [
                waited.eq(Mux(self.i.valid & ~self.i.ready, waited + 1, 0)),
                lost.eq(lost | self.told.valid | (waited >= self.params.patience)),
            ]
        with m.If(at[State.CLEAR]):
            m.d.sync += [waited.eq(0), lost.eq(0)]
        return takes, ends, breaks

    def _wait(self, m: Module, at: dict[State, Signal], waited: Signal, lost: Signal) -> tuple[Signal, Signal, Signal]:
        """The classifier's packet into the memory: whether it is none, whether a constant has changed; that this is known now."""
        p = self.params
        m.submodules.packet = self.packet = packet = Memory(shape=32, depth=p.beats, init=[])
        write = packet.write_port()
        count = Signal(range(p.beats + 1), name="count")
        fault, hurt, come, moves = (Signal(name=name) for name in ("fault", "hurt", "come", "moves"))
        final, wrong = (Signal(name=name) for name in ("final_word", "wrong"))
        m.d.comb += [
            self.told.ready.eq(at[State.WAIT]),
            moves.eq(self.told.valid & at[State.WAIT]),
            write.addr.eq(count),
            write.data.eq(self.told.payload.word),
            write.en.eq(moves),
            final.eq(count == p.beats - 1),
            wrong.eq(lost | (waited >= p.patience) | (moves & ((final ^ self.told.payload.last) | self._misnumbered(count)))),
            come.eq(wrong | (moves & final)),
        ]
        with m.If(at[State.TAKE]):
            m.d.sync += count.eq(0)
        with m.If(at[State.WAIT]):
            m.d.sync += [count.eq(count + moves), waited.eq(waited + 1), fault.eq(wrong), hurt.eq(self.damaged)]
        return fault, hurt, come

    def _misnumbered(self, count: Signal):
        return (count == 0) & (self.told.payload.word[:NUMBER_BITS] != 0)

    def _send(self, m: Module, at: dict[State, Signal], number: Signal, fault: Signal, hurt: Signal) -> Signal:
        """The packet out of the memory, or a header alone: that its last beat leaves."""
        place, word = Signal(range(self.params.beats), name="place"), Signal(32, name="word", reset_less=True)
        left = Signal(name="left")
        read = self.packet.read_port(domain="sync")
        header = Signal(Header)
        m.d.comb += [
            read.addr.eq(place),
            header.eq(read.data),
            header.number.eq(number),
            header.image.eq(hurt),
            self.o.valid.eq(at[State.OFFER]),
            self.o.payload.word.eq(word),
            self.o.payload.last.eq(fault | (place == self.params.beats - 1)),
            left.eq(self.o.ready & self.o.payload.last),
        ]
        with m.If(fault):
            m.d.comb += [header.label.eq(NO_CALL), header.no_call.eq(1), header.fault.eq(1)]
        with m.If(at[State.WAIT]):
            m.d.sync += place.eq(0)
        with m.If(at[State.LOAD]):
            m.d.sync += word.eq(Mux(place == 0, header, read.data))
        with m.If(at[State.OFFER] & self.o.ready):
            m.d.sync += place.eq(place + 1)
        return left
