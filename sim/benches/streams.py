"""The bench that every streaming component is put on: beats in with gaps, beats out with pauses, and what must hold meanwhile.

For each port that is a stream, the inputs of a :class:`Case` are offered in order and the outputs must come in order, each equal
to its expectation. Valid and payload must stay until they are taken. While nothing is offered the payload is noise, so that
nothing can depend on it. At the end every input is consumed, every output has come, and nothing follows.
"""

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import cocotb
from amaranth.lib import wiring
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

SEED = int(os.environ.get("POPBEAT_SEED", "1"))
WATCHDOG = 20_000  # cycles without a beat


class Hooks:
    """What a component needs beside its streams; the default is nothing."""

    def allow(self, bench: "StreamBench", port: str) -> bool:
        """Whether another beat may be offered at ``port`` now."""
        return True

    def drive(self, bench: "StreamBench") -> None:
        """Set other inputs at the start of a cycle."""

    def sample(self, bench: "StreamBench") -> None:
        """Look at other outputs in the middle of a cycle, before its transfers are counted."""


@dataclass
class Case:
    """A component with what goes in and what must come out.

    ``inputs`` and ``outputs``: beats by port, as unsigned integers. ``latencies``: (input port, beat, output port, beat, cycles)
    that must hold exactly when there are neither gaps nor pauses. ``hooks`` makes fresh hooks for each run. ``drain``: idle
    cycles at the end in which nothing may come.
    """

    component: Callable[[], wiring.Component]
    inputs: dict[str, list[int]]
    outputs: dict[str, list[int]]
    latencies: list[tuple[str, int, str, int, int]] = field(default_factory=list)
    hooks: Callable[[], Hooks] = Hooks
    drain: int = 60


def begin(dut, name: str) -> random.Random:
    """Start the clock; what is random in the test ``name``, whose seed is logged."""
    dut._log.info("%s: seed %d", name, SEED)
    cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
    return random.Random(f"{name} {SEED}")


class StreamBench:
    """One run of a case on ports that begin with ``prefix``. ``moved``: beats transferred so far, by port; ``cycles``: when each
    was; ``fires``: the ports that transferred in the cycle before; ``offering`` and ``ready``: what it drives now, by port."""

    def __init__(self, dut, prefix: str, case: Case, rng: random.Random, gap: float = 0.0, stall: float = 0.0):
        self.dut, self.prefix, self.case, self.rng, self.gap, self.stall = dut, prefix, case, rng, gap, stall
        self.hooks = case.hooks()
        self.cycle = 0
        self.moved = dict.fromkeys([*case.inputs, *case.outputs], 0)
        self.cycles: dict[str, list[int]] = {port: [] for port in self.moved}
        self.fires: set[str] = set()
        self.offering = dict.fromkeys(case.inputs, False)
        self._waiting: dict[str, int | None] = dict.fromkeys(case.outputs)
        self.ready = dict.fromkeys(case.outputs, True)

    @property
    def inside(self):
        """The component's own scope, where its taps are."""
        return getattr(self.dut, self.prefix.rstrip("_")) if self.prefix else self.dut

    def check_latencies(self) -> None:
        """Hold the case's latencies against a run without gaps and pauses that has ended."""
        for source, first, sink, second, cycles in self.case.latencies:
            seen = self.cycles[sink][second] - self.cycles[source][first]
            assert seen == cycles, f"{source}[{first}] to {sink}[{second}]: {seen} cycles, predicted {cycles}"

    def port(self, name: str):
        """Handle of one of the component's ports, None where it has no such port."""
        return getattr(self.dut, self.prefix + name, None)

    def value(self, name: str) -> int:
        """A port's value as an unsigned integer; a value with X or Z in it is an error."""
        return int(self.port(name).value)

    async def reset(self) -> None:
        """Hold reset for two cycles with nothing offered."""
        self.dut.rst.value = 1
        for name in self.case.inputs:
            self.port(f"{name}__valid").value = 0
        self.hooks.drive(self)
        for _ in range(2):
            await RisingEdge(self.dut.clk)
        self.dut.rst.value = 0

    async def run(self, until: Callable[[], bool] | None = None) -> None:
        """Run from reset to the end, or until ``until()``."""
        await self.reset()
        quiet = 0
        while not self._done():
            before = dict(self.moved)
            await self._step()
            quiet = 0 if before != self.moved else quiet + 1
            assert quiet < WATCHDOG, f"no beat for {WATCHDOG} cycles; transferred so far: {self.moved}"
            if until and until():
                return
        for _ in range(self.case.drain):
            await self._step()

    def _done(self) -> bool:
        counts = {port: len(beats) for port, beats in (self.case.inputs | self.case.outputs).items()}
        return self.moved == counts

    async def _step(self) -> None:
        for name, beats in self.case.inputs.items():
            if not self.offering[name]:
                left = self.moved[name] < len(beats) and self.hooks.allow(self, name)
                self.offering[name] = left and self.rng.random() >= self.gap
                payload = self.port(f"{name}__payload")
                if self.offering[name]:
                    payload.value = beats[self.moved[name]]
                else:
                    payload.value = self.rng.getrandbits(len(payload))
                self.port(f"{name}__valid").value = int(self.offering[name])
        for name in self.case.outputs:
            ready = self.port(f"{name}__ready")
            if ready is not None:
                self.ready[name] = self.rng.random() >= self.stall
                ready.value = int(self.ready[name])
        self.hooks.drive(self)

        await FallingEdge(self.dut.clk)
        fires = set()
        for name, expected in self.case.outputs.items():
            valid = self.value(f"{name}__valid")
            payload = self.value(f"{name}__payload") if valid else None
            kept = self._waiting[name]
            assert kept is None or payload == kept, f"{name} changed from {kept:#x} while it waited in cycle {self.cycle}"
            self._waiting[name] = payload if valid and not self.ready[name] else None
            if valid and self.ready[name]:
                index = self.moved[name]
                assert index < len(expected), f"{name}: a beat {payload:#x} after all {len(expected)} in cycle {self.cycle}"
                assert payload == expected[index], f"{name} beat {index}: {payload:#x}, expected {expected[index]:#x}"
                fires.add(name)
        for name in self.case.inputs:
            ready = self.port(f"{name}__ready")
            if self.offering[name] and (ready is None or int(ready.value)):
                fires.add(name)
        self.hooks.sample(self)
        await RisingEdge(self.dut.clk)

        for name in fires:
            self.cycles[name].append(self.cycle)
            self.moved[name] += 1
            if name in self.offering:
                self.offering[name] = False
        self.fires = fires
        self.cycle += 1
