"""Accuracy of a multi-bit network against its stored bytes: one fold, several budgets, drawn beside what others publish.

Every budget starts from the same float twin and goes through the whole of ALQ by the model's recipe. Accuracies are those of the
integer model on the fold's *validation* windows, which also choose the checkpoint: they compare budgets and are no estimate for new
windows. The test fold stays closed.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from safetensors.numpy import save
from torch.nn import functional

from sw import cli, files, metrics, networks, pictures
from sw.data import folds, protocols, source, tasks
from sw.errors import PopbeatError
from sw.export.array import bundle, golden, integer
from sw.export.array import fold as multibit_fold
from sw.models import alq
from sw.models.multibit import FloatNet
from sw.pictures import pyplot
from sw.training import trainer as common
from sw.training.multibit import RECIPES, Lines, Recipe, quantise, train_twin, widths

FOLD = 0
# Stored bytes, from one base a channel on; the recipe's own are among them.
BUDGETS = (11_669, 12_569, 13_834, 16_969, 21_969)
STORED = files.ROOT / "docs" / "alq_curve.json"
PICTURE = files.ROOT / "docs" / "alq_curve.png"


@dataclass(frozen=True)
class Published:
    """A figure of another work on the same 17 classes: ``kib`` as published, accuracy in percent."""

    name: str
    kib: float
    accuracy: float
    counted: str


# Sun et al., arXiv 2202.12943, and the comparison in it; the third counted anew in the published network's files. Their test
# windows come from a split that is not disjoint from the training windows.
PUBLISHED = (
    Published("float", 316.30, 93.5, "fp32"),
    Published("ALQ", 13.54, 95.84, "as published: bases only"),
    Published("ALQ, every bit", 84.71, 95.84, "bases, fp32 alpha and biases"),
    Published("DoReFa-3", 29.50, 82.87, "as published"),
    Published("INQ", 39.34, 92.76, "as published"),
    Published("BinaryConnect", 9.84, 55.15, "as published"),
)


def for_budget(recipe: Recipe, stored_bytes: int) -> Recipe:
    """The recipe for a budget; more bytes may also take more cycles. The lanes' utilisation is asked for at the recipe's own."""
    if stored_bytes == recipe.stored_bytes:
        return recipe
    more = max(1.0, stored_bytes / recipe.stored_bytes)
    return replace(
        recipe, stored_bytes=stored_bytes, width=recipe.width * more, cycles=round(recipe.cycles * more), utilisation=0.0
    )


def bundle_folder(model: str, stored_bytes: int) -> Path:
    """Where the network of a budget lies."""
    return files.BUILD / model / "curve" / str(stored_bytes) / "bundle"


def group_sizes(network: networks.MultibitNetwork) -> dict[str, list[int]]:
    """Weights that share their alpha, for each layer: an output channel, and the published groups (a kernel row of a
    convolution, half a row of the dense layer, a row of the output)."""
    last = len(network.layers) - 1
    published = [c.taps if i == last else c.taps // 2 if i == last - 1 else c.kernel for i, c in enumerate(network.layers)]
    return {"output channel": [c.taps for c in network.layers], "published groups": published}


@torch.no_grad()
def compare_groups(twin: FloatNet, windows: torch.Tensor, label: torch.Tensor) -> list[dict]:
    """Greedy bases without any training, for each kind of group and number of bases: stored bytes with every alpha in the network's
    bits and a count a group, the share of the weights' energy that is lost, and the accuracy on ``windows``."""
    network, rows = twin.network, []
    without = network.stored_bits([0] * len(network.layers)) - sum(c.out_channels for c in network.layers) * networks.COUNT_BITS
    for name, sizes in group_sizes(network).items():
        for most in range(1, 4):
            bits, lost, energy, x = without, 0.0, 0.0, windows
            for layer, size, (weight, bias) in zip(network.layers, sizes, twin.folded(), strict=True):
                groups = weight.reshape(-1, size)
                near = alq.compose(*alq.greedy(groups, most))
                lost, energy = lost + float(((groups - near) ** 2).sum()), energy + float((groups**2).sum())
                bits += len(groups) * (most * (size + network.alpha_bits) + networks.COUNT_BITS)
                x = functional.conv1d(x, near.reshape(weight.shape), bias, layer.stride, layer.pad)
                x = functional.max_pool1d(functional.relu(x), layer.pool, layer.pool_stride) if layer.relu else x
            accuracy = float((x.flatten(1).argmax(1) == label).float().mean())
            rows.append(
                {
                    "groups": name,
                    "bases": most,
                    "stored_bytes": -(-bits // 8),
                    "lost_energy": round(lost / energy, 4),
                    "validation_accuracy": round(accuracy, 4),
                }
            )
    return rows


def measure(model: networks.Model, data: common.Data, recipe: Recipe, budgets: tuple[int, ...], bar) -> dict:
    """The curve's figures; every budget resumes where it was interrupted."""
    split, home = folds.load(model.task, data.windows, FOLD), files.BUILD / model.name
    label = data.windows.label[split.validation]
    trained = home / "train" / protocols.COMPARABLE / f"fold{FOLD}"
    twin = train_twin(model, data, FOLD, recipe, trained, Lines(bar, f"{model.name} fold {FOLD}"))
    points = []
    for stored_bytes in budgets:
        lines = Lines(bar, f"{stored_bytes:,} bytes")
        # The recipe's own budget is what make train trains.
        folder = trained if stored_bytes == recipe.stored_bytes else home / "curve" / str(stored_bytes)
        net, _, _ = quantise(model, data, FOLD, twin.net, for_budget(recipe, stored_bytes), folder, lines)
        packed = multibit_fold.export(model.name, data.task, net, {})
        stored = multibit_fold.parameters(net)
        golden.prove(packed, stored, data.raw[split.validation])
        predicted = integer.run(packed, data.raw[split.validation], keep=False).label
        bundle.write(packed, bundle_folder(model.name, stored_bytes), save(stored))
        right = int((predicted == label).sum())
        points.append(
            {
                "budget": stored_bytes,
                **widths(packed),
                "accuracy": round(right / len(label), 4),
                "ci95": metrics.wilson(right, len(label)),
            }
        )
    windows = data.input[split.validation][:, None]
    return {
        "model": model.name,
        "protocol": f"validation windows of fold {FOLD}, integer model; they choose the checkpoint too; one training a point",
        "windows": len(label),
        "float_accuracy": round(twin.best[0], 4),
        "data": data.source.kind,
        "points": points,
        "groups": compare_groups(twin.net, windows, torch.from_numpy(label)),
        "command": f"make curve MODEL={model.name}",
    }


def draw(figures: dict, path=PICTURE) -> None:
    """The picture: own points with their intervals, the float twin, and what is published."""
    figure, axis = pyplot.subplots(figsize=(8, 4.8))
    kib = np.array([p["stored_bytes"] for p in figures["points"]]) / 1024
    accuracy = 100 * np.array([p["accuracy"] for p in figures["points"]])
    low, high = 100 * np.array([p["ci95"] for p in figures["points"]]).T
    name, reach = figures["model"], (accuracy - low, high - accuracy)
    axis.errorbar(kib, accuracy, reach, marker="o", capsize=3, label=f"{name}, every stored bit")
    axis.axhline(100 * figures["float_accuracy"], linestyle="--", linewidth=1, label=f"{name}, float twin")
    for point in PUBLISHED:
        axis.plot(point.kib, point.accuracy, marker="x", color="grey")
        axis.annotate(
            f"{point.name}\n({point.counted})", (point.kib, point.accuracy), (4, -18), textcoords="offset points", fontsize=7
        )
    axis.set_xscale("log")
    axis.set_xticks([8, 16, 32, 64, 128, 256], ["8", "16", "32", "64", "128", "256"])
    axis.minorticks_off()
    axis.set_xlim(7, 700)
    axis.set_ylim(50, 101)
    axis.set_xlabel("stored KiB")
    axis.set_ylabel("accuracy, %")
    title = f"{name}: {figures['windows']} validation windows of fold {FOLD}; grey: published, other windows and splits"
    axis.set_title(title, fontsize=9)
    axis.legend(loc="lower right", fontsize=8)
    pictures.save(figure, path)


app = cli.new_app(__doc__)


@app.command()
def main(
    model: Annotated[str, typer.Option(help="Multi-bit model")] = "alq17",
    redraw: Annotated[bool, typer.Option(help="Draw the stored figures again, without training")] = False,
) -> None:
    """Train a multi-bit network at several sizes and draw its validation accuracy against its stored bytes."""
    if model not in networks.of_kind(networks.MultibitNetwork):
        known = ", ".join(networks.of_kind(networks.MultibitNetwork))
        raise PopbeatError(f"{model!r} is no multi-bit model; there are {known}")
    if not redraw:
        source.real("the curve is")
        chosen = networks.get(model)
        with cli.progress() as bar:
            figures = measure(chosen, common.Data(tasks.get(chosen.task)), RECIPES[model], BUDGETS, bar)
        files.write_json(STORED, figures)
    draw(files.read_json(STORED, "figures of the curve"))
    cli.say(f"figures: {STORED}\npicture: {PICTURE}")


if __name__ == "__main__":
    cli.run(app)
