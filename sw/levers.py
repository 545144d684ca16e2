"""What each lever of a training brings: recipes that differ in one thing, judged on the validation part of fold 0 alone.

Validation windows are few, so further windows beside them, which no protocol trains on, are counted too (their labels are the
rule's). Test folds have no part in this. Figures go to ``docs/accuracy.json``, tables to ``docs/accuracy.md``.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import torch
import typer

from sw import cli, document, files, metrics, networks
from sw.data import protocols, tasks
from sw.errors import PopbeatError
from sw.export import fold
from sw.train import RECIPES, RECORDS_RECIPES, Data, Part, Recipe, pretrain, train_part

FOLD = 0
STORED = files.ROOT / "docs" / "accuracy.json"
DOCUMENT = files.ROOT / "docs" / "accuracy.md"


@dataclass(frozen=True)
class Lever:
    """One row of the table: a protocol, and what it changes in that protocol's recipe."""

    text: str
    protocol: str
    change: Callable[[Recipe], Recipe] = lambda recipe: recipe
    binary: bool = True

    def recipe(self, model: str, seed: int) -> Recipe:
        """The recipe of a model with the lever, and another seed behind the pretraining."""
        base = (RECIPES if self.protocol == protocols.COMPARABLE else RECORDS_RECIPES)[model]
        return replace(self.change(base), seed=seed)


def _first(**changes) -> Callable[[Recipe], Recipe]:
    return lambda recipe: replace(recipe, pretraining=replace(recipe.pretraining, **changes))


def _last(**changes) -> Callable[[Recipe], Recipe]:
    return lambda recipe: replace(recipe, **changes)


LEVERS = {
    "records": Lever("further windows, staged pretraining, then the task's own as well", protocols.RECORDS),
    "twin": Lever("the float twin of that", protocols.RECORDS, binary=False),
    "no-neighbours": Lever("without the task's windows next to test windows", protocols.NO_NEIGHBOURS),
    "own": Lever("after the pretraining, the task's own windows only", protocols.RECORDS, _last(own=1.0)),
    "rate": Lever(
        "after the pretraining, latent weights at 3e-2, the rest at 5e-3", protocols.RECORDS, _last(latent_rate=3e-2, rate=5e-3)
    ),
    "unstaged": Lever("signs and weights become binary at once", protocols.RECORDS, _first(sign_epochs=0)),
}


def measure(model: networks.Model, data: Data, lever: Lever, recipe: Recipe, folder, bar) -> dict:
    """Train with a lever on fold 0 and count right classes on its validation windows and on the further windows beside these."""
    kind, part = "binary" if lever.binary else "float", Part(FOLD, lever.protocol)
    first = (
        pretrain(model, data, recipe.pretraining, files.BUILD / model.name / "train" / "pretrained", bar)
        if recipe.pretraining
        else {}
    )
    trainer = train_part(model, data, part, kind, recipe, folder, bar, first.get(kind))
    net = fold.golden(model.network, trainer.best_parameters, binary=lever.binary)
    beside = protocols.beside_validation(data.task, data.windows, data.further, FOLD) + len(data.windows)
    counts = {}
    for name, rows in (("validation", trainer.split.validation), ("beside", beside)):
        with torch.no_grad():
            predicted = np.concatenate([net(data.input[c][:, None].double()).argmax(1).numpy() for c in np.array_split(rows, 8)])
        counts[name] = {"windows": len(rows), "right": int((predicted == data.label[rows].numpy()).sum())}
    return counts | {"seed": recipe.seed, "seconds": round(trainer.seconds, 1)}


def table(figures: dict) -> str:
    """A row for each lever: accuracy over all windows that choose, by seed, and its spread."""
    rows = []
    for name, row in figures["levers"].items():
        each = [
            sum(run[k]["right"] for k in ("validation", "beside")) / sum(run[k]["windows"] for k in ("validation", "beside"))
            for run in row["runs"]
        ]
        total = sum(run[k]["windows"] for run in row["runs"] for k in ("validation", "beside"))
        right = sum(run[k]["right"] for run in row["runs"] for k in ("validation", "beside"))
        low, high = metrics.wilson(right, total)
        own = [run["validation"] for run in row["runs"]]
        rows.append(
            [
                f"`{name}`",
                row["text"],
                row["protocol"],
                metrics.percent(float(np.mean([o["right"] / o["windows"] for o in own]))),
                f"{metrics.percent(float(np.mean(each)))} ({100 * low:.1f} to {100 * high:.1f})",
                f"{100 * (max(each) - min(each)):.1f}" if len(each) > 1 else "",
                ", ".join(str(run["seed"]) for run in row["runs"]),
            ]
        )
    header = ["lever", "", "protocol", "validation windows", "and those beside (95 %)", "spread, points", "seeds"]
    return document.table(header, rows)


app = cli.new_app(__doc__)


@app.command()
def main(
    model: Annotated[str, typer.Option(help="Binary model")] = "bnn17",
    lever: Annotated[str, typer.Option(help="Levers with commas: " + ", ".join(LEVERS))] = "records",
    seeds: Annotated[str, typer.Option(help="Seeds with commas")] = "1",
    redraw: Annotated[bool, typer.Option(help="Draw the stored figures again, without training")] = False,
) -> None:
    """Train with levers on fold 0 and write what its validation part says to docs; resumes where it was interrupted."""
    unknown = [name for name in lever.split(",") if name not in LEVERS]
    if unknown:
        raise PopbeatError(f"unknown lever {unknown[0]!r}; there are {', '.join(LEVERS)}")
    figures = files.read_json(STORED, "figures of the levers") if STORED.is_file() else {"model": model, "fold": FOLD, "levers": {}}
    if not redraw:
        chosen = networks.get(model)
        with cli.progress() as bar:
            data = Data(tasks.get(chosen.task), further=True)
            for name in lever.split(","):
                for seed in map(int, seeds.split(",")):
                    recipe = LEVERS[name].recipe(model, seed)
                    run = measure(chosen, data, LEVERS[name], recipe, files.BUILD / model / "levers" / f"{name}{seed}", bar)
                    before = figures["levers"].get(name, {}).get("runs", [])
                    runs = sorted([r for r in before if r["seed"] != seed] + [run], key=lambda r: r["seed"])
                    figures["levers"][name] = {"text": LEVERS[name].text, "protocol": LEVERS[name].protocol, "runs": runs}
                    files.write_json(STORED, figures | {"data": data.source.kind})
    cli.say(table(figures))


if __name__ == "__main__":
    cli.run(app)
