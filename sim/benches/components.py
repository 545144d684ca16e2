"""cocotb tests: every case of one component with and without gaps and pauses, and with a reset in mid-work.

``POPBEAT_COMPONENT`` names the module with its ``CASES``. Of each there is a canary: with one bit of one expectation wrong it must
fail, and by that comparison.
"""

import importlib
import os
from dataclasses import replace

import cocotb

from sim.benches.streams import Case, StreamBench, begin

MODES = ((0, 0), (0.5, 0), (0, 0.5), (0.5, 0.5))  # how often a beat is not offered, and not taken
CASES = {name: make() for name, make in importlib.import_module(os.environ["POPBEAT_COMPONENT"]).CASES.items()}


def spoiled(case: Case) -> Case:
    """The case with one bit of one expectation flipped: its test must fail."""
    if case.outputs:
        port, beats = next(iter(case.outputs.items()))
        changed = [beat ^ (1 if index == len(beats) // 2 else 0) for index, beat in enumerate(beats)]
        return replace(case, outputs=case.outputs | {port: changed})

    def hooks():
        made = case.hooks()
        first, *others = made.outputs
        made.outputs = [first ^ 1, *others]
        return made

    return replace(case, hooks=hooks)


async def every_mode(bench, case: Case) -> None:
    """The flow modes; without gaps and pauses the latencies are exact."""
    for gap, stall in MODES if case.inputs else MODES[:1]:
        run = bench(gap, stall)
        await run.run()
        if not gap and not stall:
            run.check_latencies()


async def reset_in_the_middle(bench, case: Case, rng) -> None:
    """Reset in mid-work, at a random place, leaves nothing behind."""
    half, port = bench(0.2, 0.2), next(iter(case.inputs))
    stop = rng.randrange(1, len(case.inputs[port]))
    await half.run(until=lambda: half.moved[port] >= stop)
    await bench(0.2, 0.2).run()


def _make(name: str, wrong: bool):
    async def test(dut):
        case = spoiled(CASES[name]) if wrong else CASES[name]
        rng = begin(dut, name)
        for other in CASES:
            for port in CASES[other].inputs:
                getattr(dut, f"{other}__{port}__valid").value = 0

        def bench(gap: float, stall: float) -> StreamBench:
            return StreamBench(dut, f"{name}__", case, rng, gap, stall)

        await every_mode(bench, case)
        if case.inputs:
            await reset_in_the_middle(bench, case, rng)

    test.__name__ = test.__qualname__ = f"{name}_spoiled" if wrong else name
    return cocotb.test(expect_error=AssertionError if wrong else ())(test)


# Canaries first: where a case fails, the log ends with what it says.
for _name in CASES:
    globals()[f"canary_{_name}"] = _make(_name, wrong=True)
for _name in CASES:
    globals()[f"test_{_name}"] = _make(_name, wrong=False)
