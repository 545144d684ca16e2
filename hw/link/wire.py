"""The host link's frames: what a host and a board say to each other over a serial line.

A frame is ``A5``, type, sequence number, length of the payload (a byte each), the payload, CRC-16 (CCITT, from FFFF, over all from
the type on; high byte first). The host sends one frame and waits for its answer; it sends it again, with the same number, where
none comes. A frame with the number of the one before is answered and not carried out again.

| to the board | payload |
|---|---|
| 1 restart | none: forget samples and results, the next frame may have any number |
| 2 samples | raw samples, int16 little-endian, at most 127 |
| 3 image | bytes of a network's image (multi-bit array) |
| 4 image, the end | its last bytes |

| from the board | payload |
|---|---|
| 81 done | status of the array's loader (0 without one); the number is that of the frame |
| 82 refused | 1: wrong CRC, 2: unknown type, 3: cut short |
| 83 result | a result packet: 32-bit words, little-endian: header, then the logits; numbered by itself |

Where a board finds beats in raw recordings, a result has one more word: the number of the R peak's sample modulo 2^16.
"""

import binascii
from collections.abc import Iterator
from dataclasses import dataclass

BAUD = 1_000_000
SYNC = 0xA5
MAX_PAYLOAD = 255
RESTART, SAMPLES, IMAGE, IMAGE_END = 1, 2, 3, 4
DONE, REFUSED, RESULT = 0x81, 0x82, 0x83
WRONG_CRC, UNKNOWN, CUT_SHORT = 1, 2, 3
WHY = {WRONG_CRC: "wrong CRC", UNKNOWN: "unknown type", CUT_SHORT: "cut short"}
MAX_SAMPLES = MAX_PAYLOAD // 2


@dataclass(frozen=True)
class Frame:
    """``kind``, ``number`` and ``payload`` of a frame."""

    kind: int
    number: int
    payload: bytes = b""

    def encode(self) -> bytes:
        """The bytes on the line."""
        body = bytes([self.kind, self.number & 0xFF, len(self.payload)]) + self.payload
        return bytes([SYNC]) + body + binascii.crc_hqx(body, 0xFFFF).to_bytes(2, "big")


class Decoder:
    """Frames out of a stream of bytes; what is no frame, or has a wrong CRC, is passed over and counted in ``broken``."""

    def __init__(self):
        self.held = b""
        self.broken = 0

    def silence(self) -> Iterator[Frame]:
        """Nothing comes for longer than a frame may pause: what is held has a wrong length, or is none. The frames behind it."""
        if self.held:
            self.broken += 1
            self.held = self.held[1:]
        yield from self.feed(b"")

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are whole with these bytes."""
        self.held += data
        while True:
            start = self.held.find(SYNC)
            self.held = self.held[start:] if start >= 0 else b""
            if len(self.held) < 4 or len(self.held) < 6 + self.held[3]:
                return
            body, crc = self.held[1 : 4 + self.held[3]], self.held[4 + self.held[3] : 6 + self.held[3]]
            if binascii.crc_hqx(body, 0xFFFF) != int.from_bytes(crc, "big"):
                self.broken += 1
                self.held = self.held[1:]
                continue
            self.held = self.held[6 + self.held[3] :]
            yield Frame(body[0], body[1], body[3:])
