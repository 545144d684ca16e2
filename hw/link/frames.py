"""Frames in and out of bytes: lengths, numbers and CRC (``hw/link/wire.py`` has the format)."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.crc import catalog
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.link.wire import CUT_SHORT, MAX_PAYLOAD, SYNC, WRONG_CRC

Head = data.StructLayout({"kind": 8, "number": 8, "length": 8})


class FrameReceiver(wiring.Component):
    """Bytes in, whole frames with a right CRC out.

    Ports: ``i``: bytes, without backpressure; ``frame``: stream of heads, the payload in a memory behind ``address`` and ``data``
    (a cycle later) until the frame is taken; ``refused``: for a cycle the reason why a frame was not, with its ``number`` (of
    a frame cut short before it, that of the frame before). Bytes that
    come while a frame waits are dropped. A frame whose bytes stop for ``patience`` cycles is refused.
    """

    def __init__(self, patience: int):
        self.patience = patience
        super().__init__(
            {
                "i": In(stream.Signature(8, always_ready=True)),
                "frame": Out(stream.Signature(Head)),
                "address": In(range(MAX_PAYLOAD + 1)),
                "data": Out(8),
                "refused": Out(2),
                "number": Out(8),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.payload = memory = Memory(shape=8, depth=MAX_PAYLOAD + 1, init=[])
        write, read = memory.write_port(), memory.read_port(domain="sync")
        m.submodules.crc = crc = catalog.CRC16_IBM_3740().create()
        head, place, byte = Signal(Head), Signal(9), self.i.payload
        silent = Signal(range(self.patience + 1))
        m.d.comb += [
            read.addr.eq(self.address),
            self.data.eq(read.data),
            write.addr.eq(place),
            write.data.eq(byte),
            crc.data.eq(byte),
            self.frame.payload.eq(head),
            self.number.eq(head.number),
        ]
        cut, among = Signal(), Signal()
        with m.FSM():
            with m.State("SYNC"):
                m.d.comb += crc.start.eq(1)
                m.d.sync += place.eq(0)
                with m.If(self.i.valid & (byte == SYNC)):
                    m.next = "KIND"
            for state, following in (("KIND", "NUMBER"), ("NUMBER", "LENGTH"), ("LENGTH", "REST")):
                with m.State(state):
                    m.d.comb += among.eq(1)
                    with m.If(self.i.valid):
                        m.d.comb += crc.valid.eq(1)
                        m.d.sync += head[state.lower()].eq(byte)
                        m.next = following
                    with m.Elif(cut):
                        m.next = "SYNC"
            with m.State("REST"):  # the payload, then the CRC's two bytes
                m.d.comb += among.eq(1)
                with m.If(self.i.valid):
                    m.d.comb += [crc.valid.eq(1), write.en.eq(place < head.length)]
                    m.d.sync += place.eq(place + 1)
                    with m.If(place == head.length + 1):
                        m.next = "CHECK"
                with m.Elif(cut):
                    m.next = "SYNC"
            with m.State("CHECK"):
                m.next = "WAIT"
                with m.If(~crc.match_detected):
                    m.d.comb += self.refused.eq(WRONG_CRC)
                    m.next = "SYNC"
            with m.State("WAIT"):
                m.d.comb += self.frame.valid.eq(1)
                with m.If(self.frame.ready):
                    m.next = "SYNC"
        m.d.comb += cut.eq(silent == self.patience)
        m.d.sync += silent.eq(Mux(among & ~self.i.valid & ~cut, silent + 1, 0))
        with m.If(cut & ~self.i.valid):
            m.d.comb += self.refused.eq(CUT_SHORT)
        return m


class FrameSender(wiring.Component):
    """A frame's head and payload in, its bytes out.

    Ports: ``head``: stream, taken as the frame ends; ``i``: ``length`` bytes of payload, taken one after the other while ``head``
    waits; ``o``: the line's bytes.
    """

    def __init__(self):
        super().__init__(
            {
                "head": In(stream.Signature(Head)),
                "i": In(stream.Signature(8)),
                "o": Out(stream.Signature(8)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.crc = crc = catalog.CRC16_IBM_3740().create()
        head, left = self.head.payload, Signal(8)
        moves = Signal()
        m.d.comb += [moves.eq(self.o.valid & self.o.ready), crc.data.eq(self.o.payload)]
        following = {"SYNC": "KIND", "KIND": "NUMBER", "NUMBER": "LENGTH", "HIGH": "LOW"}
        values = {"SYNC": SYNC, "KIND": head.kind, "NUMBER": head.number, "LENGTH": head.length, "HIGH": crc.crc[8:]}
        with m.FSM():
            for state, value in values.items():
                with m.State(state):
                    m.d.comb += [self.o.valid.eq(self.head.valid), self.o.payload.eq(value)]
                    m.d.comb += [crc.start.eq(state == "SYNC"), crc.valid.eq(moves & (state not in ("SYNC", "HIGH")))]
                    m.d.sync += left.eq(head.length)
                    with m.If(moves):
                        m.next = following.get(state, "HIGH")
                        if state == "LENGTH":
                            with m.If(head.length != 0):
                                m.next = "PAYLOAD"
            with m.State("PAYLOAD"):
                m.d.comb += [self.o.valid.eq(self.i.valid), self.o.payload.eq(self.i.payload), self.i.ready.eq(self.o.ready)]
                m.d.comb += crc.valid.eq(moves)
                with m.If(moves):
                    m.d.sync += left.eq(left - 1)
                    with m.If(left == 1):
                        m.next = "HIGH"
            with m.State("LOW"):
                m.d.comb += [self.o.valid.eq(1), self.o.payload.eq(crc.crc[:8]), self.head.ready.eq(moves)]
                with m.If(moves):
                    m.next = "SYNC"
        return m
