"""Constants in memory that tell when a bit of them has changed: a parity bit beside each word, checked whenever one is read."""

from amaranth.hdl import Cat, Const, Module, Signal, Value, unsigned
from amaranth.lib import data
from amaranth.lib.memory import Memory, ReadPort

GROUP = 64  # bits of a word whose parity is taken in one cycle
ARMED = 4  # cycles after a reset before anything counts: until then a word may be what stood in registers without one


def stored(words: list[int], width: int, checked: bool = True) -> tuple[list[int], int]:
    """Words of ``width`` bits as they are stored, and their width; ``checked``: with one more bit on top, so that each has an even
    number of ones."""
    return ([word | (word.bit_count() & 1) << width for word in words], width + 1) if checked else (words, width)


def table(m: Module, name: str, layout: data.Layout, rows: list, checked: bool) -> tuple[ReadPort, data.View, Value]:
    """A memory ``name`` of constant ``rows`` of ``layout``: its read port, whose address is the caller's in every cycle; the row
    that was read; and what tells, until reset, of a row whose parity was wrong (0 where not ``checked``). Behind the last row
    words of right parity follow, to the next power of two."""
    if not checked:
        m.submodules[name] = memory = Memory(shape=layout, depth=len(rows), init=rows)
        read = memory.read_port(domain="sync")
        return read, read.data, Const(0)
    words, width = stored([layout.const(row).as_value().value for row in rows], layout.size)
    depth = 1 << (len(rows) - 1).bit_length()
    m.submodules[name] = memory = Memory(shape=unsigned(width), depth=depth, init=words)
    read = memory.read_port(domain="sync")
    return read, data.View(layout, read.data[: layout.size]), damage(m, read.data, name)


def damage(m: Module, word: Value, name: str) -> Signal:
    """High, until reset, from three cycles after ``word`` had an odd number of ones. ``word`` is read anew in every cycle."""
    sums = _sums(word, GROUP)
    armed, odd, found = Signal(ARMED, name=f"{name}_armed"), Signal(len(sums), name=f"{name}_odd"), Signal(name=f"{name}_damaged")
    m.d.sync += [
        armed.eq(Cat(1, armed)),
        odd.eq(sums),
        found.eq(found | (armed[-1] & odd.xor())),
    ]
    return found


def changed(m: Module, word: Value, name: str, group: int = GROUP) -> Value:
    """High a cycle after ``word`` had an odd number of ones. ``group``: bits that are added up before the register."""
    sums = _sums(word, group)
    odd = Signal(len(sums), name=f"{name}_odd")
    m.d.sync += odd.eq(sums)
    return odd.xor()


def _sums(word: Value, group: int) -> Value:
    """The parity of each ``group`` bits of a word."""
    return Cat(word[at : at + group].xor() for at in range(0, len(word), group))
