"""cocotb bench of the array as a host sees it that makes mistakes: images that just fit and that do not, loads that are broken off,
a second image while one waits, and programs that are wrong. After each of them the next good image works."""

import random

import cocotb
from cocotb.triggers import FallingEdge, RisingEdge

from hw.mac.array import CLEARING
from hw.mac.loader import HEADER_BYTES, Status
from sim.benches.mac.array import CASES, STATUS_CYCLES, begin, load, run, window

GOOD, OTHER = 0, 1
LIMIT = int(CASES["limit"])


async def status(bench) -> int:
    """What became of the image that was just sent."""
    for _ in range(STATUS_CYCLES):
        await RisingEdge(bench.dut.clk)
    await FallingEdge(bench.dut.clk)
    seen = int(bench.dut.status.value)
    await RisingEdge(bench.dut.clk)
    return seen


async def works(bench, number: int):
    """A good image, loaded now, is taken, and computes a window in all its bytes and cycles."""
    bench.takes, bench.trusted = 0, True
    for record in (bench.writes, bench.logits):
        record[-1].clear()
    await run(bench, number)
    assert int(bench.dut.status.value) == Status.LOADED and int(bench.dut.loaded.value) and not int(bench.dut.overrun.value)


@cocotb.test()
async def sizes(dut):
    """A section may fill its memory; one word more is refused, and so is an unknown section alone."""
    bench = await begin(dut, 0)
    for number in range(int(CASES["sized"])):
        await bench.send("image", CASES[f"sized{number}"], last=True)
        seen, wanted = await status(bench), int(CASES[f"size_status{number}"])
        assert seen == wanted, f"image {number}: status {seen}, expected {wanted}"
        if seen == Status.LOADED:
            await bench.taken(GOOD)
            await window(bench, GOOD)
            bench.check_values(GOOD, len(bench.cycles) - 1)
    await works(bench, OTHER)


@cocotb.test()
async def broken_off(dut):
    """A load that stops anywhere, and one whose TLAST is missing, leave the next good one as it is."""
    bench = await begin(dut, 0)
    image = CASES[f"image{OTHER}"]
    rng = random.Random(7)
    places = [1, 7, 8, 9, HEADER_BYTES - 1, HEADER_BYTES, HEADER_BYTES + 1, len(image) - 1]
    for place in places + [rng.randrange(HEADER_BYTES, len(image)) for _ in range(12)]:
        await bench.send("image", image[:place])
        await works(bench, GOOD)
    await bench.send("image", image)
    assert await status(bench) == Status.LENGTH
    await works(bench, GOOD)
    # An image that is too long, and goes on as one begins.
    await bench.send("image", [*image, *image[:5]], last=True)
    assert await status(bench) == Status.LENGTH
    await works(bench, GOOD)


@cocotb.test()
async def one_waits(dut):
    """While a window is at work an image waits to be taken over, and one behind it waits on the bus."""
    bench = await begin(dut, 0)
    await works(bench, GOOD)
    done = len(bench.cycles)
    dut.pending.value = 1  # as if its result had not been read
    await load(bench, OTHER)
    assert int(dut.waiting.value)
    sender = cocotb.start_soon(bench.send("image", CASES[f"image{GOOD}"], last=True))
    for _ in range(3 * LIMIT):
        await RisingEdge(dut.clk)
    assert not sender.done() and not bench.takes and int(dut.waiting.value) and int(dut.status.value) == Status.LOADED
    dut.pending.value = 0
    await bench.taken(OTHER)
    await sender
    await bench.taken(GOOD)
    await RisingEdge(dut.clk)
    await FallingEdge(dut.clk)
    assert not int(dut.waiting.value) and len(bench.cycles) == done
    await RisingEdge(dut.clk)
    await window(bench, GOOD)
    bench.check_values(GOOD, len(bench.cycles) - 1)


async def ends(bench, done: int, limit: int, what: str) -> bool:
    """Wait for the end of the window after ``done`` of them, which ends once: by itself, within ``limit`` cycles, or in one cycle
    alone as a fault. Returns whether it was one."""
    await bench.windows(done + 1)
    cycles, fault = bench.cycles[done], await status(bench) == Status.FAULT
    assert cycles == limit + CLEARING if fault else cycles <= limit, f"{what}: {cycles} cycles of {limit}, fault {fault}"
    for _ in range(2 * CLEARING):
        await RisingEdge(bench.dut.clk)
    assert len(bench.cycles) == done + 1, f"{what}: a window ended {len(bench.cycles) - done} times"
    return fault


@cocotb.test()
async def limits(dut):
    """A program may take just the cycles that its image says; with one less, two less ... each of its windows is a fault, once."""
    bench = await begin(dut, 0)
    bench.trusted = False
    for short in range(int(CASES["limits"])):
        bench.takes, bench.case = 0, None
        await bench.send("image", CASES[f"limit{short}"], last=True)
        assert await status(bench) == Status.LOADED
        await bench.taken(GOOD)
        for _ in range(2):
            done = len(bench.cycles)
            await bench.send("i", [1] * len(CASES[f"windows{GOOD}"][0]))
            assert await ends(bench, done, LIMIT - short, f"limit {short} below") == (short > 0)
    await works(bench, OTHER)


@cocotb.test()
async def faulty_programs(dut):
    """Programs with random words and a right checksum end, each window by itself or by the watchdog; so many did the one and the
    other; the next image works."""
    bench = await begin(dut, 0)
    ended = [0, 0]
    for number in range(int(CASES["spoiled"])):
        bench.trusted, bench.case, bench.takes = False, None, 0
        await bench.send("image", CASES[f"spoiled{number}"], last=True)
        assert await status(bench) == Status.LOADED
        await bench.taken(GOOD)
        done = len(bench.cycles)
        await bench.send("i", [1] * len(CASES[f"windows{GOOD}"][0]))
        fault = await ends(bench, done, LIMIT, f"program {number}")
        ended[fault] += 1
        # Another one of them follows, or, after some, a good image.
        if number % 4 == 0:
            await works(bench, number // 4 % 2)
    dut._log.info("of %d faulty programs %d ended in time, %d were ended", sum(ended), *ended)
    assert min(ended) > 0, f"programs that ended in time and that were ended: {ended}"
    dut.rst.value = 1
    await RisingEdge(dut.clk)
    dut.rst.value = 0
    await FallingEdge(dut.clk)
    assert not int(dut.loaded.value) and int(dut.status.value) == Status.NONE, "reset forgets the network"
