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


def test_a_port_that_is_not_there():
    with pytest.raises(PopbeatError, match="PORT=/dev/ttyUSB0 names another one"):
        host.SerialLine("/dev/no-such-port")
