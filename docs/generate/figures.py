"""Pictures of README and docs: confusion matrices, the data's way through the hardware."""

from pathlib import Path

import numpy as np

from hw.binary import folding
from hw.binary.datapath import DatapathParams
from hw.binary.top import cycles
from sw import pictures
from sw.beats import chain
from sw.data import synthetic
from sw.data.mitbih import RATE
from sw.export import bundle
from sw.pictures import pyplot

OVERVIEW = "bnnbeat5"  # the network that names the beats of the picture of the whole
SHOWN = "Trigeminy"  # the synthesiser's rhythm in it


def confusion(path: Path, name: str, protocol: str, figures: dict) -> None:
    """A confusion matrix: rows are the truth, shades the share of a row."""
    matrix, labels = np.array(figures["confusion"]), list(figures["per_class"])
    size = 1.6 + 0.36 * len(labels)
    figure, axis = pyplot.subplots(figsize=(size + 0.8, size))
    axis.imshow(matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1), cmap="Greys", vmin=0, vmax=1)
    for row, column in np.argwhere(matrix):
        dark = matrix[row, column] > 0.5 * matrix[row].sum()
        axis.text(column, row, matrix[row, column], ha="center", va="center", fontsize=7, color="white" if dark else "black")
    axis.set_xticks(range(len(labels)), labels, rotation=90, fontsize=8)
    axis.set_yticks(range(len(labels)), labels, fontsize=8)
    axis.set_xlabel("hardware's class")
    axis.set_ylabel("true class")
    axis.set_title(f"{name}, protocol {protocol}", fontsize=9)
    pictures.save(figure, path)


def dataflow(path: Path) -> None:
    """The data's way through the hardware of ``bnn17``, with the foldings and cycles of the full-rate configuration."""
    params = DatapathParams(bundle.read(bundle.SHIPPED / "bnn17"), folding.get("full"))
    exact, blocks = cycles(params), params.blocks
    boxes = [("s_axis", "raw samples\n12 bits"), ("normaliser", "z-score, Q3.8\nring of 8,192\nsamples")]
    for number, block in enumerate(blocks, start=1):
        g, where = block.geometry, "block RAM" if block.folding.memory else "logic"
        boxes.append(
            (
                f"block {number}",
                f"{g.in_channels}→{g.out_channels} channels\nPE {block.matrix.pe} × SIMD {block.matrix.simd}\n"
                f"weights in {where}\n{block.cycles:,} cycles",
            )
        )
    boxes.append(("head", f"27 positions\n{params.head.classes} logits\nargmax"))
    boxes.append(("m_axis", "class, logits,\nwindow number"))
    figure, axis = pyplot.subplots(figsize=(13, 3.6))
    width, gap, columns = 2.1, 0.5, 5
    for index, (name, text) in enumerate(boxes):
        row, column = divmod(index, columns)
        x, y = column * (width + gap), -row * 2.1
        axis.add_patch(pyplot.Rectangle((x, y), width, 1.55, fill=False, linewidth=1.2))
        axis.text(x + width / 2, y + 1.33, name, ha="center", va="center", fontsize=10, weight="bold")
        axis.text(x + width / 2, y + 0.6, text, ha="center", va="center", fontsize=8)
        if column + 1 < columns and index + 1 < len(boxes):
            axis.annotate("", (x + width + gap, y + 0.8), (x + width, y + 0.8), arrowprops={"arrowstyle": "->"})
    end, start = (width / 2, -0.53), (4 * (width + gap) + width / 2, -0.02)
    axis.annotate("", end, start, arrowprops={"arrowstyle": "->"})
    axis.set_title(
        f"bnn17, configuration full: all stages at once; a window every {exact.interval:,} cycles, "
        f"a class {exact.latency:,} cycles after the first normalised sample",
        fontsize=10,
    )
    axis.set_xlim(-0.1, columns * (width + gap) - gap + 0.1)
    axis.set_ylim(-2.2, 1.65)
    axis.axis("off")
    pictures.save(figure, path)


def overview(path: Path, stored: dict) -> None:
    """The whole in one picture: a recording, a trained network, an FPGA, labelled beats. The signal is drawn by the synthesiser,
    since no recording may be shown; the labels are what the integer model of ``bnnbeat5`` says of it."""
    packed = bundle.read(bundle.SHIPPED / OVERVIEW)
    signal = np.round(synthetic.GAIN * synthetic.record("119", [SHOWN] * 6)[0]).astype(np.int64)
    made = chain.run(packed, signal)
    first, last = 30 * RATE, 36 * RATE
    time = np.arange(last - first) / RATE
    figure = pyplot.figure(figsize=(13, 4))
    grid = figure.add_gridspec(1, 3, width_ratios=(1, 1.15, 1))
    raw, between, told = (figure.add_subplot(grid[k]) for k in range(3))
    for axis, title in ((raw, "raw samples, 360 Hz"), (told, f"every beat named ({OVERVIEW}, integer model)")):
        axis.plot(time, signal[first:last], linewidth=0.9, color="black")
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("seconds (SYNTHETIC SIGNAL)", fontsize=9)
        axis.set_yticks([])
        axis.set_ylim(signal[first:last].min() - 30, signal[first:last].max() + 90)
    for position, symbol in zip(made.position, made.symbols(packed.classes), strict=True):
        if first + 20 <= position < last - 20:
            color = "tab:red" if symbol != "N" else "tab:green"
            place = (position - first) / RATE, signal[position - 30 : position + 30].max() + 25
            told.text(*place, symbol, ha="center", fontsize=12, weight="bold", color=color)
    model, whole = stored["models"][OVERVIEW], stored["end_to_end"]["rtl"]
    placed = model["fpga"]["ecp5-25k/record"]
    boxes = (
        ("trained network", f"PyTorch, quantised\n{OVERVIEW}: {model['stored_bytes']:,} bytes"),
        (
            "Verilog, equal in every integer",
            f"simulated on {whole['records']} recordings, {whole['beats']:,} beats:\n{whole['mismatches']} values differ",
        ),
        (
            "FPGA, placed and routed",
            f"{placed['device']}: {placed['lut4']:,} LUT4, {placed['fmax_mhz']:.0f} MHz\n"
            f"a label {placed['classification_us']:.0f} µs after a beat is known",
        ),
    )
    between.axis("off")
    between.set_xlim(0, 1)
    between.set_ylim(0, 1)
    for row, (title, text) in enumerate(boxes):
        y = 0.72 - 0.34 * row
        between.add_patch(pyplot.Rectangle((0.12, y), 0.76, 0.26, fill=False, linewidth=1.2))
        between.text(0.5, y + 0.185, title, ha="center", va="center", fontsize=10, weight="bold")
        between.text(0.5, y + 0.08, text, ha="center", va="center", fontsize=8.5)
        if row:
            between.annotate("", (0.5, y + 0.26), (0.5, y + 0.34), arrowprops={"arrowstyle": "->"})
    for x in ((0.0, 0.11), (0.89, 1.0)):
        between.annotate("", (x[1], 0.5), (x[0], 0.5), arrowprops={"arrowstyle": "->", "linewidth": 2})
    pictures.save(figure, path)
