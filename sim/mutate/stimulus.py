"""What goes through a top that is judged, and what must come back: segments, each from a reset on, as ``judge.cpp`` reads them."""

import struct
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag

import numpy as np


class Flag(IntFlag):
    """How a segment runs: ``STEADY``, a sample that is not taken in its cycle is a fault; ``NOISE`` on bits that mean nothing."""

    STEADY = 2
    NOISE = 4


class Kind(IntEnum):
    """What a number of cycles is of, for the packet ``index``: its header's offer since the first normalised sample of all; its
    header since the one before; since its own first normalised sample; since its last raw sample."""

    OFFERED = 0
    INTERVAL = 1
    LATENCY = 2
    LIVE = 3


BEAT = np.dtype([("data", "<u8"), ("last", "<u4"), ("packets", "<u4"), ("loaded", "<u4"), ("opens", "<u4")])
BYTE = np.dtype([("data", "<u4"), ("last", "<u4"), ("taken", "<u4"), ("packets", "<u4")])
TOLD = np.dtype([("after", "<u4"), ("patience", "<u4"), ("status", "<u4"), ("loaded", "<u4"), ("waiting", "<u4")])
WORD = np.dtype([("word", "<u4"), ("last", "<u4")])
EXACT = np.dtype([("kind", "<u4"), ("index", "<u4"), ("value", "<u8")])


@dataclass
class Segment:
    """A stretch of work from a reset on.

    ``name``; ``flags``; how often (of 256) a sample is not offered (``gap``), a result not taken (``stall``), a byte of a network
    not offered (``bytes_gap``); ``seed`` of that; ``blocked``: cycles in which no result is taken; ``stop``: cycles after which it
    ends in mid-work (0: when all is there, and nothing more comes for ``drain`` cycles); ``patience``: cycles without progress
    that are too many; ``frame``: normalised beats a window. ``beats`` (:data:`BEAT`) for ``s_axis``: ``packets`` and ``loaded`` say
    how many results must have left, and bytes of a network been taken, before; ``opens``: the first of a window. ``bytes``
    (:data:`BYTE`) for ``c_axis``. ``told`` (:data:`TOLD`): status, loaded and waiting so many cycles after so many bytes. Expected:
    ``words`` (:data:`WORD`), ``taps``, each's values as bytes, in the order of the bed's taps; ``exact`` (:data:`EXACT`).
    """

    name: str
    flags: int = 0
    gap: int = 0
    stall: int = 0
    seed: int = 1
    blocked: int = 0
    stop: int = 0
    drain: int = 200
    patience: int = 20_000
    frame: int = 0
    bytes_gap: int = 0
    beats: np.ndarray = field(default_factory=lambda: np.zeros(0, BEAT))
    bytes: np.ndarray = field(default_factory=lambda: np.zeros(0, BYTE))
    told: np.ndarray = field(default_factory=lambda: np.zeros(0, TOLD))
    words: np.ndarray = field(default_factory=lambda: np.zeros(0, WORD))
    taps: list[bytes] = field(default_factory=list)
    exact: list[tuple[Kind, int, int]] = field(default_factory=list)

    def encoded(self) -> bytes:
        """As ``judge.cpp`` reads it."""
        fields = (self.flags, self.gap, self.stall, self.seed, self.blocked, self.stop, self.drain, self.patience, self.frame)
        out = [struct.pack("<10I", *fields, self.bytes_gap)]
        out += [_several(self.beats), _several(self.bytes), _several(self.told), _several(self.words)]
        out += [struct.pack("<I", len(tap)) + tap for tap in self.taps]
        return b"".join([*out, _several(np.array(self.exact, EXACT))])


def _several(values: np.ndarray) -> bytes:
    return struct.pack("<I", len(values)) + values.tobytes()


def encoded(segments: list[Segment]) -> bytes:
    """A whole stimulus."""
    return struct.pack("<I", len(segments)) + b"".join(segment.encoded() for segment in segments)


def beats(frames: list[np.ndarray], at_once: int = 1, alone: bool = False, tlast: bool = True) -> np.ndarray:
    """Frames of int16 samples as beats of ``at_once``; ``alone``: each waits until the results of those before have left;
    ``tlast``: TLAST with each one's last beat."""
    out = []
    for number, frame in enumerate(frames):
        lanes = np.asarray(frame).astype(np.int16).astype(np.uint16).astype(np.uint64).reshape(-1, at_once)
        made = np.zeros(len(lanes), BEAT)
        made["data"] = (lanes << (16 * np.arange(at_once, dtype=np.uint64))).sum(axis=1, dtype=np.uint64)
        made["last"][-1], made["opens"][0] = tlast, 1
        made["packets"] = number if alone else 0
        out.append(made)
    return np.concatenate(out)


def tap(values: np.ndarray, bits: int) -> bytes:
    """Integers as a tap of ``bits`` bits shows them: ceil(bits / 8) bytes each, least significant first."""
    size, values = -(-bits // 8), np.asarray(values, np.int64).reshape(-1, 1) & ((1 << bits) - 1)
    return (values >> (8 * np.arange(size)) & 0xFF).astype(np.uint8).tobytes()
