"""What a block takes of an FPGA, estimated from its parameters.

A block is made of a few kinds of parts whose numbers follow from its geometry, folding and weights: bits of product, full adders,
carry chains, tables, places of a queue. What one of each takes was fitted to blocks that were synthesised
(:mod:`hw.explore.calibrate`); block RAMs are counted, not fitted. Figures are nextpnr's: LUT4 are an ECP5's TRELLIS_COMB, carry
cells included. Of Gowin they are yosys': LUTs and ALUs, which share their places.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hw.binary.block import BlockParams
from hw.binary.datapath import DatapathParams
from hw.binary.popcount import PopcountParams
from sw import files
from sw.errors import PopbeatError
from sw.export.bundle import Bundle

# Words and bits of a block RAM of 18 kbit that is only read.
BRAM_SHAPES = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))


@dataclass(frozen=True)
class Area:
    """``lut4``, flip-flops ``ff``, block RAMs ``bram`` and multipliers ``dsp`` of a design."""

    lut4: int
    ff: int
    bram: int
    dsp: int = 0

    def __add__(self, other: "Area") -> "Area":
        return Area(*(a + b for a, b in zip(self.values, other.values, strict=True)))

    @property
    def values(self) -> tuple[int, int, int, int]:
        """The four counts."""
        return self.lut4, self.ff, self.bram, self.dsp


def _tree(params: PopcountParams) -> tuple[int, int, int]:
    """Full adders, registers and final adder's bits of a popcount."""
    heights, level, adders, registers = {0: params.width}, 0, 0, 0
    while max(heights.values()) > 2:
        after: dict[int, int] = {}
        for weight, height in heights.items():
            adders += height // 3
            after[weight] = after.get(weight, 0) + height - 2 * (height // 3)
            if height >= 3:
                after[weight + 1] = after.get(weight + 1, 0) + height // 3
        heights, level = after, level + 1
        if level % params.levels_per_stage == 0:
            registers += sum(heights.values())
    if level % params.levels_per_stage:
        registers += sum(heights.values())
    return adders, registers + params.out_bits, params.out_bits


def _distinct(words: np.ndarray, taps: int = 1) -> int:
    """Different functions among what ``pe`` PEs make of each ``taps`` neighbouring taps, for weights ``uint8[steps, pe, bits]``:
    what is the same for two of them is made once."""
    starts = range(0, words.shape[2], taps)
    return sum(len({words[:, q, start : start + taps].tobytes() for q in range(words.shape[1])}) for start in starts)


def _input_tree(params: BlockParams) -> list[tuple[int, int]]:
    """Sums of each level of block 1's adder trees, and their bits; the first level is that of the products. With the weights in
    block RAM nothing is shared."""
    levels, taps, width = [], 1, params.bits
    while taps < 2 * params.geometry.taps:
        nodes = params.matrix.pe * -(-params.geometry.taps // taps)
        levels.append((nodes if params.matrix.memory else _distinct(params.matrix.words, taps), width))
        taps, width = 2 * taps, width + 1
    return levels


def counts(params: BlockParams) -> dict[str, float]:
    """How many parts of each kind a block has that take LUTs."""
    matrix, g = params.matrix, params.geometry
    steps, simd, pe = matrix.steps, matrix.simd, matrix.pe
    in_logic = not matrix.memory
    products = _distinct(matrix.words) if in_logic else pe * simd
    found = {
        "block": 1.0,
        "product": products * params.bits,
        # Up to eight words of a table fit into the product's own LUT, unless that holds the choice between two parts.
        "8 words": products * max(steps - 8, 0) / 8 * in_logic,
        "8 words of many": products * max(steps - 64, 0) / 8 * in_logic,
        "table": products * (steps > 8) * (matrix.parts > 1) * in_logic,
        "part of a window": simd * max(matrix.parts - 2, 0),
        "pool bit": 0.0,
        "count bit": 0.0,
        "queue bit": 0.0,
    }
    if params.bits > 1:
        carries = sum(nodes * width for nodes, width in _input_tree(params)[1:]) / pe
        found["full adder"] = 0.0
    else:
        adders, _, carries = _tree(matrix.popcount)
        third = simd // 3
        first = matrix.words[:, :, : 3 * third].reshape(steps, pe, 3, third).transpose(0, 1, 3, 2).reshape(steps, pe, -1)
        found["full adder"] = pe * (adders - third) + (_distinct(first, 3) if in_logic else pe * third)
        if matrix.parts > 1:
            carries += matrix.sum_shape.width
    if params.last:
        found["count bit"] = pe * params.pool.bits
    else:
        threshold = params.threshold
        carries += max(threshold.sum_shape.width, threshold.threshold_shape.width)
        found["pool bit"] = pe
        found["queue bit"] = g.out_channels * params.queue
    found["carry bit"] = pe * carries
    return found


def registers(params: BlockParams) -> dict[str, float]:
    """How many flip-flops a block declares: those that hold the same counted once, those of a block RAM's output not at all."""
    matrix, g = params.matrix, params.geometry
    pe, simd = matrix.pe, matrix.simd
    products = pe * simd if matrix.memory else _distinct(matrix.words)
    window = g.kernel * params.window.column_bits
    bits = 2 * window + 3 * pe * params.pool.bits * matrix.groups
    if params.bits > 1:
        bits += sum(nodes * width for nodes, width in _input_tree(params))
    else:
        bits += products + pe * _tree(matrix.popcount)[1]
        bits += (matrix.parts > 1) * pe * matrix.sum_shape.width
    if params.last:
        bits += 3 * pe * params.pool.bits
    else:
        bits += pe * (params.threshold.threshold_shape.width * (matrix.groups > 1) + 2)
        bits += matrix.groups * pe + g.out_channels * params.queue
    return {"block": 1.0, "declared bit": bits}


def block_rams(params: BlockParams) -> int:
    """Block RAMs of a block's weights, in the shape that takes the fewest; bits that are the same in every word are not stored."""
    if not params.matrix.memory:
        return 0
    words = params.matrix.words.reshape(params.matrix.steps, -1)
    bits = int((words != words[0]).any(axis=0).sum())
    return min(-(-len(words) // depth) * -(-bits // width) for depth, width in BRAM_SHAPES)


def path(family: str) -> Path:
    """Where the fitted model of a device family is stored."""
    return Path(__file__).with_name(f"area_{family}.json")


class AreaModel:
    """Fitted coefficients, from the file that calibration wrote."""

    def __init__(self, fitted: dict):
        self.fitted = fitted

    @classmethod
    def load(cls, family: str) -> "AreaModel":
        """The stored model of a device family."""
        if not path(family).is_file():
            known = sorted(path.stem.removeprefix("area_") for path in Path(__file__).parent.glob("area_*.json"))
            raise PopbeatError(f"no estimate of areas is stored for {family}; take a device of {' or '.join(known)}")
        return cls(files.read_json(path(family), "area model"))

    def block(self, params: BlockParams) -> Area:
        """Of one block."""
        return Area(_total(self.fitted["lut4"], counts(params)), _total(self.fitted["ff"], registers(params)), block_rams(params))

    def rest(self, bundle: Bundle) -> Area:
        """Of everything else in a top: normaliser, head, buffers; linear in the number of classes."""
        return Area(**{name: round(r["top"] + r["class"] * len(bundle.classes)) for name, r in self.fitted["rest"].items()})

    def top(self, params: DatapathParams) -> Area:
        """Of a whole top."""
        return sum(map(self.block, params.blocks), self.rest(params.bundle))


def _total(fitted: dict[str, float], found: dict[str, float]) -> int:
    return round(sum(fitted[name] * count for name, count in found.items()))
