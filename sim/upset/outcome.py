"""What an upset did, judged by the packets that came out beside those that should have."""

from dataclasses import dataclass

from sw.errors import PopbeatError

EFFECTS = ("none", "logits", "class", "windows", "stands still")
RECOVERIES = ("by itself", "reset", "never")
# Windows at the end of a run that must be right where a top has recovered by itself.
TAIL = 3
NUMBER, CLASS = 0xFFFF, 16


@dataclass(frozen=True)
class Packet:
    """A result: its header, its logits (unsigned words), the cycle of its header."""

    words: tuple[int, ...]
    cycle: int

    @property
    def number(self) -> int:
        return self.words[0] & NUMBER


@dataclass(frozen=True)
class Outcome:
    """``effect``: none; other logits but the same classes; another class, a *no call* or a flag of the header; windows lost,
    doubled, misnumbered or cut; or no result any more. ``wrong``: windows from the first to the last one whose packet is not
    what it should be. ``late``: nothing is wrong but the cycles. ``recovery``: the last :data:`TAIL` windows are right, or those
    after a reset (an array is loaded again then), or not even those; empty where nothing was wrong."""

    effect: str
    wrong: int
    late: bool
    recovery: str


def packets(text: str) -> list[Packet]:
    """The packets of a list of ``word:cycle:last``; words behind the last TLAST are one, too."""
    out, words, first = [], [], 0
    for item in text.split():
        word, cycle, last = map(int, item.split(":"))
        first = first if words else cycle
        words.append(word)
        if last:
            out.append(Packet(tuple(words), first))
            words = []
    return out + ([Packet(tuple(words), first)] if words else [])


def judge(line: str, wanted: list[Packet], again: list[Packet]) -> Outcome:
    """The outcome of a line of ``upset.cpp``, where ``wanted`` should have come, and ``again`` after the reset."""
    if not line.strip():
        raise PopbeatError("the simulation of an upset stopped: upset.cpp says nothing of it")
    head, before, after = line.split("|")
    stuck = bool(int(head.split()[1]))
    came = packets(before)
    right = [packet.words for packet in wanted]
    if not stuck and [packet.words for packet in came] == right:
        return Outcome("none", 0, [p.cycle for p in came] != [p.cycle for p in wanted], "")
    seen = {packet.words for packet in came}
    places = [i for i, words in enumerate(right) if words not in seen]
    # Packets that nobody asked for spoil the window behind the last right one.
    wrong = places[-1] - places[0] + 1 if places else 1
    tail = [packet.words for packet in came[-TAIL:]] == right[-TAIL:]
    if tail and not stuck:
        recovery = RECOVERIES[0]
    else:
        recovery = RECOVERIES[1] if [p.words for p in packets(after)] == [p.words for p in again] else RECOVERIES[2]
    return Outcome(_effect(came, wanted, stuck), wrong, False, recovery)


def _effect(came: list[Packet], wanted: list[Packet], stuck: bool) -> str:
    shapes = [(p.number, len(p.words)) for p in came] == [(p.number, len(p.words)) for p in wanted]
    if shapes and not stuck:
        same = all(a.words[0] == b.words[0] for a, b in zip(came, wanted, strict=True))
        return EFFECTS[1] if same else EFFECTS[2]
    # Nothing of the last windows, whatever their numbers: the stream has ended.
    silent = len(came) <= len(wanted) - TAIL
    return EFFECTS[4] if stuck or silent else EFFECTS[3]
