"""Valid inputs, broken: bits, bytes, lengths, pieces, and numbers in text that a reader may believe."""

import re
from random import Random

NUMBERS = (
    b"0",
    b"-1",
    b"1e400",
    b"nan",
    b"99999999999999999999",
    b"2147483648",
    b"-2147483649",
    b"0.0000001",
    b"1/0",
    b"0x10",
    b"",
)
WORDS = (b"\x00", b"\xff\xff\xff\xff", b"\n", b"../", b"/dev/null", b"%s%n", b"\xc3\xa9", b"{", b"]", b'"', b"#", b"~", b" " * 50)
MOST = 4  # changes to one input


def broken(data: bytes, random: Random) -> bytes:
    """``data`` after one to four changes."""
    for _ in range(random.randint(1, MOST)):
        data = random.choice(CHANGES)(data, random)
    return data


def _flip(data: bytes, random: Random) -> bytes:
    if not data:
        return data
    place = random.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << random.randrange(8)]) + data[place + 1 :]


def _cut(data: bytes, random: Random) -> bytes:
    return data[: random.randint(0, len(data))]


def _drop(data: bytes, random: Random) -> bytes:
    start = random.randint(0, len(data))
    return data[:start] + data[start + random.randint(1, 64) :]


def _repeat(data: bytes, random: Random) -> bytes:
    start = random.randint(0, len(data))
    return data[:start] + data[start : start + random.randint(1, 64)] * random.randint(1, 8) + data[start:]


def _insert(data: bytes, random: Random) -> bytes:
    place = random.randint(0, len(data))
    return data[:place] + random.choice((*WORDS, random.randbytes(8))) + data[place:]


def _splice(data: bytes, random: Random) -> bytes:
    """A piece of it over another place."""
    start, place, size = random.randint(0, len(data)), random.randint(0, len(data)), random.randint(1, 64)
    piece = data[start : start + size]
    return data[:place] + piece + data[place + len(piece) :]


def _number(data: bytes, random: Random) -> bytes:
    """Another number where one stands in text."""
    found = list(re.finditer(rb"\d+(\.\d+)?", data[:4096]))
    if not found:
        return data
    chosen = random.choice(found)
    return data[: chosen.start()] + random.choice(NUMBERS) + data[chosen.end() :]


CHANGES = (_flip, _cut, _drop, _repeat, _insert, _splice, _number, _number)
