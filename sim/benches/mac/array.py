"""cocotb bench of the multi-bit array: programs are loaded and run; every byte written, every logit and every cycle is compared.

Each test wants a fresh simulation: the activation memory is not reset.
"""

import os
import random
from collections import deque

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import Event, FallingEdge, RisingEdge, SimTimeoutError, with_timeout

SEED = int(os.environ.get("POPBEAT_SEED", "1"))
CASES = np.load(os.environ["POPBEAT_BENCH"])
COUNT = int(CASES["count"])
WRITE_LATENCY = 2  # from a row's write to the first read that sees it
PERIOD = 10  # ns
WATCHDOG = 1_000_000  # cycles
FLAGS = [tuple(events >> k & 1 for k in range(7)) for events in range(1 << 7)]  # what a value of the events' tap says
NO_OPERATION = 1 << 14  # more than there are
PLACES = np.arange(1 << 17)
STATUS_CYCLES = 1  # from the edge that takes an image's last byte to the one that says what became of it


class ArrayBench:
    """Drives images and windows, and records what the array does."""

    def __init__(self, dut, rng: random.Random, gap: float):
        self.dut, self.rng, self.gap = dut, rng, gap
        self.writes: list[dict[tuple[int, int], int]] = [{}]
        self.logits: list[dict[int, int]] = [{}]
        self.started = self.cycle = self.takes = 0
        self.cycles: list[int] = []
        self.case, self.writers = None, {}
        self._begin_window()
        self.trusted = True  # the program is a right one
        self.ended = Event()

    async def reset(self):
        for name in ("image__valid", "i__valid"):
            getattr(self.dut, name).value = 0
        self.dut.rst.value = 1
        for _ in range(3):
            await RisingEdge(self.dut.clk)
        self.dut.rst.value = 0
        cocotb.start_soon(self._watch())

    async def _watch(self):
        dut, tap, edge = self.dut, self.dut.tap_events, FallingEdge(self.dut.clk)
        while True:
            await edge
            self.cycle += 1
            events = int(tap.value)
            if not events:
                continue
            start, taken, writes, reads, logit, done, overrun = FLAGS[events]
            self.takes += taken
            assert not (overrun and self.trusted), "a job came before the writer was ready"
            if start:
                self.started = self.cycle
            if writes and self.trusted:
                word = int(dut.tap_write.value)
                row = int(dut.tap_low.value) | int(dut.tap_high.value) << 64
                for k in range(1 + (word >> 17 & 15)):
                    place = word >> 25, ((word & 0x1FFFF) + k) & 0x1FFFF
                    assert place not in self.writes[-1], f"operation {place[0]} writes {place[1]} twice"
                    self.fresh.append((self.cycle, *place))
                    self.writes[-1][place] = row >> 8 * (((word >> 21) + k) % 16) & 0xFF
            if reads and self.case is not None:
                self._read(int(dut.tap_read.value))
            if logit and self.trusted:
                word = int(dut.logit.value)
                channel = (word >> 1) & 0xFF
                assert channel not in self.logits[-1], f"logit {channel} comes twice"
                self.logits[-1][channel] = ((word >> 9) ^ 0x8000) - 0x8000
            if done:
                self.cycles.append(self.cycle - self.started)
                self.writes.append({})
                self.logits.append({})
                self._begin_window()
                self.ended.set()

    def _begin_window(self):
        """Nothing is written: of each address ``awaited`` is the first operation whose write a read does not see yet, ``left`` are
        all of them, where they are no longer those of ``writers``; ``fresh`` are the writes that have not counted yet."""
        self.left: dict[int, list[int]] = {}
        self.fresh: deque[tuple[int, int, int]] = deque()
        self.awaited = np.full(len(PLACES), NO_OPERATION, np.int16)
        for address, operations in self.writers.items():
            self.awaited[address] = min(operations)

    def _see(self):
        """Count the writes that a read in this cycle sees."""
        while self.fresh and self.fresh[0][0] <= self.cycle - WRITE_LATENCY:
            _, operation, address = self.fresh.popleft()
            if operation in self.writers.get(address, ()):
                left = self.left.setdefault(address, list(self.writers[address]))
                left.remove(operation)
                self.awaited[address] = min(left, default=NO_OPERATION)

    def _read(self, word: int):
        """A byte that an operation before writes in this window must have been written, long enough ago for the read to see it."""
        address, low, high, step, used = word & 0x1FFFF, word >> 17 & 15, word >> 21 & 31, 1 + (word >> 26 & 1), word >> 27 & 31
        operation = word >> 32
        self._see()
        places = range(-(-low // step) * step, min(high, used * step), step)
        read = PLACES[places.start : places.stop : step] + address & 0x1FFFF
        for early in read[self.awaited[read] < operation]:
            raise AssertionError(f"operation {operation} reads {early} before operation {self.awaited[early]} has written it")

    def expect(self, number: int):
        """Reads are those of a case from now on: which operations write each address."""
        self.case, self.writers = number, {}
        for operation, address, _ in CASES[f"writes{number}"][0].tolist():
            self.writers.setdefault(address, []).append(operation)
        self._begin_window()

    async def send(self, port: str, values, last: bool = False):
        """Offer the values from now on, and return when the last one is taken. What is offered changes in the middle of a cycle,
        where ``ready``, which no port's ``valid`` changes, already is what the next edge will see."""
        valid, ready, payload = (getattr(self.dut, f"{port}__{n}") for n in ("valid", "ready", "payload"))
        edge, end = FallingEdge(self.dut.clk), len(values) - 1
        for place, value in enumerate(values):
            await edge
            while self.rng.random() < self.gap:
                valid.value = 0
                await edge
            valid.value = 1
            payload.value = int(value) | (int(last and place == end) << 8)
            for _ in range(WATCHDOG):
                if int(ready.value):
                    break
                await edge
            else:
                raise AssertionError(f"{port} takes nothing")
        await RisingEdge(self.dut.clk)
        valid.value = 0

    async def windows(self, count: int):
        while len(self.cycles) < count:
            self.ended.clear()
            try:
                await with_timeout(self.ended.wait(), WATCHDOG * PERIOD, "ns")
            except SimTimeoutError:
                raise AssertionError(f"{len(self.cycles)} of {count} windows came out") from None
            await RisingEdge(self.dut.clk)

    async def taken(self, number: int):
        """Wait until the network of a case is at work."""
        header = tuple(CASES[f"header{number}"].tolist())
        for _ in range(WATCHDOG):
            if self.takes and (int(self.dut.samples.value), int(self.dut.front.value)) == header:
                self.takes -= 1
                return
            await RisingEdge(self.dut.clk)
        raise AssertionError(f"the network of case {number} was not taken over")

    def check_values(self, number: int, window: int):
        """Compare the logits of a window with those of a fresh load of case ``number``."""
        wanted = CASES[f"logits{number}"][0].tolist()
        seen = [self.logits[window].get(c) for c in range(len(wanted))]
        assert seen == wanted, f"case {number}, loaded again: {seen}, expected {wanted}"

    def check(self, number: int, first: int):
        """Compare the windows from ``first`` on with case ``number``."""
        expected = CASES[f"writes{number}"]  # [window, write, (operation, address, data)]
        logits = CASES[f"logits{number}"]
        for window in range(len(logits)):
            want = {(int(o), int(a)): int(d) for o, a, d in expected[window]}
            got = self.writes[first + window]
            wrong = {k: (got.get(k), want.get(k)) for k in want.keys() | got.keys() if got.get(k) != want.get(k)}
            shown = sorted(wrong.items())[:8]
            assert not wrong, f"case {number}, window {window}: {len(wrong)} of {len(want)} writes differ: {shown}"
            seen = [self.logits[first + window].get(c) for c in range(logits.shape[1])]
            assert seen == logits[window].tolist(), f"case {number}, window {window}: {seen}, expected {logits[window].tolist()}"
            cycles = self.cycles[first + window]
            assert cycles == int(CASES[f"cycles{number}"]), f"case {number}: {cycles} cycles, predicted {CASES[f'cycles{number}']}"


async def begin(dut, gap: float) -> ArrayBench:
    """A bench with a running clock, after reset."""
    dut._log.info("seed %d", SEED)
    cocotb.start_soon(Clock(dut.clk, PERIOD, unit="ns").start())
    bench = ArrayBench(dut, random.Random(f"{SEED} {gap}"), gap)
    await bench.reset()
    return bench


async def run(bench: ArrayBench, number: int):
    """Load and run one case."""
    done, bench.case = len(bench.cycles), None
    await bench.send("image", CASES[f"image{number}"], last=True)
    samples = CASES[f"windows{number}"]
    await bench.taken(number)
    bench.expect(number)
    await bench.send("i", (samples.reshape(-1) & 0xFF).tolist())
    await bench.windows(done + len(samples))
    bench.check(number, done)


async def load(bench: ArrayBench, number: int):
    """Send the image of a case, which must be taken."""
    await bench.send("image", CASES[f"image{number}"], last=True)
    for _ in range(STATUS_CYCLES):
        await RisingEdge(bench.dut.clk)
    await FallingEdge(bench.dut.clk)
    assert int(bench.dut.status.value) == 1
    await RisingEdge(bench.dut.clk)


async def window(bench: ArrayBench, number: int):
    """One window of the case at work, in the cycles that are predicted."""
    done = len(bench.cycles)
    await bench.send("i", (CASES[f"windows{number}"][0] & 0xFF).tolist())
    await bench.windows(done + 1)
    assert bench.cycles[done] == int(CASES[f"cycles{number}"])


@cocotb.test()
async def programs(dut):
    """Every case, one after the other, without a pause."""
    bench = await begin(dut, 0)
    for number in range(COUNT):
        await run(bench, number)


@cocotb.test()
async def gaps(dut):
    """Random gaps before bytes and samples; reset in the middle of an image and in mid-window leaves nothing behind."""
    bench = await begin(dut, 0.5)
    await load(bench, 0)
    await bench.taken(0)
    await bench.send("i", [1, 2, 3])
    await bench.send("image", CASES["image1"][:-7])
    dut.rst.value = 1
    await RisingEdge(dut.clk)
    dut.rst.value = 0
    for number in range(min(COUNT, 4)):
        await run(bench, number)


@cocotb.test()
async def loads(dut):
    """Bad images are refused and reported, and the network before stays, where there is room for two; a good one that comes in
    mid-work waits for its end."""
    bench = await begin(dut, 0)
    # Networks from graphs: they read nothing but what they have written.
    one, other = COUNT - 1, COUNT - 2
    await run(bench, one)
    halves, there = bool(CASES["halves"]), 1
    for number in range(int(CASES["faults"])):
        await bench.send("image", CASES[f"fault{number}"], last=True)
        for _ in range(STATUS_CYCLES):
            await RisingEdge(dut.clk)
        await FallingEdge(dut.clk)
        expected = int(CASES[f"status{number}"])
        assert int(dut.status.value) == expected, f"fault {number}: status {int(dut.status.value)}, expected {expected}"
        there &= not CASES[f"ends{number}"]
        assert int(dut.loaded.value) == there, f"fault {number}: loaded {int(dut.loaded.value)}, expected {there}"
        await RisingEdge(dut.clk)
    assert there == halves
    if not halves:
        await load(bench, one)
        await bench.taken(one)
    # The network before is still at work, in cycles as well.
    await window(bench, one)
    await load(bench, other)
    await bench.taken(other)
    done = len(bench.cycles)
    # What comes of a further window is lost with the network that it was for.
    await bench.send("i", (CASES[f"windows{other}"][0] & 0xFF).tolist() + [1, 2, 3])
    await load(bench, one)
    assert not halves or len(bench.cycles) == done, "the window was done before the image had come"
    await bench.windows(done + 1)
    # The window before the load is the old network's; the next one is the new network's.
    assert bench.cycles[done] == int(CASES[f"cycles{other}"])
    await bench.taken(one)
    await window(bench, one)
    bench.check_values(one, len(bench.cycles) - 1)
