"""Pictures of recordings with what the hardware made of them."""

from pathlib import Path

import numpy as np

from sw import pictures
from sw.data.windows import Task
from sw.pictures import pyplot


def draw(path: Path, title: str, rows: list[tuple[str, bool, np.ndarray]], rate: int) -> Path:
    """One strip a row: (caption, whether the label is right, samples). Wrong ones are red."""
    figure, axes = pyplot.subplots(len(rows), 1, figsize=(12, 1.05 * len(rows) + 0.8), squeeze=False, sharex=True)
    for axis, (caption, right, samples) in zip(axes[:, 0], rows, strict=True):
        axis.plot(np.arange(len(samples)) / rate, samples, linewidth=0.6, color="black" if right else "firebrick")
        axis.set_ylabel(caption, rotation=0, ha="right", va="center", fontsize=8, color="black" if right else "firebrick")
        axis.set_yticks([])
        axis.margins(x=0)
        for side in ("top", "right", "left"):
            axis.spines[side].set_visible(False)
    axes[-1, 0].set_xlabel("seconds")
    figure.suptitle(title, fontsize=10)
    return pictures.save(figure, path, dpi=110, rect=(0, 0, 1, 1 - 0.3 / figure.get_figheight()))


def one_a_class(path: Path, model: str, task: Task, samples, truth, told: list[str], places, rate: int, synthetic: bool) -> Path:
    """One strip a class, the first window of each; ``truth`` as the task has labels, ``told`` what the hardware says in words;
    ``places`` names their records. Synthetic signals are called so."""
    rows = []
    for number in range(len(task.classes)):
        found = np.flatnonzero(truth >> number & 1 if task.sets else truth == number)
        if len(found):
            row = int(found[0])
            name = task.named(int(truth[row]))
            caption = f"{name}\nhardware: {told[row]}\n{places[row]}"
            rows.append((caption, told[row] == name, samples[row]))
    title = f"{model}: one window of each class, and the class that the simulated hardware gives"
    if synthetic:
        title = f"SYNTHETIC ECG, NO RECORDING - {title}"
    return draw(path, title, rows, rate)
