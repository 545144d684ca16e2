"""A register that one flipped bit does not get through: three copies, of which two prevail."""

from amaranth.hdl import Module, Mux, Signal, Value


class Voted:
    """Three copies of a register of ``shape``; ``value`` is what two of them say, bit by bit. A copy that differs is put right a
    cycle later.

    Each copy mends itself by a formula of its own: were all three given the same word in each cycle, synthesis would see one
    register in them. ``keep`` says the same to tools that look deeper.
    """

    def __init__(self, shape, name: str, init: int = 0):
        self.copies = [Signal(shape, name=f"{name}_{k}", init=init, attrs={"keep": 1}) for k in range(3)]
        self.value = Signal(shape, name=name)

    def vote(self) -> Value:
        """What two of the copies are."""
        a, b, c = self.copies
        return (a & b) | (a & c) | (b & c)

    def words(self, word: Value, when: Value) -> list[Value]:
        """What the copies are in the next cycle: ``word`` where ``when`` is high, else what two of them are now."""
        a, b, c = self.copies
        turns = (a, b, c), (b, c, a), (c, a, b)
        return [Mux(when, word, own ^ ((own ^ one) & (own ^ other))) for own, one, other in turns]

    def drive(self, m: Module, word: Value, when: Value) -> None:
        """Take ``word`` at the end of the cycles in which ``when`` is high."""
        m.d.comb += self.value.eq(self.vote())
        m.d.sync += [copy.eq(then) for copy, then in zip(self.copies, self.words(word, when), strict=True)]
