"""A picture of where the cycles go: every operation of every network, and which part of its lanes' time is work."""

from pathlib import Path

import numpy as np

from sw import pictures
from sw.export.array.compiler import Compiled
from sw.export.array.program import cycles
from sw.pictures import pyplot


def draw(made: list[Compiled], path: Path) -> Path:
    """A row for each network: operations in their order from left to right, as wide as their cycles, filled as high as the lanes
    are busy. The longest ones have their names."""
    figure, axes = pyplot.subplots(len(made), 1, figsize=(13, 2.1 * len(made) + 0.6), squeeze=False)
    for axis, each in zip(axes[:, 0], made, strict=True):
        rows = each.listing()
        width = np.array([row["cycles"] for row in rows])
        left, total = np.concatenate([[0], np.cumsum(width)[:-1]]), cycles(each.program)
        axis.bar(left, 1, width, align="edge", color="0.93", edgecolor="0.8", linewidth=0.3)
        axis.bar(
            left, [row["utilisation"] for row in rows], width, align="edge", color="steelblue", edgecolor="white", linewidth=0.3
        )
        for row, at, wide in zip(rows, left, width, strict=True):
            if wide > 0.025 * total:
                axis.text(at + wide / 2, 0.05, row["operation"], rotation=90, ha="center", va="bottom", fontsize=6)
        axis.set_xlim(0, total)
        axis.set_ylim(0, 1)
        axis.set_yticks([0, 0.5, 1], ["0", "50 %", "100 %"], fontsize=7)
        axis.tick_params(axis="x", labelsize=7)
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axis.set_title(
            f"{each.graph.name}: {total:,} cycles, {100 * each.utilisation:.1f} % of the lanes busy", fontsize=9, loc="left"
        )
    axes[-1, 0].set_xlabel("cycles", fontsize=8)
    figure.supylabel("lanes busy", fontsize=8)
    return pictures.save(figure, path, dpi=110)
