"""Pictures of README and docs: confusion matrices, the data's way through the hardware."""

from pathlib import Path

import numpy as np

from hw.binary import folding
from hw.binary.datapath import DatapathParams
from hw.binary.top import cycles
from sw import pictures
from sw.export import bundle
from sw.pictures import pyplot


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
