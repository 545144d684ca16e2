"""What each lever of a training brings: recipes that differ in one thing, judged on the validation part of fold 0 alone.

Validation windows are few, so further windows beside them, which no protocol trains on, are counted too (their labels are the
rule's). Test folds have no part in this. Figures go to ``docs/levers.json``, tables to ``docs/levers.md``.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from sw import cli, document, files, metrics, networks
from sw.data import mitbih, protocols, pseudo_labels, source, tasks
from sw.errors import PopbeatError
from sw.export.binary import fold
from sw.training import beat_levers, beat_seeds
from sw.training.binary import PRETRAINED, RECIPES, RECORDS_RECIPES, start_of, train_part
from sw.training.trainer import Data, Part, Recipe

FOLD = 0
STORED = files.ROOT / "docs" / "levers.json"
DOCUMENT = files.ROOT / "docs" / "levers.md"
PLACES = ("validation", "beside")


@dataclass(frozen=True)
class Lever:
    """One row of the table: a protocol, and what it changes in that protocol's recipe."""

    text: str
    protocol: str
    change: Callable[[Recipe], Recipe] = lambda recipe: recipe
    binary: bool = True

    def base(self, model: str) -> Recipe:
        """The protocol's recipe."""
        return (RECIPES if self.protocol == protocols.COMPARABLE else RECORDS_RECIPES)[model]

    def recipe(self, model: str, seed: int) -> Recipe:
        """The recipe of a model with the lever; the seed is that of the training behind the pretraining."""
        return replace(self.change(self.base(model)), seed=seed)


def _last(**changes) -> Callable[[Recipe], Recipe]:
    """Another training behind the pretraining."""
    return lambda recipe: replace(recipe, **changes)


def _first(**changes) -> Callable[[Recipe], Recipe]:
    """Another pretraining."""
    return lambda recipe: replace(recipe, pretraining=replace(recipe.pretraining, **changes))


def _then(*changes: Callable[[Recipe], Recipe]) -> Callable[[Recipe], Recipe]:
    """One change after the other."""
    return lambda recipe: reduce(lambda made, change: change(made), changes, recipe)


# What the recipes were before their rates were raised, their batches doubled and windows only moved.
_BEFORE = {"batch": 64, "latent_rate": 1e-2, "rate": 2e-3, "sign_rate": 0.0, "triangle": False, "turn": 1.0, "hold": False}
_WAS = _then(_last(**_BEFORE), _first(**_BEFORE | {"latent_rate": 3e-2, "rate": 5e-3, "dropout": 0.5}))
# What they were before both got longer.
_SHORT = _then(_WAS, _first(epochs=80, sign_epochs=15, twin_epochs=40))
_BRIEF = {"epochs": 12, "twin_epochs": 5}

_OF_BNN17 = {
    "comparable": Lever("the task's own windows, 400 epochs", protocols.COMPARABLE),
    "pretrained": Lever(
        "further windows only, in or next to none of the task, 80 epochs; staged from the twin",
        protocols.RECORDS,
        _then(_SHORT, _last(epochs=0)),
    ),
    "pretrained-twin": Lever(
        "the float twin of that", protocols.RECORDS, _then(_SHORT, _last(epochs=0, twin_epochs=0)), binary=False
    ),
    "brief": Lever(
        "behind that, 12 epochs of the task's own windows and all further ones",
        protocols.RECORDS,
        _then(_SHORT, _last(**_BRIEF)),
    ),
    "strong": Lever(
        "as brief, dropout and augmentation as before it",
        protocols.RECORDS,
        _then(_SHORT, _last(dropout=0.5, noise=0.05, warp=0.1, gain=0.2, wander=0.3, **_BRIEF)),
    ),
    "longer-first": Lever("as brief, behind a pretraining of 240 epochs", protocols.RECORDS, _then(_WAS, _last(**_BRIEF))),
    "long": Lever("behind that, 120 epochs", protocols.RECORDS, _WAS),
    "fast": Lever(
        "as long, latent weights at 3e-2, the rest at 5e-3", protocols.RECORDS, _then(_WAS, _last(latent_rate=3e-2, rate=5e-3))
    ),
    "unaveraged": Lever("as long, with all that is listed above but the averages", protocols.RECORDS, _last(average=0.0)),
    "records": Lever("as unaveraged, averages of the weights compete: the recipe", protocols.RECORDS),
    "longer": Lever("as records, 400 epochs", protocols.RECORDS, _last(epochs=400)),
    "twin": Lever("the float twin of records", protocols.RECORDS, binary=False),
    "no-neighbours": Lever("without the task's windows next to test windows", protocols.NO_NEIGHBOURS),
    "own": Lever("as records, behind the pretraining the task's own windows only", protocols.RECORDS, _last(own=1.0)),
    "unstaged": Lever("as records, signs and weights become binary at once", protocols.RECORDS, _first(sign_epochs=0)),
}
# What its recipe was at first.
_FROM_CHANCE = {"epochs": 60, "sign_epochs": 0, "twin_epochs": 30}
_QUICK = _last(epochs=20, sign_epochs=15, twin_epochs=20)
_OF_BNN5 = {
    "comparable": Lever("the task's own windows, 45 epochs", protocols.COMPARABLE),
    "brief": Lever("with further windows, from chance, 60 epochs", protocols.RECORDS, _last(**_BEFORE | _FROM_CHANCE)),
    "staged": Lever(
        "as brief, from the twin: 15 epochs with signs alone, then 60",
        protocols.RECORDS,
        _last(**_BEFORE | _FROM_CHANCE | {"sign_epochs": 15}),
    ),
    "long": Lever("as staged, 40 and 200 epochs", protocols.RECORDS, _last(**_BEFORE | {"epochs": 200})),
    "long-twin": Lever("the float twin of long, 60 epochs", protocols.RECORDS, _last(**_BEFORE), binary=False),
    "records": Lever("as staged, 40 and 160 epochs, with all that is listed above: the recipe", protocols.RECORDS),
    "small": Lever("as records, batches of 64 windows instead of 128", protocols.RECORDS, _last(batch=64)),
    "twin": Lever("the float twin of records, 60 epochs", protocols.RECORDS, binary=False),
    "quick": Lever("as records, 15 and 20 epochs from a twin of 20", protocols.RECORDS, _QUICK),
    "quick-signs": Lever("as quick, signs alone at 2e-3 instead of 4e-2", protocols.RECORDS, _then(_QUICK, _last(sign_rate=2e-3))),
    "quick-slow": Lever(
        "as quick, latent weights at 1e-2 instead of 6e-2, the rest at 2e-3 instead of 1e-2 (the twin, too)",
        protocols.RECORDS,
        _then(_QUICK, _last(latent_rate=1e-2, rate=2e-3)),
    ),
    "quick-flat": Lever(
        "as quick, the gradient of signs is flat from -1 to 1 instead of a triangle",
        protocols.RECORDS,
        _then(_QUICK, _last(triangle=False)),
    ),
    "quick-small": Lever("as quick, batches of 64 windows instead of 128", protocols.RECORDS, _then(_QUICK, _last(batch=64))),
    "quick-turned": Lever(
        "as quick, windows are turned any distance instead of moved by 65 samples at most",
        protocols.RECORDS,
        _then(_QUICK, _last(turn=1.0, hold=False)),
    ),
    "quick-before": Lever("as quick, without all of these changes", protocols.RECORDS, _then(_QUICK, _last(**_BEFORE))),
}
LEVERS = {"bnn17": _OF_BNN17, "bnn5": _OF_BNN5}


def folder_of(lever: Lever, model: str, name: str, recipe: Recipe) -> Path:
    """Where a lever trains: where ``make train`` does if nothing is changed, so that neither does it again. (Under *comparable* it
    does not know the further windows, and its checkpoints are not these.)"""
    if recipe == lever.base(model) and lever.protocol not in protocols.OWN:
        return files.BUILD / model / "train" / lever.protocol / f"fold{FOLD}"
    return files.BUILD / model / "levers" / f"{name}{recipe.seed}"


def measure(model: networks.Model, data: Data, lever: Lever, recipe: Recipe, folder, bar) -> dict:
    """Train with a lever on fold 0 and count right classes on its validation windows and on the further windows beside these."""
    kind, part = "binary" if lever.binary else "float", Part(FOLD, lever.protocol)
    start = start_of(model, data, part, kind, recipe, folder, files.BUILD / model.name / "train" / PRETRAINED, bar)
    trainer = train_part(model, data, part, kind, recipe, folder, bar, start)
    net = fold.golden(model.network, trainer.best_parameters, binary=lever.binary)
    beside = protocols.beside_validation(data.task, data.windows, data.further, FOLD) + len(data.windows)
    counts = {}
    for name, rows in zip(PLACES, (part.split(data).validation, beside), strict=True):
        with torch.no_grad():
            predicted = np.concatenate([net(data.input[c][:, None].double()).argmax(1).numpy() for c in np.array_split(rows, 8)])
        counts[name] = {"windows": len(rows), "right": int((predicted == data.label[rows].numpy()).sum())}
    return counts | {"seed": recipe.seed, "seconds": round(trainer.seconds, 1)}


def table(model: str, runs_of: dict[str, list[dict]]) -> str:
    """A row for each lever of a model: accuracy on validation windows, and on these and the windows beside them, over its seeds."""
    rows = []
    for name, runs in sorted(runs_of.items(), key=lambda item: list(LEVERS[model]).index(item[0])):
        lever = LEVERS[model][name]
        right, windows = (np.array([[run[k][what] for k in PLACES] for run in runs]) for what in ("right", "windows"))
        low, high = metrics.wilson(int(right.sum()), int(windows.sum()))
        each = right.sum(axis=1) / windows.sum(axis=1)
        rows.append(
            [
                f"`{name}`",
                lever.text,
                lever.protocol,
                f"{metrics.percent(right[:, 0].sum() / windows[:, 0].sum())} of {windows[0, 0]}",
                f"{metrics.percent(each.mean())} ({100 * low:.1f} to {100 * high:.1f}) of {windows[0].sum()}",
                f"{100 * (each.max() - each.min()):.1f}" if len(each) > 1 else "one seed",
                ", ".join(str(run["seed"]) for run in runs),
            ]
        )
    header = [f"`{model}`", "", "protocol", "validation windows", "and those beside (95 %)", "spread, points", "seeds"]
    return document.table(header, rows)


def rule(figures: dict) -> str:
    """What the rule of labels is worth."""
    f = figures["rule"]
    share = metrics.percent(f["right"] / f["labelled"])
    return (
        f"It is sure of {f['labelled']} of the {f['windows']} published windows and gives {f['right']} of these ({share}) the "
        f"published label. There are {f['further']:,} further windows, {f['pretraining']:,} of them in or next to none of the task."
    )


def sections(figures: dict) -> dict[str, str]:
    """The generated sections of the document."""
    models = figures["models"]
    return {"rule": rule(models["bnn17"]), "levers": "\n\n".join(table(name, model["levers"]) for name, model in models.items())}


def agreement(data: Data) -> dict[str, int]:
    """Windows of the task, how many the rule is sure of, how many of these it labels as published; and further windows."""
    given = pseudo_labels.of_windows(data.task, data.source, data.windows)
    return {
        "windows": len(given),
        "labelled": int((given >= 0).sum()),
        "right": int((given == data.windows.label).sum()),
        "further": len(data.further),
        "pretraining": len(Part(None).split(data).further),
    }


def stored() -> dict:
    """The figures so far."""
    return files.read_json(STORED, "figures of the levers") if STORED.is_file() else {"fold": FOLD, "models": {}}


def keep(model: str, name: str, run: dict, rule: dict) -> None:
    """Put a lever's run among the stored figures, which others may have changed meanwhile."""
    figures = stored()
    own = figures["models"].setdefault(model, {"levers": {}})
    own["levers"][name] = sorted(
        [run, *(r for r in own["levers"].get(name, []) if r["seed"] != run["seed"])], key=lambda r: r["seed"]
    )
    own["rule"] = rule
    files.write_json(STORED, figures | {"data": mitbih.NAME})


def run(model: networks.Model, names: list[str], seeds: list[int], bar) -> None:
    """Measure levers and put them among the stored figures."""
    data = Data(tasks.get(model.task), further=True)
    for name, seed in itertools.product(names, seeds):
        lever = LEVERS[model.name][name]
        recipe = lever.recipe(model.name, seed)
        found = measure(model, data, lever, recipe, folder_of(lever, model.name, name, recipe), bar)
        keep(model.name, name, found, agreement(data))


def draw(model: str) -> str:
    """Write the tables to the document; returns that of a model."""
    figures = stored()
    files.write_bytes(DOCUMENT, document.fill(DOCUMENT.read_text(), sections(figures), DOCUMENT.name).encode())
    return table(model, figures["models"][model]["levers"])


app = cli.new_app(__doc__)


@app.command()
def main(
    model: Annotated[str, typer.Option(help=f"Binary model: {', '.join(LEVERS)}, {beat_levers.MODEL}")] = "bnn17",
    lever: Annotated[str, typer.Option(help="Levers with commas; of bnn17: " + ", ".join(_OF_BNN17))] = "",
    seeds: Annotated[str, typer.Option(help="Seeds with commas")] = "1",
    redraw: Annotated[bool, typer.Option(help="Draw the stored figures again, without training")] = False,
) -> None:
    """Train with levers on fold 0, or of the beat network on DS1 without the patients that judge it, and write what the validation
    part says to docs; resumes where it was interrupted."""
    every = LEVERS | {beat_levers.MODEL: beat_levers.LEVERS}
    if model not in every:
        raise PopbeatError(f"there are levers of {', '.join(every)}, not of {model}")
    known = every[model]
    lever = lever or ("recipe" if model == beat_levers.MODEL else "records")
    unknown = [name for name in lever.split(",") if name not in known]
    if unknown:
        raise PopbeatError(f"unknown lever {unknown[0]!r} of {model}; there are {', '.join(known)}")
    of_beats = model == beat_levers.MODEL
    if not redraw:
        source.real("levers are")
        names, numbers = lever.split(","), beat_seeds.numbers(seeds, "SEED")
        with cli.progress() as bar:
            beat_levers.run(names, numbers, bar) if of_beats else run(networks.get(model), names, numbers, bar)
    cli.say(beat_levers.draw() if of_beats else draw(model))


if __name__ == "__main__":
    cli.run(app)
