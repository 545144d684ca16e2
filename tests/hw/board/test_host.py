"""The host's program on lines where nobody answers, or no."""

import pytest

from hw.board import host
from hw.link import wire as link
from sw.errors import PopbeatError


class Silent:
    """A line that nobody answers on, or somebody who refuses everything."""

    def __init__(self, answer: bytes = b""):
        self.answer, self.waiting = answer, b""

    def write(self, data: bytes) -> None:
        self.waiting = self.answer

    def read(self) -> bytes:
        data, self.waiting = self.waiting, b""
        return data


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (Silent(), "no answer"),
        (Silent(link.Frame(link.REFUSED, 1, bytes([link.WRONG_CRC])).encode()), "wrong CRC"),
        (Silent(b"\xa5noise"), "no answer"),
    ],
)
def test_a_board_that_does_not_answer(line, message):
    with pytest.raises(PopbeatError, match=message):
        host.Host(line).restart()


@pytest.mark.parametrize("bit", range(56))
def test_one_flipped_bit_of_an_answer(bit):
    """The first answer comes with a flipped bit, in its length, too; the frame is sent again, and that is enough."""

    class Flips(Silent):
        def write(self, data: bytes) -> None:
            right = link.Frame(link.DONE, data[2], bytes([7])).encode()
            wrong = (int.from_bytes(right, "big") ^ 1 << bit).to_bytes(len(right), "big")
            self.sent = getattr(self, "sent", 0) + 1
            self.waiting = wrong if self.sent == 1 else right

    line = Flips()
    board = host.Host(line)
    board.restart()
    assert board.status == 7 and line.sent == 2


def test_an_answer_behind_a_stray_byte():
    answer = link.Frame(link.DONE, 1, bytes([7])).encode()
    board = host.Host(Silent(b"\xa5" + answer))
    board.restart()
    assert board.status == 7


def test_a_result_without_its_words_is_none():
    answers = link.Frame(link.RESULT, 0, b"").encode() + link.Frame(link.DONE, 1, b"\0").encode()
    board = host.Host(Silent(answers))
    board.restart()
    assert board.results == [] and board.decoder.broken == 1


def test_a_port_that_is_not_there():
    with pytest.raises(PopbeatError, match="PORT=/dev/ttyUSB0 names another one"):
        host.SerialLine("/dev/no-such-port")
