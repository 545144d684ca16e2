"""The loader: an image comes in byte by byte, is checked, and becomes the network at work between two windows, or is refused.

Where the parameter memories have two halves, an image goes to the one that is not in use, so that the network before works on and
stays whatever happens. Where they have one, the network before ends when an image comes whose header is good. The format is
:func:`sw.export.array.program.image`'s."""

import enum

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.crc.catalog import CRC32_ETHERNET
from amaranth.lib.wiring import In, Out

from hw.mac.params import ArrayParams
from sw.export.array.program import MAGIC, VERSION, section_bytes

Byte = data.StructLayout({"data": 8, "last": 1})
HEADER_BYTES = 16


class Status(enum.IntEnum):
    """What became of the last image."""

    NONE = 0
    LOADED = 1
    FORMAT = 2  # not an image, or of another version
    GROUPS = 3  # for an array of another size
    LENGTH = 4  # too short, too long, or a section that does not fit
    CHECKSUM = 5


class Loader(wiring.Component):
    """Ports: ``i``: stream of :data:`Byte`, ``last`` with an image's last byte; at most a byte every other cycle (far more than a
    host's line brings), and it waits while a checked image has not been taken. ``write_<section>``: enables, with ``address`` and
    ``word`` common (a word's bytes lie at the upper end). ``ready``: an image is there, whose windows have ``samples`` made
    by the front end ``front``; ``take``: it is taken over. ``status``: :class:`Status` of the last image, two cycles after its last
    byte. Where there is room for one network alone, it ``claims`` the memories before it writes, and waits until that is
    ``granted``."""

    def __init__(self, params: ArrayParams):
        self.params = params
        self.bytes = section_bytes(params.groups)
        self.word_bits = 8 * max(self.bytes.values())
        self.address_bits = max(params.depth(name) - 1 for name in self.bytes).bit_length()
        super().__init__(
            {
                "i": In(stream.Signature(Byte)),
                "address": Out(self.address_bits),
                "word": Out(self.word_bits),
                **{f"write_{name}": Out(1) for name in self.bytes},
                "samples": Out(16),
                "front": Out(8),
                "claims": Out(1),
                "granted": In(1),
                "ready": Out(1),
                "take": In(1),
                "status": Out(Status),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.crc = crc = CRC32_ETHERNET(data_width=8).create()
        # A byte is taken in one cycle and looked at in the next, in which none is taken. ``accepts`` only where nothing but a byte
        # changes the state.
        accepts = Signal()
        taken, last, byte = Signal(), Signal(reset_less=True), Signal(8, reset_less=True)
        m.d.sync += [taken.eq(self.i.valid & self.i.ready), last.eq(self.i.payload.last), byte.eq(self.i.payload.data)]
        m.d.comb += [self.i.ready.eq(accepts & ~taken), crc.data.eq(byte)]
        word = Signal(self.word_bits, reset_less=True)
        with m.If(taken):
            m.d.sync += word.eq(Cat(word[8:], byte))
        m.d.comb += self.word.eq(word)

        index = Signal(range(max(HEADER_BYTES, self.word_bits // 8)))  # byte within the header or word
        section, words = Signal(8), Signal(24)
        left, empty = Signal(32), Signal()  # bytes of the body; none of them, told by a register of its own
        address = Signal(self.address_bits)
        write = Signal()
        # The word is still there in the cycle after ``write``.
        m.d.sync += [write.eq(0), self.address.eq(address)]
        with m.If(write):
            m.d.sync += address.eq(address + 1)
        # What follows from the section's number is in registers before its words come.
        size, room = Signal(8, reset_less=True), Signal(24, reset_less=True)
        known = Signal()
        m.d.sync += known.eq(0)
        for number, (name, count) in enumerate(self.bytes.items()):
            chosen, enable = Signal(name=f"chosen_{name}"), Signal(name=f"enable_{name}")
            m.d.sync += [chosen.eq(section == number), enable.eq(write & chosen)]
            m.d.comb += getattr(self, f"write_{name}").eq(enable)
            with m.If(section == number):
                m.d.sync += [size.eq(count - 1), room.eq(self.params.depth(name)), known.eq(1)]

        expected = MAGIC + VERSION.to_bytes(2, "little") + self.params.groups.to_bytes(2, "little")
        wrong = Signal(Status)
        checks = Signal(32, reset_less=True)

        def refuse(status):
            m.d.sync += self.status.eq(status)
            with m.If(last):
                m.next = "BEGIN"
            with m.Else():
                m.next = "SKIP"

        with m.If(self.take):
            m.d.sync += self.ready.eq(0)
        with m.FSM():
            with m.State("BEGIN"):
                m.d.comb += crc.start.eq(1)
                m.d.sync += [index.eq(0), wrong.eq(Status.NONE)]
                with m.If(~self.ready):
                    m.next = "HEADER"
            with m.State("HEADER"):
                m.d.comb += accepts.eq(1)
                with m.If(taken):
                    m.d.comb += crc.valid.eq(1)
                    m.d.sync += index.eq(index + 1)
                    with m.Switch(index):
                        for place, value in enumerate(expected):
                            with m.Case(place), m.If((byte != value) & (wrong == Status.NONE)):
                                m.d.sync += wrong.eq(Status.FORMAT if place < 6 else Status.GROUPS)
                    for field, place in (left, 8), (self.samples, 12), (self.front, 14):
                        for k in range(len(field) // 8):
                            with m.If(index == place + k):
                                m.d.sync += field.word_select(k, 8).eq(byte)
                    with m.If(last):
                        refuse(Mux(wrong != Status.NONE, wrong, Status.LENGTH))
                    with m.Elif(index == HEADER_BYTES - 1):
                        m.d.sync += [empty.eq(left == 0), index.eq(0)]
                        with m.If(wrong != Status.NONE):
                            refuse(wrong)
                        with m.Elif((self.samples == 0) | (self.samples > self.params.window)):
                            refuse(Status.LENGTH)
                        with m.Else():
                            m.next = "SECTION" if self.params.halves else "CLAIM"
            with m.State("CLAIM"):
                m.d.comb += self.claims.eq(1)
                with m.If(self.granted):
                    m.next = "SECTION"
            with m.State("SECTION"):
                ended = empty & (index == 0)
                m.d.comb += accepts.eq(~ended)
                with m.If(ended):
                    m.d.sync += checks.eq(crc.crc)
                    m.next = "CHECKSUM"
                with m.Elif(taken):
                    m.d.comb += crc.valid.eq(1)
                    m.d.sync += [index.eq(index + 1), left.eq(left - 1), empty.eq(left == 1)]
                    with m.If(index == 0):
                        m.d.sync += section.eq(byte)
                    with m.If(last | empty):
                        refuse(Status.LENGTH)
                    with m.Elif(index == 3):
                        m.d.sync += [words.eq(Cat(word[-16:], byte)), index.eq(0), address.eq(0)]
                        m.next = "MEASURE"
            with m.State("MEASURE"):
                m.next = "WORDS"
                with m.If(words == 0):
                    m.next = "SECTION"
                with m.If(~known | (words > room)):
                    m.d.sync += self.status.eq(Status.LENGTH)
                    m.next = "SKIP"
            with m.State("WORDS"):
                m.d.comb += accepts.eq(1)
                with m.If(taken):
                    m.d.comb += crc.valid.eq(1)
                    m.d.sync += [index.eq(index + 1), left.eq(left - 1), empty.eq(left == 1)]
                    with m.If(index == size):
                        m.d.sync += [index.eq(0), write.eq(1), words.eq(words - 1)]
                        with m.If(words == 1):
                            m.next = "SECTION"
                    with m.If(last | empty):
                        refuse(Status.LENGTH)
            with m.State("CHECKSUM"):
                m.d.comb += accepts.eq(1)
                with m.If(taken):
                    m.d.sync += [index.eq(index + 1), checks.eq(checks >> 8)]
                    with m.If((byte != checks[:8]) & (wrong == Status.NONE)):
                        m.d.sync += wrong.eq(Status.CHECKSUM)
                    with m.If(last | (index == 3)):
                        with m.If(~(last & (index == 3))):
                            refuse(Status.LENGTH)
                        with m.Elif((wrong != Status.NONE) | (byte != checks[:8])):
                            refuse(Status.CHECKSUM)
                        with m.Else():
                            m.d.sync += [self.status.eq(Status.LOADED), self.ready.eq(1)]
                            m.next = "BEGIN"
            with m.State("SKIP"):
                m.d.comb += accepts.eq(1)
                with m.If(taken & last):
                    m.next = "BEGIN"
        return m
