"""What the cases of several components share: payloads from integers, and what is driven and checked beside the streams."""

import functools

import numpy as np

from sim.benches.streams import Hooks


def pack(values, bits: int) -> int:
    """Integers side by side, the first in the least significant bits, each in two's complement of ``bits`` bits."""
    out = 0
    for place, value in enumerate(values):
        out |= (int(value) & ((1 << bits) - 1)) << (place * bits)
    return out


def bits(values, width: int) -> list[int]:
    """Each integer in two's complement of ``width`` bits."""
    return [int(v) & ((1 << width) - 1) for v in values]


def rows(values: np.ndarray, width: int) -> list[int]:
    """A payload for each row of an array ``[n, k]``: its integers side by side, each of ``width`` bits."""
    return [pack(row, width) for row in values]


def beat(layout, **fields) -> int:
    """A payload of a struct layout."""
    return layout.const({name: int(value) for name, value in fields.items()}).as_bits()


def signs(rng, *shape) -> np.ndarray:
    """Random weights."""
    return rng.choice(np.array([-1, 1], np.int8), shape)


class Pipeline(Hooks):
    """Drives the inputs of a plain pipeline and checks its output ``latency`` cycles later, in every cycle."""

    def __init__(self, inputs: dict[str, list[int]], output: str, outputs: list[int], latency: int):
        self.inputs, self.output, self.outputs, self.latency = inputs, output, outputs, latency

    def drive(self, bench):
        for name, values in self.inputs.items():
            bench.port(name).value = values[bench.cycle % len(values)]

    def sample(self, bench):
        if bench.cycle >= self.latency:
            expected = self.outputs[(bench.cycle - self.latency) % len(self.outputs)]
            seen = bench.value(self.output)
            assert seen == expected, f"cycle {bench.cycle}: {seen:#x}, expected {expected:#x}"


class Taps(Hooks):
    """Compares what taps show, each time that they count, with values in their order. A tap's name is its path in the component."""

    def __init__(self, expected: dict[str, list[int]]):
        self.expected, self.seen = expected, dict.fromkeys(expected, 0)

    def sample(self, bench):
        for path, values in self.expected.items():
            *parts, name = path.split(".")
            inside, place = functools.reduce(getattr, parts, bench.inside), self.seen[path]
            if int(getattr(inside, f"tap_{name}_moves").value) and place < len(values):
                value = int(getattr(inside, f"tap_{name}").value)
                assert value == values[place], f"{name} {place}: {value:#x}, expected {values[place]:#x}"
                self.seen[path] += 1

    def all_seen(self) -> bool:
        """Whether every tap has shown every value."""
        return all(self.seen[path] == len(values) for path, values in self.expected.items())
