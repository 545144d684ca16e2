"""Small arrays, random programs and graphs for them, and a host's mistakes: what benches of the array are run with."""

from pathlib import Path

import numpy as np

from hw.mac.params import ArrayParams
from sim.benches.mac import array_cases, programs
from sw.export.array import compiler
from sw.export.array.program import Program

SMALL = ArrayParams(2, memory=1 << 13, weights=1 << 13, tables=1 << 9, window=1000)
# Without windows, and with room for one network.
PLAIN = ArrayParams(4, memory=1 << 13, weights=1 << 13, tables=1 << 9, window=1000, windows=False, halves=False)
# Of random programs for the small array that together, with its graphs, have every cross of sim.cover.descriptors.
SEEDS = (3771, 1670, 2820, 1245, 3537, 2413, 242, 2375, 1620, 2633, 2114, 3976, 1926, 1009, 2804, 3804, 811, 927, 716, 3389, 533)
SEEDS += (3193, 3115)
GRAPHS = (programs.row_graph, programs.square_graph)
# Tests of the benches ``sim.benches.mac.array`` and ``hosts``, each for a fresh simulation: the activation memory is not reset.
TESTS, HOSTS = ("programs", "gaps", "loads"), ("sizes", "broken_off", "one_waits", "limits", "faulty_programs")


def compiled(make, seed: int, groups: int = SMALL.groups, windows: bool = True, window: int = SMALL.window) -> compiler.Compiled:
    """A random graph on the small array."""
    return compiler.compile_graph(make(np.random.default_rng(seed), window), groups, SMALL.half, SMALL.memory, windows)


def drawn(params: ArrayParams, every: int = 1) -> list[Program]:
    """Programs of random descriptors (``every`` third or fourth of them), and random graphs that went through the compiler."""
    made = [programs.program(np.random.default_rng(seed), params, 5) for seed in SEEDS[::every]]
    return made + [compiled(make, seed, params.groups, params.windows).program for make in GRAPHS for seed in (1, 2)]


def cases(folder: Path, params: ArrayParams, every: int = 1) -> Path:
    """What the bench of these programs needs."""
    return array_cases.write(folder / "cases.npz", params, drawn(params, every), np.random.default_rng(5))


def mistakes(folder: Path, params: ArrayParams, spoiled: int) -> Path:
    """The mistakes of a host, so many ``spoiled`` programs among them. Every program has all of its graph's operations and a short
    window: an eighth of the longest takes a sixth of its cycles, and there are hundreds of them."""
    made = [compiled(GRAPHS[0], seed, params.groups, params.windows, window=120).program for seed in (1, 2)]
    return array_cases.hosts(folder / "hosts.npz", params, made, np.random.default_rng(6), spoiled)
