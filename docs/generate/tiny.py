"""The tables of ``docs/tiny.md``: cycles by layer and what lies in which memory, for a shipped bundle."""

from hw import configurations
from hw.tiny import top
from hw.tiny.datapath import timing
from hw.tiny.params import GROUP, LANES, TinyParams
from hw.tiny.pool import PAIRS
from sw import document
from sw.export import bundle, bundles

MODEL = "bnn17"


def cycles(params: TinyParams) -> str:
    """Cycles of a window, layer by layer, to the start of the next one."""
    told, exact = timing(params), top.cycles(params)
    first = params.first
    rows = [
        ["scale: sums to mantissa and shift", "", "", told.scale],
        ["block 1", first.geometry.positions, f"{first.geometry.kernel} samples, 1 to compare", first.cycles],
    ]
    for number, layer in enumerate(params.layers, start=2):
        steps = f"{layer.passes} passes of {layer.parts}"
        rows.append([f"block {number}", layer.geometry.positions, steps, layer.cycles])
    work = first.cycles + sum(layer.cycles for layer in params.layers)
    rows.append(["pipelines: between layers, to the header, packet", "", "", told.idle - work])
    rows.append(["**from window to window** (the scale is there before)", "", "", exact.interval])
    rows.append(["latency: first normalised sample to class", "", "", exact.latency])
    rows.append(["live latency: last raw sample to class", "", "", exact.live_latency])
    return document.table(["", "positions", "cycles a position", "cycles"], rows)


def memories(params: TinyParams) -> str:
    """What lies where; block RAMs of 16 bits and 256 rows."""
    layers, window = params.layers, params.bundle.normaliser.window

    def rams(bits: int, rows: int) -> str:
        return f"{-(-bits // 16) * -(-rows // 256)} block RAMs"

    filled = ", ".join(f"{layer.geometry.length * layer.groups}" for layer in layers)
    row, side = params.kernel * GROUP, 2 * params.max_parts
    rows = [
        ["samples", "SPRAM", f"{1 << (window - 1).bit_length() + 1:,} x {params.bundle.normaliser.raw_bits}", "two windows, raw"],
        ["bank 0, bank 1", "2 SPRAM", f"bytes: {filled}", "bits of blocks 1, 3, 5 and of blocks 2, 4; a byte for 8 channels"],
        ["weights", rams(LANES * row, len(params.weight_rows)), f"{len(params.weight_rows)} x {LANES * row}", "a row a step"],
        ["window", rams(row, side), f"{side} x {row}", f"{params.kernel} columns of a group, for this position and the last"],
        [
            "thresholds",
            rams(LANES * params.threshold_bits, len(params.threshold_rows)),
            f"{len(params.threshold_rows)} x {LANES * params.threshold_bits}",
            "a row a pass",
        ],
        ["pool", rams(PAIRS * params.count_bits, 64), f"64 x {PAIRS * params.count_bits}", "largest of one, two, three pairs"],
        [
            "head's constants",
            rams(max(2 * params.head.slope_bits, params.head.logit_bits), 64),
            f"{2 * params.head.classes} x {max(2 * params.head.slope_bits, params.head.logit_bits)}",
            "slopes, offsets",
        ],
        ["logits", rams(params.head.logit_bits, params.head.classes), f"{params.head.classes} x {params.head.logit_bits}", ""],
    ]
    return document.table(["memory", "lies in", "holds", ""], rows)


def _of_shipped(draw):
    """A section of the shipped bundle that the page shows; it needs no stored figures."""
    return lambda stored: draw(configurations.parameters(bundles.read(bundle.SHIPPED / MODEL), configurations.get("tiny")))


SECTIONS = {"cycles": _of_shipped(cycles), "memories": _of_shipped(memories)}
