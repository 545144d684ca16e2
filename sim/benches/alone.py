"""One component alone on its bench: its cases side by side in a small top, built and run."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import Out, connect, flipped

from hw import verilog
from sim.benches import runner
from sim.benches.streams import Case
from sw import files

TESTS = "sim.benches.components"


class Bench(wiring.Component):
    """Every case's component, with its ports under the case's name."""

    def __init__(self, cases: dict[str, Callable[[], Case]]):
        self.components = {name: make().component() for name, make in cases.items()}
        super().__init__({name: Out(component.signature) for name, component in self.components.items()})

    def elaborate(self, platform):
        m = Module()
        for name, component in self.components.items():
            m.submodules[name] = component
            connect(m, component, flipped(getattr(self, name)))
        return m


def compiled(component: wiring.Component, top: str, name: str) -> Path:
    """A component as the module ``top``, compiled for cocotb; the folder of that ``name`` where it lies."""
    folder = files.BUILD / "benches" / name
    source = files.write_bytes(folder / "bench.v", verilog.convert(component, top).encode())
    runner.build(source, top, folder / "verilator")
    return folder / "verilator"


def run(cases: ModuleType, **more: str) -> int:
    """Every case of a module with ``CASES`` in every flow mode, and its canary, which must fail; else it is an error. Returns how
    many cases ran. ``more`` goes into the environment."""
    folder = compiled(Bench(cases.CASES), "bench", cases.__name__.removeprefix("sim.benches."))
    environment = {"POPBEAT_COMPONENT": cases.__name__} | more
    return runner.run("bench", TESTS, folder, environment, tests=2 * len(cases.CASES)) // 2
