"""The host link: frames from a serial line become a classifier's streams, its results become frames (``hw/link/wire.py``)."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect

from hw.link import uart
from hw.link.frames import FrameReceiver, FrameSender, Head
from hw.link.wire import DONE, IMAGE, IMAGE_END, REFUSED, RESTART, RESULT, SAMPLES, UNKNOWN

# A frame whose bytes stop for so many bytes' time is refused.
PATIENCE_BYTES = 64
RESULT_WORDS = 64
RESTART_CYCLES = 16

Byte = data.StructLayout({"byte": 8, "last": 1})
Word = data.StructLayout({"word": 32, "last": 1})


class HostLink(wiring.Component):
    """Ports: ``rx``, ``tx``: the line; ``samples``: raw samples; ``image``: bytes of a network's image, ``last`` with the last;
    ``results``: packets of words, at most 63; ``status``: what a ``done`` frame says; ``restart``: high for a while: the classifier
    begins anew.

    ``divisor``: clock cycles a bit.
    """

    def __init__(self, divisor: int):
        self.divisor = divisor
        super().__init__(
            {
                "rx": In(1, init=1),
                "tx": Out(1, init=1),
                "samples": Out(stream.Signature(16)),
                "image": Out(stream.Signature(Byte)),
                "results": In(stream.Signature(Word)),
                "status": In(8),
                "restart": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.receiver = receiver = uart.Receiver(self.divisor)
        m.submodules.transmitter = transmitter = uart.Transmitter(self.divisor)
        m.submodules.frames = frames = FrameReceiver(PATIENCE_BYTES * 10 * self.divisor)
        m.submodules.sender = sender = FrameSender()
        connect(m, receiver.o, frames.i)
        connect(m, sender.o, transmitter.i)
        m.d.comb += [receiver.rx.eq(self.rx), self.tx.eq(transmitter.tx)]
        answer, answers = Signal(Head), Signal()  # an answer that waits to be sent
        code = Signal(8)
        answered = Signal()
        self._carry_out(m, frames, answer, answers, code, answered)
        self._send(m, sender, answer, answers, code, answered)
        return m

    def _carry_out(self, m: Module, frames: FrameReceiver, answer, answers, code, answered) -> None:
        """What a frame says: its payload goes to samples or image; then it is answered."""
        head = frames.frame.payload
        known, last_number = Signal(), Signal(8)  # the frame before
        place = Signal(9)
        low, byte = Signal(8), Signal(8)
        holding = Signal(range(RESTART_CYCLES), init=RESTART_CYCLES - 1)
        m.d.sync += byte.eq(frames.data)
        m.d.comb += [frames.address.eq(place), self.restart.eq(holding != 0)]
        with m.If(holding != 0):
            m.d.sync += holding.eq(holding - 1)

        def reply(kind: int, number, what) -> list:
            return [answers.eq(1), answer.kind.eq(kind), answer.number.eq(number), answer.length.eq(1), code.eq(what)]

        with m.If(answered):
            m.d.sync += answers.eq(0)
        with m.If(frames.refused != 0):
            m.d.sync += reply(REFUSED, frames.number, frames.refused)
        is_image = (head.kind == IMAGE) | (head.kind == IMAGE_END)
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += place.eq(0)
                with m.If(frames.frame.valid & ~answers):
                    m.next = "FETCH"
                    with m.If(head.kind == RESTART):
                        m.d.sync += [holding.eq(RESTART_CYCLES - 1), known.eq(0)]
                        m.next = "DONE"
                    with m.Elif(known & (head.number == last_number)):
                        m.next = "DONE"
                    with m.Elif((head.kind != SAMPLES) & ~is_image):
                        m.next = "UNKNOWN"
            with m.State("FETCH"):  # the memory's cycle
                m.next = "WAIT"
                with m.If(place == head.length):
                    m.d.sync += [known.eq(1), last_number.eq(head.number)]
                    m.next = "DONE"
            with m.State("WAIT"):  # its register's
                m.next = "BYTE"
            with m.State("BYTE"):
                m.d.comb += [
                    self.image.valid.eq(is_image),
                    self.image.payload.byte.eq(byte),
                    self.image.payload.last.eq((head.kind == IMAGE_END) & (place == head.length - 1)),
                    self.samples.valid.eq(~is_image & place[0]),
                    self.samples.payload.eq(Cat(low, byte)),
                ]
                with m.If(Mux(is_image, self.image.ready, ~place[0] | self.samples.ready)):
                    m.d.sync += [low.eq(byte), place.eq(place + 1)]
                    m.next = "FETCH"
            with m.State("DONE"), m.If(~answers):
                m.d.comb += frames.frame.ready.eq(1)
                m.d.sync += reply(DONE, head.number, self.status)
                m.next = "IDLE"
            with m.State("UNKNOWN"), m.If(~answers):
                m.d.comb += frames.frame.ready.eq(1)
                m.d.sync += reply(REFUSED, head.number, UNKNOWN)
                m.next = "IDLE"

    def _send(self, m: Module, sender: FrameSender, answer, answers, code, answered) -> None:
        """Answers and results, one frame after the other. A result's length stands in front, so a packet is kept first."""
        m.submodules.packet = memory = Memory(shape=32, depth=RESULT_WORDS, init=[])
        write, read = memory.write_port(), memory.read_port(domain="sync")
        words, place, byte = Signal(range(RESULT_WORDS)), Signal(range(RESULT_WORDS)), Signal(2)
        whole, number = Signal(), Signal(8)
        word, fetched = Signal(32), Signal(2)
        # What is sent stays as it was when its frame began, whatever comes meanwhile.
        sent, sent_code, sending = Signal(Head), Signal(8), Signal()
        m.d.sync += word.eq(read.data)
        m.d.comb += [
            self.results.ready.eq(~whole),
            write.addr.eq(words),
            write.data.eq(self.results.payload.word),
            write.en.eq(self.results.valid & ~whole),
            read.addr.eq(place),
        ]
        with m.If(write.en):
            m.d.sync += [words.eq(words + 1), whole.eq(self.results.payload.last)]
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [place.eq(0), byte.eq(0), fetched.eq(0)]
                with m.If(answers):
                    m.d.comb += answered.eq(1)
                    m.d.sync += [sent.eq(answer), sent_code.eq(code)]
                    m.next = "ANSWER"
                with m.Elif(whole & ~self.restart):
                    m.next = "RESULT"
            with m.State("ANSWER"):
                m.d.comb += [
                    sender.head.valid.eq(1),
                    sender.head.payload.eq(sent),
                    sender.i.valid.eq(1),
                    sender.i.payload.eq(sent_code),
                ]
                with m.If(sender.head.ready):
                    m.next = "AFTER"
            with m.State("AFTER"):
                m.next = "IDLE"
            with m.State("RESULT"):
                # A word comes two cycles after its address: from the memory, then from a register.
                m.d.sync += [
                    fetched.eq(Cat(Const(1, 1), fetched)[:2] & ~(sender.i.valid & sender.i.ready & byte.all()).replicate(2))
                ]
                m.d.comb += [
                    sending.eq(1),
                    sender.head.valid.eq(1),
                    sender.head.payload.kind.eq(RESULT),
                    sender.head.payload.number.eq(number),
                    sender.head.payload.length.eq(words << 2),
                    sender.i.valid.eq(fetched[1]),
                    sender.i.payload.eq(word.word_select(byte, 8)),
                ]
                with m.If(sender.i.valid & sender.i.ready):
                    m.d.sync += byte.eq(byte + 1)
                    with m.If(byte.all()):
                        m.d.sync += place.eq(place + 1)
                with m.If(sender.head.ready):
                    m.d.sync += [whole.eq(0), words.eq(0), number.eq(number + 1)]
                    m.next = "AFTER"
        # A restart forgets what was not sent yet; a frame that has begun ends as what it is.
        with m.If(self.restart & ~sending):
            m.d.sync += [words.eq(0), whole.eq(0)]
