"""Random layer programs: descriptors of every kind, with random parameters, within an array's memory."""

from dataclasses import replace

import numpy as np

from sw.export.array.graph import Add, Average, GlobalAverage, Graph, MaxPool, Multibit, Scale, Slice, Tensor
from sw.export.array.program import LOGITS, SIGNED, UNSIGNED, Descriptor, Operation, Program, least_period
from sw.export.array.schedule import delayed


def parameters(rng, descriptor: Descriptor, groups: int, name: str, least: int = 1) -> Operation:
    """Random signs, alphas, biases and shifts for a descriptor; each block has ``least`` to 3 passes."""
    rows, channels = descriptor.rows(groups) * descriptor.planes, descriptor.channels * descriptor.planes
    weights, alphas = [], []
    for _ in range(descriptor.blocks(groups)):
        passes = int(rng.integers(least, 4))
        weights.append(rng.choice(np.array([-1, 1], np.int8), (passes, rows, descriptor.taps)))
        alphas.append(rng.integers(0, 256 if rng.random() < 0.5 else 6, (passes, rows)))
    if descriptor.shared:
        weights, alphas = [weights[0]] * len(weights), [alphas[0]] * len(alphas)
    bias = rng.integers(-(1 << 15), 1 << 15, channels) >> rng.integers(0, 12, channels)
    shift = rng.integers(0, 16, channels) if rng.random() < 0.8 else rng.integers(0, 32, channels)
    if descriptor.shared:
        bias, shift = (np.resize(values[:rows], channels) for values in (bias, shift))
    return Operation(descriptor, tuple(weights), tuple(alphas), bias, shift, name)


def timed(descriptor: Descriptor, groups: int, slack: int = 0) -> Descriptor:
    """The descriptor with a period that leaves the writer its time."""
    return replace(descriptor, period=least_period(descriptor, groups, 1) + slack)


def pooled(rng) -> dict[str, int]:
    """A pool along x, or none."""
    d = {
        "pool_stride": int(rng.choice([1, 1, 2, 4, 5])),
        "pool_chunks": int(rng.integers(1, 3)),
        "pool_rest": int(rng.integers(0, 2)),
    }
    if rng.random() < 0.2:
        d |= {"pool_pad": 1, "pool_stride": int(rng.integers(2, 6)), "kind": UNSIGNED}
    elif rng.random() < 0.2:
        d |= {"pool_stride": 2, "pool_chunks": 1, "pool_rest": 0, "pool_mean": 1, "kind": UNSIGNED}
    return d


def gated(rng) -> dict[str, int]:
    """Gates, from anywhere."""
    return {"gated": 1, "in_signed": 0, "gate_first": int(rng.integers(0, 512)), "gate_step": int(rng.integers(0, 9))}


def convolution(rng, groups: int) -> dict[str, int]:
    """A random convolution whose groups all see the same inputs, or one channel at a time."""
    two = rng.random() < 0.5
    d = {
        "taps_c": int(rng.integers(1, 6)),
        "taps_x": int(rng.integers(1, 8)),
        "taps_y": int(rng.integers(1, 4)) if two else 1,
        "stride_x": int(rng.integers(1, 3)),
        "stride_y": int(rng.integers(1, 3)) if two else 1,
        "width": int(rng.integers(1, 60)),
        "height": int(rng.integers(1, 5)) if two else 1,
        "slots": int(rng.choice([1, 2, 4])),
        "channels": int(rng.integers(1, 8 * groups + 2)),
        "kind": int(rng.choice([UNSIGNED, SIGNED])),
        "in_signed": int(rng.integers(0, 2)),
        "bias_shift": int(rng.integers(0, 8)),
        "largest": int(rng.random() < 0.2),
        "shared": int(rng.random() < 0.3),
        "in_chan": int(rng.integers(0, 64)),
        "in_row": int(rng.integers(0, 40)),
        "out_w": int(rng.integers(1, 50)),
        "out_h": int(rng.integers(1, 4)) if two else 1,
        **pooled(rng),
    }
    d["pad_x"] = int(rng.integers(0, min(d["taps_x"], 15)))
    d["pad_y"] = int(rng.integers(0, d["taps_y"]))
    if rng.random() < 0.25:
        d |= {"single": 1, "slots": 1, "in_block": int(rng.integers(0, 40)), "channels": int(rng.integers(1, 5))}
    if rng.random() < 0.2:
        d |= gated(rng)
    if rng.random() < 0.3:
        d |= {"channels": 1, "slots": 1, "table": int(rng.integers(0, 3)), "to_gates": int(rng.integers(0, 2))}
    return d


def windowed(rng, groups: int) -> dict[str, int]:
    """A random operation with windows: rows, flat planes, four of them a group, or the sum of two operands."""
    d = {
        "windows": 1,
        "channels": int(rng.integers(1, 3 * groups + 2)),
        "kind": int(rng.choice([UNSIGNED, SIGNED])),
        "in_signed": int(rng.integers(0, 2)),
        "in_group": int(rng.integers(0, 80)),
        "in_block": int(rng.integers(0, 80)),
        "bias_shift": int(rng.integers(0, 8)),
        "shared": int(rng.random() < 0.3),
    }
    if rng.random() < 0.3:
        d |= gated(rng)
    what = rng.random()
    if what < 0.4:
        two = rng.random() < 0.5
        d |= {
            "taps_x": int(rng.integers(1, 3)),
            "load_taps": int(rng.integers(1, 9)),
            "taps_y": int(rng.integers(1, 4)) if two else 1,
            "in_row": int(rng.integers(0, 40)),
            "pad_x": int(rng.integers(0, 8)),
            "pad_y": int(rng.integers(0, 2)) if two else 0,
            "stride_y": int(rng.integers(1, 3)) if two else 1,
            "width": int(rng.integers(1, 60)),
            "height": int(rng.integers(1, 5)) if two else 1,
            "out_w": int(rng.integers(1, 50)),
            "out_h": int(rng.integers(1, 4)) if two else 1,
            "largest": int(rng.random() < 0.3),
            **pooled(rng),
        }
        if rng.random() < 0.3:
            d |= {"drop_x": 1}
        return d
    if what < 0.7:
        plane = int(rng.integers(1, 4))
        side = 1 << plane
        d |= {"taps_y": 3, "load_taps": 3, "plane": plane, "in_row": side, "pad_x": side + 1, "width": side * side}
        d |= {"out_w": side * side, "drop_x": int(rng.integers(0, 2)), "drop_y": int(rng.integers(0, 2))}
        return d
    if what < 0.8:
        d |= {"taps_y": 3, "load_taps": 3, "plane": 1, "in_row": 2, "width": 31, "height": 31, "out_w": 4, "slots": 4}
        return d
    d |= {"taps_c": 2, "in_chan": int(rng.integers(0, 200)), "other_group": int(rng.integers(0, 80))}
    width = int(rng.integers(1, 70))
    return d | {"width": width, "out_w": width}


def descriptor(rng, groups: int, memory: int, source: int, target: int, windows: bool) -> Descriptor:
    """A random operation from the memory after ``source`` to the ``memory`` bytes from ``target`` on."""
    while True:
        d = (windowed if windows and rng.random() < 0.5 else convolution)(rng, groups)
        if d.get("gated") and d["in_signed"]:
            continue
        d["in_base"] = (source - d.get("pad_x", 0) - d.get("pad_y", 0) * d.get("in_row", 0)) % (1 << 17)
        d["out_base"] = target
        made = Descriptor(**d)
        count = int(made.results().sum())
        if count < 1:
            continue
        d["out_row"] = count
        d["out_chan"] = count * made.out_h * made.planes
        made = timed(Descriptor(**d), groups, int(rng.choice([0, 0, 3])))
        rows = made.blocks(groups) * made.rows(groups)
        step = int(rng.integers(1, 5))
        used = made.out_chan * made.channels
        if used + rows * step > memory:
            continue
        if rng.random() < 0.4 and made.slots * made.windows < 2 and not (made.table or made.to_gates):
            made = replace(
                made,
                mean_blocks=int(rng.integers(1, made.blocks(groups) + 2)),
                mean_base=target + used,
                mean_step=step,
                mean_alpha=int(rng.integers(0, 256)),
                mean_shift=int(rng.integers(0, 14)),
            )
        return made


def program(rng, params, classes: int) -> Program:
    """A program of 2 to 5 operations, which read one half of the memory and write to the other by turns; the last one makes the
    logits. The first one reads the input."""
    groups, half, start = params.groups, params.memory // 2, 2 * params.half
    operations = []
    for number in range(int(rng.integers(1, 5))):
        source, target, room = (0, half, half) if number % 2 == 0 else (half, start, half - start)
        source += (start if number % 2 == 0 else 0) + int(rng.integers(0, 500)) if number else 0
        d = descriptor(rng, groups, room, source, target, params.windows)
        if number == 0:
            d = replace(d, input=1)
        operations.append(parameters(rng, d, groups, f"operation {number + 1}"))
    taps = int(rng.integers(1, 30))
    final = Descriptor(
        in_base=target + int(rng.integers(0, 50)),
        width=taps,
        taps_x=taps,
        channels=classes,
        slots=int(rng.choice([1, 2])),
        kind=LOGITS,
        in_signed=int(rng.integers(0, 2)),
        bias_shift=4,
        end=1,
    )
    operations.append(parameters(rng, timed(final, groups), groups, "logits"))
    tables = rng.integers(0, 256, (2, 256)).astype(np.uint8)
    samples = int(rng.integers(500, params.window + 1))
    return Program(groups, tuple(delayed(operations, groups, params.memory)), tables, samples, int(rng.integers(0, 2)))


def multibit(rng, name: str, source, target, channels: int, kernel, **more) -> Multibit:
    """A convolution with random weights of 0 to 3 bases a channel."""
    inputs = source.count if isinstance(source, Slice) else source.channels
    count = rng.integers(0, 4, channels)
    n = int(count.sum())
    seen = 1 if more.get("depthwise") else inputs
    return Multibit(
        name,
        source,
        target,
        count,
        rng.choice(np.array([-1, 1], np.int8), (n, seen, *kernel)),
        rng.integers(1, 32, n),
        rng.integers(-2000, 2000, channels),
        rng.integers(6, 12, channels),
        bias_shift=int(rng.integers(0, 4)),
        **more,
    )


def row_graph(rng, window: int) -> Graph:
    """A small network on one row: convolutions with strides and pools, dense connections, depthwise kernels, a residual addition
    with shifts, channel attention with a table, average pools."""
    x = Tensor("input", 1, 1, window, signed=True)
    a = Tensor("a", int(rng.integers(3, 12)), 1, ((window - 1) // 2 + 1 - 8) // 4 + 1, sortable=True)
    width = a.width
    grown = Tensor("grown", 12, 1, width)
    deep = Tensor("deep", 4, 1, width, signed=True)
    sums = Tensor("sums", 4, 1, width)
    mean, gates, table = Tensor("mean", 1, 1, 12), Tensor("gates", 1, 1, 12), Tensor("looked up", 1, 1, 12)
    scaled, gated = Tensor("scaled", 12, 1, width), Tensor("gated", 1, 1, 12)
    halved = Tensor("halved", 12, 1, width // 2)
    quarter = Tensor("quarter", 12, 1, (width // 2 - 3) // 2 + 1)
    kernel = int(rng.choice([3, 7, 15]))
    return Graph(
        x,
        (
            multibit(rng, "stem", x, a, a.channels, (1, 7), stride=(1, 2), pad=(0, 3), pool=(8, 4)),
            multibit(rng, "dense 1", a, Slice(grown, 0, 8), 8, (1, 1)),
            multibit(rng, "depthwise", Slice(grown, 0, 4, 2), deep, 4, (1, kernel), pad=(0, kernel // 2), depthwise=True),
            Average("copy", deep, sums),
            Add("add", Slice(grown, 1, 4), sums, Slice(grown, 8, 4), up=tuple(rng.integers(0, 4, 2).tolist()), shift=2),
            GlobalAverage("mean", grown, mean, alpha=int(rng.integers(1, 20)), shift=6),
            multibit(rng, "attention", mean, gates, 1, (1, 3), pad=(0, 1)),
            Average("sigmoid", gates, table, table=rng.integers(0, 256, 256)),
            Scale("gated mean", mean, table, gated, shift=8),
            Scale("scale", grown, table, scaled, shift=8),
            Average("halve", scaled, halved, (1, 2), (1, 2), shift=1),
            Average("threes", halved, quarter, (1, 3), (1, 2), alpha=21, shift=6),
            multibit(rng, "output", quarter, None, 5, (1, quarter.width)),
        ),
        "row",
    )


def square_graph(rng, window: int) -> Graph:
    """A small network on an image: two-dimensional convolutions with strides, pools, a split, a shuffle."""
    size = 24
    image = Tensor("input", 1, size, size, signed=True)
    stem = Tensor("stem", 8, size // 2, size // 2)
    down = Tensor("down", 8, size // 4, size // 2)
    pooled = Tensor("pooled", 8, size // 4, size // 4)
    branch, deep = Tensor("branch", 4, size // 4, size // 4), Tensor("deep", 4, size // 4, size // 4, signed=True)
    mixed = Tensor("mixed", 8, size // 4, size // 4)
    ends = Tensor("ends", 6, size // 8, size // 8, sortable=True)
    side = size // 8
    return Graph(
        image,
        (
            multibit(rng, "stem", image, stem, 8, (7, 7), stride=(2, 2), pad=(3, 3)),
            MaxPool("rows pooled", stem, down, 2, 2),
            MaxPool("columns pooled", down, pooled, 2, 2, across=True),
            multibit(rng, "pointwise", Slice(pooled, 4, 4), branch, 4, (1, 1)),
            multibit(rng, "depthwise", branch, deep, 4, (3, 3), pad=(1, 1), depthwise=True),
            multibit(rng, "mix", deep, Slice(mixed, 1, 4, 2), 4, (1, 1)),
            Average("pass by", Slice(pooled, 0, 4), Slice(mixed, 0, 4, 2)),
            multibit(rng, "down", mixed, ends, 6, (3, 3), stride=(2, 2), pad=(1, 1)),
            multibit(rng, "output", ends, None, 5, (side, side)),
        ),
        "square",
    )
