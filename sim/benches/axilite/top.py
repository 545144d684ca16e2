"""cocotb tests of a classifier behind AXI4-Lite registers; cocotbext-axi is the master of the bus and the source of samples.

The file that ``POPBEAT_BENCH`` names (npz) holds raw windows, what the integer model says of them, the network's image, and the
identity that the registers have to show.
"""

import logging
import random

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiStreamBus, AxiStreamFrame, AxiStreamSource

from hw.axilite.registers import ADDRESS, ADDRESS_BITS, MAGIC, MAP, OKAY, PREFIX, SLVERR, Array, Control, Status
from sim.benches.axilite.monitor import Monitor
from sim.benches.top import DATA, PERIOD, SEED, expected

CHANNELS = ("aw", "w", "b", "ar", "r")
QUEUE = 0 if DATA is None else int(DATA["depth"])
WORDS = 0 if DATA is None else 1 + DATA["logits"].shape[1]
RESTART, INTERRUPT = (Control.const({name: 1}).as_bits() for name in ("restart", "interrupt"))


class Host:
    """The bus, the samples' source and, where networks are loaded, the image's; ``pause``: share of cycles in which each rests."""

    def __init__(self, dut, name: str, pause: float = 0):
        self.dut, self.rng = dut, random.Random(f"{name} {SEED}")
        dut._log.info("%s: seed %d", name, SEED)
        cocotb.start_soon(Clock(dut.clk, PERIOD, unit="ns").start())
        dut.rst.value = 1  # before the drivers look at it
        self.bus = AxiLiteMaster(AxiLiteBus.from_prefix(dut, PREFIX), dut.clk, dut.rst)
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), dut.clk, dut.rst)
        halves = (self.bus.write_if, self.bus.read_if)
        ends = [getattr(half, f"{c}_channel") for half in halves for c in CHANNELS if hasattr(half, f"{c}_channel")]
        assert len(ends) == len(CHANNELS)
        self.image = DATA["image"].tobytes()
        if self.image:
            self.loader = AxiStreamSource(AxiStreamBus.from_prefix(dut, "c_axis"), dut.clk, dut.rst)
            ends.append(self.loader)
        for end in (self.source, *ends, *halves):
            end.log.setLevel(logging.WARNING)  # they print every transfer
        for end in (self.source, *ends) if pause else ():
            end.set_pause_generator(iter(lambda: self.rng.random() < pause, None))
        self.monitor = Monitor(dut, PREFIX)
        self.samples = 0
        cocotb.start_soon(self.monitor.run())
        cocotb.start_soon(self._count())

    async def _count(self) -> None:
        """Counts the samples that were taken."""
        while True:
            await FallingEdge(self.dut.clk)
            self.samples += int(self.dut.s_axis_tvalid.value) and int(self.dut.s_axis_tready.value)

    async def reset(self) -> None:
        """Reset for three cycles; then the network is loaded, where there is one to load."""
        self.dut.rst.value = 1
        await self.cycles(3)
        self.dut.rst.value = 0
        await self.cycles(1)
        self.samples = 0
        await self.load()

    async def load(self) -> None:
        """Load the network, and wait until the registers say that it is there."""
        if self.image:
            await self.loader.send(AxiStreamFrame(self.image))
            await self.loader.wait()
            await self.cycles(16)
            state = Array.from_bits(await self.read("ARRAY"))
            assert (int(state.loaded), int(state.image), int(state.status)) == (1, 1, 1), state

    async def cycles(self, count: int) -> None:
        """Wait."""
        for _ in range(count):
            await RisingEdge(self.dut.clk)

    async def read(self, name: str, wanted: int = OKAY) -> int:
        """A register's value; the answer has to be ``wanted``."""
        seen = await self.bus.read(ADDRESS[name], 4)
        assert seen.resp == wanted, f"{name} was read with answer {seen.resp!r}, expected {wanted}"
        return int.from_bytes(seen.data, "little")

    async def write(self, name: str, value: int, wanted: int = OKAY) -> None:
        """Write all four bytes of a register."""
        seen = await self.bus.write(ADDRESS[name], value.to_bytes(4, "little"))
        assert seen.resp == wanted, f"{name} was written with answer {seen.resp!r}, expected {wanted}"

    async def status(self):
        """STATUS by its fields."""
        return Status.from_bits(await self.read("STATUS"))

    async def send(self, *windows: int) -> None:
        """Queue windows, each a frame."""
        for window in windows:
            await self.source.send(AxiStreamFrame(DATA["samples"][window].astype("<i2").tobytes()))

    async def packet(self) -> np.ndarray:
        """Words of the next packet, as signed integers; a word is read where STATUS says that one waits."""
        words, last, tries = [], False, 0
        while not last:
            status = await self.status()
            tries += 1
            assert tries < int(DATA["tries"]), "no result comes"
            if int(status.level):
                words.append(await self.read("RESULT"))
                last = bool(status.last)
        return np.array(words, np.uint32).astype("<i4")

    async def expect(self, window: int, number: int) -> None:
        """The next packet is that of ``window`` with the running number ``number``, in every bit."""
        seen, wanted = await self.packet(), expected(window, number)
        assert np.array_equal(seen, wanted), f"window {window}: expected {wanted.tolist()}, got {seen.tolist()}"

    async def until(self, what: str, value: int = 1) -> None:
        """Wait until a port has a value."""
        for _ in range(8 * int(DATA["tries"])):
            await FallingEdge(self.dut.clk)
            if int(getattr(self.dut, what).value) == value:
                return
        raise AssertionError(f"{what} does not become {value}")

    async def restart_takes_nothing(self, enabled: int) -> None:
        """Another restart, while a sample is offered: in its cycle no stream is ready, that of networks to load neither."""
        streams = [self.dut.s_axis_tready] + ([self.dut.c_axis_tready] if self.image else [])
        written = cocotb.start_soon(self.write("CONTROL", enabled | RESTART))
        self.source.pause = False
        await self.until("s_axil_bvalid")
        assert [int(ready.value) for ready in streams] == [0] * len(streams), "a restart takes what is offered"
        await written

    async def nothing(self) -> None:
        """No word waits, and RESULT says so."""
        status = await self.status()
        assert (int(status.level), int(status.last), int(status.packet)) == (0, 0, 0), status
        assert await self.read("RESULT", SLVERR) == 0


@cocotb.test()
async def identity(dut):
    """After reset the registers say who it is, and that there is nothing yet."""
    host = Host(dut, "identity")
    await host.reset()
    for name, value in (("ID", MAGIC), ("VERSION", int(DATA["version"])), ("BUNDLE", int(DATA["bundle"])), ("CONTROL", 0)):
        seen = await host.read(name)
        assert seen == value, f"{name}: {seen:#x}, expected {value:#x}"
    state = Array.from_bits(await host.read("ARRAY"))
    assert int(state.present) == bool(host.image) and (host.image or not state.as_bits())
    assert await host.read("WINDOWS") == 0
    await host.nothing()
    assert not int(dut.irq.value)


def _flow(pause: float):
    @cocotb.test(name=f"pauses_{pause}")
    async def test(dut):
        host = Host(dut, f"pauses {pause}", pause)
        await host.reset()
        windows = range(len(DATA["samples"]))
        await host.send(*windows)
        for number in windows:
            # A write on its way while words are read.
            writing = cocotb.start_soon(host.write("CONTROL", INTERRUPT * (number % 2)))
            await host.expect(number, number)
            await writing
            assert await host.read("CONTROL") == INTERRUPT * (number % 2)
        await host.nothing()
        assert await host.read("WINDOWS") == len(windows)
        taken = host.monitor.taken
        assert taken["aw"] == taken["w"] == taken["b"] == len(windows) and taken["ar"] == taken["r"] > WORDS * len(windows)

    return test


for _pause in (0, 0.3, 0.8):
    globals()[f"flow_{_pause}"] = _flow(_pause)


@cocotb.test()
async def full_queue(dut):
    """Results that nobody reads fill the queue and stop the samples; then all of them are there."""
    host = Host(dut, "full queue")
    await host.reset()
    windows = [number % len(DATA["samples"]) for number in range(QUEUE // WORDS + 8)]
    await host.send(*windows)
    before = -1
    while host.samples != before:
        before = host.samples
        await host.cycles(int(DATA["tries"]))
    assert host.samples < len(windows) * DATA["samples"].shape[1], "the source was never stopped"
    assert int((await host.status()).level) == QUEUE
    for number, window in enumerate(windows):
        await host.expect(window, number)
    await host.nothing()
    assert await host.read("WINDOWS") == len(windows)


@cocotb.test()
async def errors(dut):
    """Unknown addresses, writes to what can only be read, bytes that WSTRB leaves out: answered, and without effect."""
    host = Host(dut, "errors", 0.3)
    await host.reset()
    await host.send(0)
    while not int((await host.status()).packet):
        pass
    known = set(ADDRESS.values())
    unknown = [max(known) + 4, 1 << 5, 1 << 8, (1 << ADDRESS_BITS) - 4]
    unknown += [place for _ in range(20) if (place := 4 * host.rng.randrange(1 << ADDRESS_BITS - 2)) not in known]
    for place in unknown:
        seen = await host.bus.read(place, 4)
        assert seen.resp == SLVERR and not any(seen.data), f"{place:#x}: {seen}"
        assert (await host.bus.write(place, b"\x03\x00\x00\x00")).resp == SLVERR, f"{place:#x}"
    for register in MAP:
        if not register.writable:
            await host.write(register.name, 0xFFFF_FFFF, SLVERR)
    place = ADDRESS["CONTROL"]
    await host.write("CONTROL", INTERRUPT)
    for byte in (1, 2, 3):
        assert (await host.bus.write(place + byte, b"\xff")).resp == OKAY
        assert await host.read("CONTROL") == INTERRUPT
    await host.write("CONTROL", 0)
    for value in (INTERRUPT, 0xFC, INTERRUPT | 0xFC):
        assert (await host.bus.write(place, bytes([value]))).resp == OKAY
        assert await host.read("CONTROL") == value & INTERRUPT
    assert int((await host.status()).level) == WORDS
    await host.expect(0, 0)
    await host.nothing()
    await host.nothing()


@cocotb.test()
async def interrupt(dut):
    """``irq`` rises with a whole packet and not before, stays until the last word is read, and is there only where it is wanted."""
    host = Host(dut, "interrupt")
    await host.reset()
    await host.send(0)
    while not int((await host.status()).packet):
        assert not int(dut.irq.value)
    assert not int(dut.irq.value), "nobody asked for it"
    await host.write("CONTROL", INTERRUPT)
    await host.until("irq")
    await host.write("CONTROL", 0)
    await host.until("irq", 0)
    await host.expect(0, 0)
    await host.write("CONTROL", INTERRUPT)
    await host.send(1, 2)
    for number in (1, 2):
        await host.until("irq")
        assert int((await host.status()).level) >= WORDS, "half a packet"
        for place, wanted in enumerate(expected(number, number)):
            assert int(dut.irq.value), f"irq fell before word {place}"
            assert np.array_equal(np.array(await host.read("RESULT"), np.uint32).astype("<i4"), wanted)
    await host.until("irq", 0)
    await host.nothing()


@cocotb.test()
async def restarts(dut):
    """A restart in mid-window, with results that wait and one that is half read, leaves nothing behind but CONTROL.interrupt."""
    host = Host(dut, "restarts", 0.1)
    window = DATA["samples"].shape[1]
    await host.reset()
    for enabled in (INTERRUPT,) if host.image else (INTERRUPT, 0, INTERRUPT):
        await host.write("CONTROL", enabled)
        begun = host.samples
        await host.send(0, 1)
        while int((await host.status()).level) < 2:
            pass
        await host.read("RESULT")
        place = begun + 2 * window + host.rng.randrange(1, window // 2)
        await host.send(2)
        while host.samples < place:
            await host.cycles(1)
        host.source.clear_pause_generator()
        host.source.pause = True
        await host.write("CONTROL", enabled | RESTART)
        rest = begun + 3 * window - host.samples
        assert 0 < rest < window, f"{rest} samples were left: not in mid-window"
        assert await host.read("CONTROL") == enabled
        await host.nothing()
        assert await host.read("WINDOWS") == 0
        await host.restart_takes_nothing(enabled)
        assert await host.read("WINDOWS") == 0
        await host.load()
        # The rest of the third window is broken off by its TLAST, and counts as number 0.
        await host.send(3)
        await host.expect(3, 1)
        await host.nothing()
        assert await host.read("WINDOWS") == 1
        await host.write("CONTROL", enabled | RESTART)
        await host.load()
        await host.send(1)
        await host.expect(1, 0)


@cocotb.test()
async def reset_at_any_time(dut):
    """``rst`` while bus and classifier are at work: afterwards all is as after power-up."""
    host = Host(dut, "reset", 0.2)
    for _ in range(4):
        await host.reset()
        await host.write("CONTROL", INTERRUPT)
        await host.send(0, 1)
        for _ in range(host.rng.randrange(1, int(DATA["tries"]))):
            await host.cycles(1)
        reading = cocotb.start_soon(host.bus.read(ADDRESS["RESULT"], 4))
        await host.cycles(host.rng.randrange(1, 6))
        host.source.clear()
        await host.reset()
        await reading
        assert await host.read("CONTROL") == 0
        await host.nothing()
        await host.send(2)
        await host.expect(2, 0)
        await host.nothing()
