"""Constants in memory that tell when a bit of them has changed: a parity bit beside each word, checked whenever one is read."""

from amaranth.hdl import Cat, Module, Signal, Value

GROUP = 64  # bits of a word whose parity is taken in one cycle
ARMED = 4  # cycles after a reset before anything counts: until then a word may be what stood in registers without one


def stored(words: list[int], width: int, checked: bool = True) -> tuple[list[int], int]:
    """Words of ``width`` bits as they are stored, and their width; ``checked``: with one more bit on top, so that each has an even
    number of ones."""
    return ([word | (word.bit_count() & 1) << width for word in words], width + 1) if checked else (words, width)


def damage(m: Module, word: Value, name: str) -> Signal:
    """High, until reset, from three cycles after ``word`` had an odd number of ones. ``word`` is read anew in every cycle."""
    parts = [word[at : at + GROUP] for at in range(0, len(word), GROUP)]
    armed, odd, found = Signal(ARMED, name=f"{name}_armed"), Signal(len(parts), name=f"{name}_odd"), Signal(name=f"{name}_damaged")
    m.d.sync += [
        armed.eq(Cat(1, armed)),
        odd.eq(Cat(part.xor() for part in parts)),
        found.eq(found | (armed[-1] & odd.xor())),
    ]
    return found
