"""What each part of the beat network's training brings: recipes and networks that differ in one thing, judged on patients of DS1
that are held out in turn (``sw/training/beats.py``). DS2 has no part in this. Figures go to ``docs/beats.json``, the table to
``docs/beats.md``.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.special import logsumexp
from sklearn.metrics import average_precision_score

from sw import document, files, metrics, networks
from sw.beats import figures
from sw.data import beats, mitbih, tasks
from sw.training import beat_teacher
from sw.training.beats import GROUPS, RECIPES, WANTED, Data, Recipe, choose_moves, held_out, labels, lacking

MODEL = "bnnbeat5"
STORED = files.ROOT / "docs" / "beats.json"
DOCUMENT = files.ROOT / "docs" / "beats.md"


@dataclass(frozen=True)
class Lever:
    """One row of the table: what it changes in the recipe and in the network."""

    text: str
    recipe: Callable[[Recipe], Recipe] = lambda recipe: recipe
    hidden: bool = True
    binary: bool = True

    def model(self) -> networks.Model:
        """The network with the lever."""
        model = networks.get(MODEL)
        rhythm = model.network.rhythm if self.hidden else replace(model.network.rhythm, hidden=0)
        return replace(model, network=replace(model.network, rhythm=rhythm))


def _untaught(recipe: Recipe) -> Recipe:
    return replace(recipe, taught=0.0)


def _plain(recipe: Recipe) -> Recipe:
    return replace(recipe, taught=0.0, bit_dropout=0.0)


LEVERS = {
    "before": Lever("rhythm bits straight to the head, all of them", _plain, hidden=False),
    "dropout": Lever("half of them left out on the way", _untaught, hidden=False),
    "hidden": Lever("all of them, hidden bits between", _plain),
    "untaught": Lever("half of them left out, hidden bits between", _untaught),
    "recipe": Lever("the same with a teacher: the recipe"),
    "twin": Lever("the float twin of the recipe", binary=False),
}


def measure(data: Data, name: str, seed: int, bar) -> dict:
    """Train with a lever on DS1 without each group of patients; the rates on those held out, at the moves that they choose."""
    lever = LEVERS[name]
    recipe = replace(lever.recipe(RECIPES[MODEL]), seed=seed)
    home = files.BUILD / MODEL / "levers" / f"{name}{seed}"
    logits, truth = held_out(lever.model(), data, beats.inter_patient(data.windows).train, lever.binary, recipe, home, bar)
    rates = figures.rates(figures.confusion(truth, labels(logits, choose_moves(logits, truth))))
    sure = logits - logsumexp(logits, axis=1, keepdims=True)
    precision = {k: average_precision_score(truth == n, sure[:, n]) for k in figures.SCORED for n in [beats.CLASSES.index(k)]}
    return {
        "seed": seed,
        "mark": mark(name),
        "beats": len(truth),
        "lacking": round(lacking(rates), 3),
        "average_precision": {k: round(float(value), 3) for k, value in precision.items()},
        "rates": rates,
    }


def mark(name: str) -> str:
    """Hash of what a lever is, whatever the seed; a run with another one is of another recipe."""
    lever = LEVERS[name]
    recipe = replace(lever.recipe(RECIPES[MODEL]), seed=1)
    teacher = (beat_teacher.mark(),) if recipe.taught else ()
    return files.sha256(repr((recipe, lever.model().network.rhythm, lever.binary, GROUPS, WANTED, *teacher)).encode())[:16]


def table(runs_of: dict[str, list[dict]]) -> str:
    """A row for each lever: means over its seeds, and from where to where what is lacking goes."""
    rows = []
    for name in [name for name in LEVERS if name in runs_of]:
        runs = runs_of[name]
        mean = {key: float(np.mean([run["rates"][key] for run in runs])) for key in runs[0]["rates"]}
        pairs = [
            " / ".join(metrics.percent(mean[f"{k}_{what}"]) for what in ("sensitivity", "positive_predictivity"))
            for k in figures.SCORED
        ]
        pairs += [f"{np.mean([run['average_precision'][k] for run in runs]):.2f}" for k in figures.SCORED]
        short = [run["lacking"] for run in runs]
        spread = f"{np.mean(short):.2f} ({min(short):.2f} to {max(short):.2f})" if len(runs) > 1 else f"{short[0]:.2f} (one seed)"
        seeds = ", ".join(str(run["seed"]) for run in runs)
        rows.append([f"`{name}`", LEVERS[name].text, metrics.percent(mean["accuracy"]), *pairs, spread, seeds])
    return document.table(["lever", "", "accuracy", "S: Se / +P", "V: Se / +P", "S: AP", "V: AP", "lacking", "seeds"], rows)


def stored() -> dict:
    """The figures so far."""
    return files.read_json(STORED, "figures of the levers") if STORED.is_file() else {"data": mitbih.NAME, "levers": {}}


def keep(name: str, run: dict) -> None:
    """Put a lever's run among the stored figures, which others may have changed meanwhile; runs of what it was before go."""
    known = stored()
    others = [r for r in known["levers"].get(name, []) if r["seed"] != run["seed"] and r.get("mark") == run["mark"]]
    known["levers"][name] = sorted([run, *others], key=lambda r: r["seed"])
    files.write_json(STORED, known)


def run(names: list[str], seeds: list[int], bar) -> None:
    """Measure levers and put them among the stored figures."""
    data = Data(tasks.get(networks.get(MODEL).task))
    for name, seed in itertools.product(names, seeds):
        keep(name, measure(data, name, seed, bar))


def draw(path: Path = DOCUMENT) -> str:
    """Write the table to the document; returns it."""
    drawn = table(stored()["levers"])
    files.write_bytes(path, document.fill(path.read_text(), {"levers": drawn}, path.name).encode())
    return drawn
