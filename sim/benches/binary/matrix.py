"""Cases of the matrices of weights: constants, constants in parts, a memory, and samples of twelve bits."""

import functools

import numpy as np

from hw.binary.matrix import BinaryMatrix, InputMatrix, MatrixParams
from sim.benches.base import rows, signs
from sim.benches.streams import Case, Hooks
from sw.networks import BlockGeometry


class _Beside(Hooks):
    """Drives ``window`` with what belongs to a step in the cycle after it, and noise otherwise; ``ahead`` with the step to come."""

    def __init__(self, windows: list[int], steps: int):
        self.windows, self.steps = windows, steps

    def drive(self, bench):
        port = bench.port("window")
        noise = bench.rng.getrandbits(len(port))
        port.value = self.windows[(bench.moved["i"] - 1) // self.steps] if "i" in bench.fires else noise
        bench.port("ahead").value = (bench.moved["i"] + bench.offering["i"]) % self.steps


def _matrix(params: MatrixParams, windows: np.ndarray) -> Case:
    sums = params.reference(windows).reshape(-1, params.pe)
    steps = [step for _ in windows for step in range(params.steps)]
    kind = BinaryMatrix if params.bits == 1 else InputMatrix
    return Case(
        lambda: kind(params),
        {"i": steps},
        {"o": rows(sums, params.sum_shape.width)},
        latencies=[("i", params.parts - 1, "o", 0, params.latency), ("i", len(steps) - 1, "o", len(sums) - 1, params.latency)],
        hooks=lambda: _Beside(rows(windows, params.bits), params.steps),
    )


def _binary(channels: int, pe: int, parts: int, memory: bool) -> Case:
    rng = np.random.default_rng(channels)
    geometry = BlockGeometry(4, channels, 20)
    params = MatrixParams(geometry, signs(rng, channels, 4, 7), pe, parts, memory)
    return _matrix(params, rng.integers(0, 2, (20, geometry.taps)))


def _samples() -> Case:
    rng = np.random.default_rng(5)
    params = MatrixParams(BlockGeometry(1, 6, 41, stride=2), signs(rng, 6, 1, 7), 2, bits=12)
    extremes = rng.choice([-2048, 2047, 0, -1], (10, 7))
    return _matrix(params, np.concatenate([extremes, rng.integers(-2048, 2048, (20, 7))]))


CASES = {
    "constant": functools.partial(_binary, 8, 3, 1, False),
    "constant_in_parts": functools.partial(_binary, 6, 2, 4, False),
    "memory": functools.partial(_binary, 5, 1, 2, True),
    "samples": _samples,
}
