"""cocotb tests: every case of :mod:`sim.benches.cases` with and without gaps and pauses, and with a reset in mid-work."""

import os
import random
from dataclasses import replace

import cocotb
from cocotb.clock import Clock

from sim.benches.cases import CASES
from sim.benches.streams import Case, StreamBench

SEED = int(os.environ.get("POPBEAT_SEED", "1"))


def spoiled(case: Case) -> Case:
    """The case with one bit of one expectation flipped: its test must fail."""
    if case.outputs:
        port, beats = next(iter(case.outputs.items()))
        changed = [beat ^ (1 if index == len(beats) // 2 else 0) for index, beat in enumerate(beats)]
        return replace(case, outputs=case.outputs | {port: changed})

    def hooks():
        made = case.hooks()
        name = "outputs" if hasattr(made, "outputs") else "products"
        first, *others = getattr(made, name)
        setattr(made, name, [first ^ 1, *others])
        return made

    return replace(case, hooks=hooks)


def _make(name: str):
    async def test(dut):
        case = spoiled(CASES[name]()) if "POPBEAT_CANARY" in os.environ else CASES[name]()
        rng = random.Random(f"{name} {SEED}")
        dut._log.info("%s: seed %d", name, SEED)
        cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
        for other in CASES:
            for port in CASES[other]().inputs:
                getattr(dut, f"{other}__{port}__valid").value = 0
        for gap, stall in ((0, 0), (0.5, 0), (0, 0.5), (0.5, 0.5)) if case.inputs else ((0, 0),):
            bench = StreamBench(dut, f"{name}__", case, rng, gap, stall)
            await bench.run()
            if not gap and not stall:
                for source, first, sink, second, cycles in case.latencies:
                    seen = bench.cycles[sink][second] - bench.cycles[source][first]
                    assert seen == cycles, f"{source}[{first}] to {sink}[{second}]: {seen} cycles, predicted {cycles}"
        if case.inputs:
            # Reset in mid-work, at a random place, leaves nothing behind.
            half = StreamBench(dut, f"{name}__", case, rng, 0.2, 0.2)
            port = next(iter(case.inputs))
            stop = rng.randrange(1, len(case.inputs[port]))
            await half.run(until=lambda: half.moved[port] >= stop)
            await StreamBench(dut, f"{name}__", case, rng, 0.2, 0.2).run()

    test.__name__ = test.__qualname__ = name
    return cocotb.test()(test)


for _name in CASES:
    globals()[f"test_{_name}"] = _make(_name)
