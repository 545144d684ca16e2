"""The loader: an image comes in byte by byte, is checked, and becomes the network at work between two windows, or is refused.

Where the parameter memories have two halves, an image goes to the one that is not in use, so that the network before works on and
stays whatever happens. Where they have one, the network before ends when an image comes whose header is good. The format is
:func:`sw.export.array.program.image`'s. An image's first eight bytes never occur within an image: wherever they come, a new one
begins, so that a load which was broken off, or whose TLAST is missing, does no harm to the next."""

import enum

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.crc.catalog import CRC32_ETHERNET
from amaranth.lib.wiring import In, Out

from hw.mac.params import ArrayParams
from sw.export.array.program import MAGIC, VERSION, section_bytes

Byte = data.StructLayout({"data": 8, "last": 1})
HEADER_BYTES = 20


class Status(enum.IntEnum):
    """What became of the last image."""

    NONE = 0
    LOADED = 1
    FORMAT = 2  # not an image, or of another version
    GROUPS = 3  # for an array of another size
    LENGTH = 4  # too short, too long, or a section that does not fit
    CHECKSUM = 5
    FAULT = 6  # loaded; a window was a "no call": its program did not end in the cycles that it says, or a word of it has changed
    FRONT = 7  # it wants samples in another form than there is: of another front end, or windows of another length than it makes


class _Image:
    """The image that comes in: its byte of this cycle, the word it completes, and what is known of the rest."""

    def __init__(self, word_bits: int, address_bits: int):
        # A byte is taken in one cycle and looked at in the next, in which none is taken. ``accepts`` only where nothing but a byte
        # changes the state.
        self.accepts = Signal()
        self.taken, self.last, self.byte = Signal(), Signal(reset_less=True), Signal(8, reset_less=True)
        self.word = Signal(word_bits, reset_less=True)
        self.index = Signal(range(max(HEADER_BYTES, word_bits // 8)))  # byte within the header or word
        self.section, self.words = Signal(8), Signal(24, name="words")
        # Bytes of the body; none of them, told by a register of its own.
        self.left, self.empty = Signal(32), Signal(name="empty")
        self.address = Signal(address_bits)
        self.write = Signal()
        # What follows from the section's number is in registers before its words come.
        self.size, self.room = Signal(8, reset_less=True), Signal(24, name="room", reset_less=True)
        self.known = Signal()
        self.wrong = Signal(Status)
        self.checks = Signal(32, reset_less=True)
        # How many of an image's first eight bytes were the last ones; all of them, within another image.
        self.matched, self.again = Signal(range(9), name="matched"), Signal(name="again")

    def count(self, m: Module) -> None:
        """Count a byte of the body."""
        m.d.sync += [self.index.eq(self.index + 1), self.left.eq(self.left - 1), self.empty.eq(self.left == 1)]


class Loader(wiring.Component):
    """Ports: ``i``: stream of :data:`Byte`, ``last`` with an image's last byte; at most a byte every other cycle (far more than a
    host's line brings), and it waits while a checked image has not been taken. ``write_<section>``: enables, with ``address`` and
    ``word`` common (a word's bytes lie at the upper end), and ``parity``, with which the word has an even number of ones.
    ``ready``: an image is there, whose windows have ``samples`` made by the front end ``front``, and whose program takes ``limit``
    cycles; ``take``: it is taken over. ``status``: :class:`Status` of the last image, two cycles after its last byte; ``fault``:
    that of its program. Where there is room for one network alone, it ``claims`` the memories before it writes, and waits until
    that is ``granted``. ``fronts``: numbers of the front ends that there are, and how many samples the windows of each have (None:
    as many as an image says)."""

    def __init__(self, params: ArrayParams, fronts: dict[int, int | None]):
        self.params, self.fronts = params, fronts
        self.begin = MAGIC + VERSION.to_bytes(2, "little") + params.groups.to_bytes(2, "little")
        self.bytes = section_bytes(params.groups)
        self.word_bits = 8 * max(self.bytes.values())
        self.address_bits = max(params.depth(name) - 1 for name in self.bytes).bit_length()
        super().__init__(
            {
                "i": In(stream.Signature(Byte)),
                "address": Out(self.address_bits),
                "word": Out(self.word_bits),
                "parity": Out(1),
                **{f"write_{name}": Out(1) for name in self.bytes},
                "samples": Out(16),
                "front": Out(8),
                "limit": Out(32),
                "fault": In(1),
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
        image = _Image(self.word_bits, self.address_bits)
        self._take_bytes(m, image, crc)
        self._match(m, image)
        self._write_words(m, image)
        with m.If(self.take):
            m.d.sync += self.ready.eq(0)
        with m.If(self.fault):
            m.d.sync += self.status.eq(Status.FAULT)
        with m.FSM():
            with m.State("BEGIN"):
                m.d.comb += crc.start.eq(1)
                m.d.sync += [image.index.eq(0), image.wrong.eq(Status.NONE)]
                with m.If(~self.ready):
                    m.next = "HEADER"
            self._header(m, image, crc)
            with m.State("CLAIM"):
                m.d.comb += self.claims.eq(1)
                with m.If(self.granted):
                    m.next = "SECTION"
            self._section(m, image, crc)
            self._words(m, image, crc)
            self._checksum(m, image)
            with m.State("SKIP"):
                m.d.comb += image.accepts.eq(1)
                with m.If(image.taken & image.last):
                    m.next = "BEGIN"
                self._or_again(m, image)
            with m.State("AGAIN"):
                # The checksum begins anew, with the eight bytes that were taken for something else.
                m.d.comb += [crc.start.eq(image.index == 0), crc.valid.eq(image.index != 0)]
                with m.Switch(image.index):
                    for place, value in enumerate(self.begin, start=1):
                        with m.Case(place):
                            m.d.comb += crc.data.eq(value)
                m.d.sync += [image.index.eq(image.index + 1), image.wrong.eq(Status.NONE)]
                with m.If(image.index == len(self.begin)):
                    m.d.sync += image.index.eq(len(self.begin))
                    m.next = "HEADER"
        return m

    def _match(self, m: Module, image: _Image) -> None:
        """Follow an image's first bytes wherever they come; no two of them are like the first one."""
        following = Signal.like(image.matched)
        m.d.comb += following.eq(image.byte == self.begin[0])
        for place, value in enumerate(self.begin):
            with m.If((image.matched == place) & (image.byte == value)):
                m.d.comb += following.eq(place + 1)
        with m.If(image.taken):
            m.d.sync += image.matched.eq(Mux(image.last, 0, following))
        m.d.comb += image.again.eq(image.taken & ~image.last & (following == len(self.begin)))

    def _or_again(self, m: Module, image: _Image) -> None:
        """In a state that takes bytes, and last of all there: a new image may have begun."""
        with m.If(image.again):
            m.d.sync += image.index.eq(0)
            m.next = "AGAIN"

    def _take_bytes(self, m: Module, image: _Image, crc) -> None:
        """Bytes one by one; the last ones make the word."""
        m.d.sync += [
            image.taken.eq(self.i.valid & self.i.ready),
            image.last.eq(self.i.payload.last),
            image.byte.eq(self.i.payload.data),
        ]
        m.d.comb += [self.i.ready.eq(image.accepts & ~image.taken), crc.data.eq(image.byte)]
        with m.If(image.taken):
            m.d.sync += [
                image.word.eq(Cat(image.word[8:], image.byte)),
                self.parity.eq(image.byte.xor() ^ ((image.index != 0) & self.parity)),
            ]
        m.d.comb += self.word.eq(image.word)

    def _write_words(self, m: Module, image: _Image) -> None:
        """Words into the memory of their section."""
        # The word is still there in the cycle after ``write``.
        m.d.sync += [image.write.eq(0), self.address.eq(image.address)]
        with m.If(image.write):
            m.d.sync += image.address.eq(image.address + 1)
        m.d.sync += image.known.eq(0)
        for number, (name, count) in enumerate(self.bytes.items()):
            chosen, enable = Signal(name=f"chosen_{name}"), Signal(name=f"enable_{name}")
            m.d.sync += [chosen.eq(image.section == number), enable.eq(image.write & chosen)]
            m.d.comb += getattr(self, f"write_{name}").eq(enable)
            with m.If(image.section == number):
                m.d.sync += [image.size.eq(count - 1), image.room.eq(self.params.depth(name)), image.known.eq(1)]

    def _refuse(self, m: Module, image: _Image, status) -> None:
        """Say why, and skip the rest of the image."""
        m.d.sync += self.status.eq(status)
        with m.If(image.last):
            m.next = "BEGIN"
        with m.Else():
            m.next = "SKIP"

    def _header(self, m: Module, image: _Image, crc) -> None:
        """What the image is for, byte by byte; then whether that is this array."""
        index, byte, wrong = image.index, image.byte, image.wrong
        # Whether what it says of its windows is what there is; both have come long before the header's last byte.
        known, fits = Signal(), Signal()
        made = [
            (self.front == number) & (self.samples == (self.samples if count is None else count))
            for number, count in self.fronts.items()
        ]
        m.d.sync += [known.eq(Cat(made).any()), fits.eq((self.samples != 0) & (self.samples <= self.params.window))]
        with m.State("HEADER"):
            m.d.comb += image.accepts.eq(1)
            with m.If(image.taken):
                m.d.comb += crc.valid.eq(1)
                m.d.sync += index.eq(index + 1)
                with m.Switch(index):
                    for place, value in enumerate(self.begin):
                        with m.Case(place), m.If((byte != value) & (wrong == Status.NONE)):
                            m.d.sync += wrong.eq(Status.FORMAT if place < 6 else Status.GROUPS)
                for field, place in (image.left, 8), (self.samples, 12), (self.front, 14), (self.limit, 16):
                    for k in range(len(field) // 8):
                        with m.If(index == place + k):
                            m.d.sync += field.word_select(k, 8).eq(byte)
                with m.If(image.last):
                    self._refuse(m, image, Mux(wrong != Status.NONE, wrong, Status.LENGTH))
                with m.Elif(index == HEADER_BYTES - 1):
                    m.d.sync += [image.empty.eq(image.left == 0), index.eq(0)]
                    with m.If(wrong != Status.NONE):
                        self._refuse(m, image, wrong)
                    with m.Elif(~known):
                        self._refuse(m, image, Status.FRONT)
                    with m.Elif(~fits | (byte != 0)):
                        self._refuse(m, image, Status.LENGTH)
                    with m.Else():
                        m.next = "SECTION" if self.params.halves else "CLAIM"
                # The first eight bytes of an image that began at its beginning are no news.
                with m.If(index != len(self.begin) - 1):
                    self._or_again(m, image)

    def _section(self, m: Module, image: _Image, crc) -> None:
        """A section's number and how many words it has; whether there is such a section, with room for them."""
        index, words = image.index, image.words
        with m.State("SECTION"):
            ended = image.empty & (index == 0)
            m.d.comb += image.accepts.eq(~ended)
            with m.If(ended):
                m.d.sync += image.checks.eq(crc.crc)
                m.next = "CHECKSUM"
            with m.Elif(image.taken):
                m.d.comb += crc.valid.eq(1)
                image.count(m)
                with m.If(index == 0):
                    m.d.sync += image.section.eq(image.byte)
                with m.If(image.last | image.empty):
                    self._refuse(m, image, Status.LENGTH)
                with m.Elif(index == 3):
                    m.d.sync += [words.eq(Cat(image.word[-16:], image.byte)), index.eq(0), image.address.eq(0)]
                    m.next = "MEASURE"
                self._or_again(m, image)
        with m.State("MEASURE"):
            m.next = "WORDS"
            with m.If(words == 0):
                m.next = "SECTION"
            with m.If(~image.known | (words > image.room)):
                m.d.sync += self.status.eq(Status.LENGTH)
                m.next = "SKIP"

    def _words(self, m: Module, image: _Image, crc) -> None:
        """A section's words."""
        index, words = image.index, image.words
        with m.State("WORDS"):
            m.d.comb += image.accepts.eq(1)
            with m.If(image.taken):
                m.d.comb += crc.valid.eq(1)
                image.count(m)
                with m.If(index == image.size):
                    m.d.sync += [index.eq(0), image.write.eq(1), words.eq(words - 1)]
                    with m.If(words == 1):
                        m.next = "SECTION"
                with m.If(image.last | image.empty):
                    self._refuse(m, image, Status.LENGTH)
                self._or_again(m, image)

    def _checksum(self, m: Module, image: _Image) -> None:
        """The checksum at the end; where it is right, the image is there."""
        index, byte, wrong, checks = image.index, image.byte, image.wrong, image.checks
        with m.State("CHECKSUM"):
            m.d.comb += image.accepts.eq(1)
            with m.If(image.taken):
                m.d.sync += [index.eq(index + 1), checks.eq(checks >> 8)]
                with m.If((byte != checks[:8]) & (wrong == Status.NONE)):
                    m.d.sync += wrong.eq(Status.CHECKSUM)
                with m.If(image.last | (index == 3)):
                    with m.If(~(image.last & (index == 3))):
                        self._refuse(m, image, Status.LENGTH)
                    with m.Elif((wrong != Status.NONE) | (byte != checks[:8])):
                        self._refuse(m, image, Status.CHECKSUM)
                    with m.Else():
                        m.d.sync += [self.status.eq(Status.LOADED), self.ready.eq(1)]
                        m.next = "BEGIN"
                self._or_again(m, image)
