"""What an upset did, judged by the packets that came out beside those that should have."""

from dataclasses import dataclass

from hw.stream.result import DAMAGED, Header
from sw.errors import PopbeatError

EFFECTS = ("none", "logits", "class", "windows", "stands still")
RECOVERIES = ("by itself", "reset", "never")
# Windows at the end of a run that must be right where a top has recovered by itself.
TAIL = 3
NUMBER, CLASS = 0xFFFF, 16


@dataclass(frozen=True)
class Packet:
    """A result: its header, its logits (unsigned words), the cycle of its header; ``damaged``: its header says that a constant has
    changed, which is not in ``words``."""

    words: tuple[int, ...]
    cycle: int
    damaged: bool = False

    @property
    def number(self) -> int:
        return self.words[0] & NUMBER

    @property
    def fault(self) -> int:
        return self.words[0] >> Header["fault"].offset & 1


@dataclass(frozen=True)
class Outcome:
    """``effect``: none; other logits but the same classes; another class, a *no call* or a flag of the header; windows lost,
    doubled, misnumbered or cut; or no result any more. ``wrong``: windows from the first to the last one whose packet is not
    what it should be. ``late``: nothing is wrong but the cycles. ``recovery``: the last :data:`TAIL` windows are right, or those
    after a reset (an array is loaded again then), or not even those; empty where nothing was wrong. ``told``: some result says that
    a constant has changed; ``silent``: wrong results that say neither this nor *fault*."""

    effect: str
    wrong: int
    late: bool
    recovery: str
    told: bool = False
    silent: int = 0


NONE = Outcome("none", 0, False, "")


def packets(text: str, marks: bool = False) -> list[Packet]:
    """The packets of a list of ``word:cycle:last``; words behind the last TLAST are one, too. ``marks``: headers tell of damaged
    constants."""
    out, words, first = [], [], 0
    for item in text.split():
        word, cycle, last = map(int, item.split(":"))
        first = first if words else cycle
        words.append(word)
        if last:
            out.append(_packet(words, first, marks))
            words = []
    return out + ([_packet(words, first, marks)] if words else [])


def _packet(words: list[int], cycle: int, marks: bool) -> Packet:
    damaged = marks and bool(words[0] >> DAMAGED & 1)
    return Packet((words[0] - (damaged << DAMAGED), *words[1:]), cycle, damaged)


def judge(line: str, wanted: list[Packet], again: list[Packet], marks: bool = False) -> Outcome:
    """The outcome of a line of ``upset.cpp``, where ``wanted`` should have come, and ``again`` after the reset; ``marks``: as of
    :func:`packets`."""
    if not line.strip():
        raise PopbeatError("the simulation of an upset stopped: upset.cpp says nothing of it")
    head, before, after = line.split("|")
    stuck = bool(int(head.split()[1]))
    came = packets(before, marks)
    right, told = [packet.words for packet in wanted], any(packet.damaged for packet in came)
    if not stuck and [packet.words for packet in came] == right:
        return Outcome("none", 0, [p.cycle for p in came] != [p.cycle for p in wanted], "", told)
    seen = {packet.words for packet in came}
    places = [i for i, words in enumerate(right) if words not in seen]
    # Packets that nobody asked for spoil the window behind the last right one.
    wrong = places[-1] - places[0] + 1 if places else 1
    tail = [packet.words for packet in came[-TAIL:]] == right[-TAIL:]
    if tail and not stuck:
        recovery = RECOVERIES[0]
    else:
        recovery = RECOVERIES[1] if [p.words for p in packets(after, marks)] == [p.words for p in again] else RECOVERIES[2]
    silent = sum(not packet.damaged and not packet.fault and packet.words not in right for packet in came)
    return Outcome(_effect(came, wanted, stuck), wrong, False, recovery, told, silent)


def _effect(came: list[Packet], wanted: list[Packet], stuck: bool) -> str:
    shapes = [(p.number, len(p.words)) for p in came] == [(p.number, len(p.words)) for p in wanted]
    if shapes and not stuck:
        same = all(a.words[0] == b.words[0] for a, b in zip(came, wanted, strict=True))
        return EFFECTS[1] if same else EFFECTS[2]
    # Nothing of the last windows, whatever their numbers: the stream has ended.
    silent = len(came) <= len(wanted) - TAIL
    return EFFECTS[4] if stuck or silent else EFFECTS[3]
