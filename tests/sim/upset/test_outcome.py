"""What an upset did is told from the packets that came and those that should have."""

import pytest

from sim.upset.outcome import Outcome, Packet, judge, packets
from sw.errors import PopbeatError

WANTED = [Packet((number | 2 << 16, 10 + number, 20), 100 * number) for number in range(8)]
AGAIN = [Packet((0, 7, 7), 50)]


def line(came: list[Packet], stuck: bool = False, after: list[Packet] = AGAIN) -> str:
    def listed(some: list[Packet]) -> str:
        return "".join(f" {word}:{one.cycle}:{int(n == len(one.words) - 1)}" for one in some for n, word in enumerate(one.words))

    return f"{len(came)} {int(stuck)} |{listed(came)} |{listed(after)}"


def changed(place: int, *words: int) -> list[Packet]:
    return [*WANTED[:place], Packet(words, WANTED[place].cycle), *WANTED[place + 1 :]]


def misnumbered(start: int) -> list[Packet]:
    return [Packet((p.words[0] + (i >= start), *p.words[1:]), p.cycle) for i, p in enumerate(WANTED)]


LATE = [Packet(p.words, p.cycle + 1) for p in WANTED]
CASES = {
    "nothing": (line(WANTED), Outcome("none", 0, False, "")),
    "only later": (line(LATE), Outcome("none", 0, True, "")),
    "another logit": (line(changed(3, 3 | 2 << 16, 13, 21)), Outcome("logits", 1, False, "by itself", silent=1)),
    "another class": (line(changed(3, 3 | 1 << 16, 13, 99)), Outcome("class", 1, False, "by itself", silent=1)),
    "a no call": (line(changed(3, 3 | 2 << 16 | 1 << 24, 13, 20)), Outcome("class", 1, False, "by itself", silent=1)),
    "a lost window": (line(WANTED[:2] + WANTED[3:]), Outcome("windows", 1, False, "by itself")),
    "a doubled window": (line(WANTED[:3] + WANTED[2:]), Outcome("windows", 1, False, "by itself")),
    "misnumbered for good": (line(misnumbered(2)), Outcome("windows", 6, False, "reset", silent=6)),
    "misnumbered, even after a reset": (line(misnumbered(2), after=WANTED[:1]), Outcome("windows", 6, False, "never", silent=6)),
    "a short packet": (line(changed(3, 3 | 2 << 16, 13)), Outcome("windows", 1, False, "by itself", silent=1)),
    "no more results": (line(WANTED[:4]), Outcome("stands still", 4, False, "reset")),
    "no more samples": (line(WANTED, stuck=True), Outcome("stands still", 1, False, "reset")),
    "wrong to the end": (line([*WANTED[:7], Packet((7 | 2 << 16, 0, 0), 700)]), Outcome("logits", 1, False, "reset", silent=1)),
}


@pytest.mark.parametrize("name", CASES)
def test_each_outcome(name):
    text, wanted = CASES[name]
    assert judge(text, WANTED, AGAIN) == wanted


MARK = 1 << 26
OTHER = (3 | 2 << 16, 13, 21)


def marked(packets: list[Packet]) -> list[Packet]:
    return [Packet((p.words[0] | MARK, *p.words[1:]), p.cycle) for p in packets]


MARKED = {
    "told, and nothing wrong": (WANTED[:3] + marked(WANTED[3:]), Outcome("none", 0, False, "", told=True)),
    "told with what is wrong": (WANTED[:3] + marked(changed(3, *OTHER)[3:]), Outcome("logits", 1, False, "by itself", told=True)),
    "told too late": (changed(3, *OTHER)[:4] + marked(WANTED[4:]), Outcome("logits", 1, False, "by itself", told=True, silent=1)),
    "a fault, which is no silence": (changed(3, 3 | 255 << 16 | 3 << 24), Outcome("windows", 1, False, "by itself")),
}


@pytest.mark.parametrize("name", MARKED)
def test_what_headers_tell_of_constants(name):
    came, wanted = MARKED[name]
    assert judge(line(came), WANTED, AGAIN, marks=True) == wanted
    assert judge(line(came), WANTED, AGAIN).told is False


def test_a_packet_without_an_end_is_one():
    assert packets("1:5:0 2:6:1 3:9:0") == [Packet((1, 2), 5), Packet((3,), 9)]


def test_a_simulation_that_stopped_is_no_outcome():
    with pytest.raises(PopbeatError, match="stopped"):
        judge("\n", WANTED, AGAIN)
