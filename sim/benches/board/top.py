"""cocotb: a board's top through its serial line, driven by the host program itself."""

import os
from itertools import groupby

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.queue import Queue
from cocotb.task import bridge, resume
from cocotb.triggers import FallingEdge, RisingEdge, Timer, with_timeout

from hw.board.host import Host
from hw.board.replay import beats_of
from hw.link import wire as link
from sw.errors import PopbeatError

PERIOD = 10
DATA = np.load(os.environ["POPBEAT_BENCH"])
DIVISOR = int(DATA["divisor"])
BIT = DIVISOR * PERIOD
LATE = range(0, 160, 3)  # bits between the last sample and a restart


class Wires:
    """The board's serial line, as the host program wants one. ``break_at``: numbers of bytes whose bits go wrong on the way."""

    def __init__(self, dut):
        self.dut, self.received = dut, Queue()
        self.sent, self.break_at = 0, set()
        dut.rx.value = 1
        cocotb.start_soon(Clock(dut.clock, PERIOD, "ns").start())
        cocotb.start_soon(self._listen())

    async def _listen(self):
        while True:
            await FallingEdge(self.dut.tx)
            await Timer(BIT + BIT // 2, "ns")
            value = 0
            for bit in range(8):
                value |= int(self.dut.tx.value) << bit
                await Timer(BIT, "ns")
            assert int(self.dut.tx.value) == 1, "a byte without a stop bit"
            self.received.put_nowait(value)

    async def _write(self, data: bytes):
        if not self.sent:
            await Timer(100 * PERIOD, "ns")  # the board starts
        for value in data:
            if self.sent in self.break_at:
                value ^= 0x10
            self.sent += 1
            for bit, same in groupby((0, *((value >> k) & 1 for k in range(8)), 1)):
                self.dut.rx.value = bit
                await Timer(BIT * len(list(same)), "ns")

    async def _read(self) -> bytes:
        try:
            return bytes([await with_timeout(self.received.get(), 3000 * BIT, "ns")])
        except cocotb.triggers.SimTimeoutError:
            return b""

    @property
    def line(self):
        """Blocking calls for the host program, which runs in a thread of its own."""
        wires = self

        class Line:
            write = staticmethod(resume(wires._write))
            read = staticmethod(resume(wires._read))

        return Line()


@bridge
def replay(line, image: bytes) -> list:
    """The host program: restart, load, classify every window."""
    host = Host(line)
    host.restart()
    if image:
        host.load(image)
    return [host.classify(window) for window in DATA["samples"]], host.decoder.broken


@cocotb.test()
async def windows_over_the_line(dut):
    """Every window's class, number and logits are the integer model's."""
    results, broken = await replay(Wires(dut).line, DATA["image"].tobytes())
    assert broken == 0
    for number, result in enumerate(results):
        assert (result.number, result.label) == (number, int(DATA["label"][number])), f"window {number}: {result}"
        assert np.array_equal(result.logits, DATA["logits"][number]), (
            f"window {number}: expected {DATA['logits'][number]}, {result}"
        )
    await RisingEdge(dut.clock)
    assert int(dut.abnormal.value) == (int(DATA["label"][-1]) not in (0, 255))


@cocotb.test()
async def broken_frames_are_refused_and_sent_again(dut):
    """Bytes that go wrong on the line: in the sync byte, the number, the length, the payload, the CRC. The result is the same."""
    wires = Wires(dut)
    windows = DATA["samples"][:3]
    assert windows.shape[1] <= link.MAX_SAMPLES, "a window is one frame here"
    size = 2 * windows.shape[1] + 6
    # Behind the restart's six bytes: two broken tries for the first window, two for the second, one for the third.
    wires.break_at = {6, 6 + size + 2, 6 + 3 * size + 3, 6 + 4 * size + 50, 6 + 6 * size + size - 1}

    @bridge
    def talk():
        host = Host(wires.line)
        host.restart()
        return [host.classify(window) for window in windows]

    results = await talk()
    assert wires.sent == 6 + 8 * size, f"{wires.sent} bytes were sent, not those of eight frames"
    for number, result in enumerate(results):
        assert (result.number, result.label) == (number, int(DATA["label"][number]))
        assert np.array_equal(result.logits, DATA["logits"][number])


@cocotb.test()
async def unknown_types_and_restarts(dut):
    """A frame of an unknown type is refused by name; a restart forgets samples of a window that was begun."""
    wires = Wires(dut)

    @bridge
    def talk():
        host = Host(wires.line)
        host.restart()
        host.send(link.SAMPLES, DATA["samples"][1][:50].astype("<i2").tobytes())
        try:
            host.send(9)
        except PopbeatError as error:
            assert "unknown type" in str(error), error
        else:
            raise AssertionError("a frame of type 9 was taken")
        host.restart()
        return host.classify(DATA["samples"][0])

    result = await talk()
    assert np.array_equal(result.logits, DATA["logits"][0])


@cocotb.test()
async def restarts_while_a_result_leaves(dut):
    """A restart comes before, at each bit of, and behind a result's frame: the frame comes whole or not at all."""
    wires, decoder = Wires(dut), link.Decoder()
    window = DATA["samples"][0].astype("<i2").tobytes()

    async def heard() -> list[link.Frame]:
        frames = []
        while byte := await wires._read():
            frames += decoder.feed(byte)
        return frames

    results, lengths = 0, set()
    for late in LATE:
        # The last sample alone: its frame is carried out before the restart's first byte is there.
        await wires._write(link.Frame(link.SAMPLES, 1, window[:-2]).encode())
        assert [frame.kind for frame in await heard()] == [link.DONE]
        await wires._write(link.Frame(link.SAMPLES, 2, window[-2:]).encode())
        await Timer(1 + late * BIT, "ns")
        await wires._write(link.Frame(link.RESTART, 3).encode())
        frames = await heard()
        answers = [(frame.kind, frame.number) for frame in frames if frame.kind != link.RESULT]
        assert answers == [(link.DONE, 2), (link.DONE, 3)], f"{late} bits: {answers}"
        for frame in (frame for frame in frames if frame.kind == link.RESULT):
            logits = np.frombuffer(frame.payload, "<i4")[1:]
            assert np.array_equal(logits, DATA["logits"][0]), f"{late} bits: {len(frame.payload)} bytes, {logits}"
            results += 1
            lengths.add(len(frame.payload))
    assert decoder.broken == 0 and len(lengths) == 1
    assert 0 < results < len(LATE), f"{results} results: restarts came before all of them, or behind"


@cocotb.test()
async def beats_over_the_line(dut):
    """A lead goes in twice, with a restart between: each time every beat's place, class and logits are the integer chain's."""
    host = Host(Wires(dut).line, placed=True)

    @bridge
    def talk():
        host.restart()
        return beats_of(host, DATA["signal"])

    for again in range(2):
        made = await talk()
        for name in ("position", "label", "logits"):
            assert np.array_equal(getattr(made, name), DATA[name]), (
                f"{name}, time {again}: expected {DATA[name]}, {getattr(made, name)}"
            )
