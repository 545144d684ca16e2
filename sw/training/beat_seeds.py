"""``make train MODEL=bnnbeat5 SEEDS=1,2,3``: the recipe of the beat network with several seeds, for its mean and its spread.

One seed's figures on DS2 are chance in part. Every seed is trained on DS1 alone and judged on patients of DS1 that are held out in
turn (``sw/training/beats.py``); by these the seed to ship is chosen, and written down, before any of them looks at DS2. Then each
looks at DS2 once, in the hardware's integers. Figures go to ``docs/beats.json``.
"""

from dataclasses import replace

import numpy as np
from rich.table import Table

from sw import cli, files, metrics, networks
from sw.beats import figures
from sw.data import beats, mitbih
from sw.errors import PopbeatError
from sw.training import beat_levers
from sw.training.beats import Data, Recipe, _finish, _mark_of_result, _patients, lacking

RATES = ("accuracy", "S_sensitivity", "S_positive_predictivity", "V_sensitivity", "V_positive_predictivity")
HELD_OUT, TESTED, CHOSEN = "held_out", "DS2", "chosen"


def numbers(text: str, name: str = "SEEDS") -> list[int]:
    """Seeds from a list with commas, the value of ``name``; each once."""
    seeds = [int(part) if part.strip().isdigit() else 0 for part in text.split(",")]
    if min(seeds) < 1 or len(set(seeds)) < len(seeds):
        raise PopbeatError(f"{name}={text} must be different numbers from 1 on with commas between them, as 1,2,3")
    return seeds


def choose(held_out: dict[int, dict[str, float]]) -> int:
    """The seed that is least lacking on patients held out; among equals the most accurate, then the first."""
    return min(held_out, key=lambda seed: (lacking(held_out[seed]), -held_out[seed]["accuracy"], seed))


def run(model: networks.Model, data: Data, recipe: Recipe, seeds: list[int], bar) -> dict:
    """Train with every seed, choose, and only then test; the figures of all."""
    home, split = files.BUILD / model.name / "seeds", beats.inter_patient(data.windows)
    made = {}
    for seed in seeds:
        own = replace(recipe, seed=seed)
        made[seed] = _patients(model, data, split.train, True, own, home / str(seed), bar)
    held_out = {seed: rates for seed, (_, _, rates) in made.items()}
    chosen = choose(held_out)
    told = {"seeds": seeds, CHOSEN: chosen, HELD_OUT: {str(seed): rates for seed, rates in held_out.items()}}
    files.write_json(home / "chosen.json", told)  # before DS2 is opened
    truth, tested = data.windows.label[split.test], {}
    line = bar.add_task("DS2, in integers", total=len(seeds))
    for seed, (trainer, moves, rates) in made.items():
        training = {
            "protocol": beats.INTER_PATIENT,
            "data": data.source.kind,
            "seed": seed,
            "moves": list(moves),
            "validation": rates,
        }
        label = _finish(model, data, trainer, moves, split.test, training, home / str(seed))
        tested[str(seed)] = figures.rates(figures.confusion(truth, label))
        bar.update(line, advance=1)
    return told | {TESTED: tested, "mark": _mark_of_result(model, data, replace(recipe, seed=0))[:16], "data": data.source.kind}


def train(model: networks.Model, data: Data, recipe: Recipe, text: str, shortened: bool = False) -> None:
    """The whole of it: train, store, show. What a ``shortened`` recipe or synthetic signals bring is shown and not stored."""
    with cli.progress() as bar:
        found = run(model, data, recipe, numbers(text), bar)
    where = "figures are not stored: they are of a shortened recipe or of synthetic signals"
    if not shortened and data.source.kind == mitbih.NAME:
        found["command"] = f"make train MODEL={model.name} SEEDS={text}"
        files.write_json(beat_levers.STORED, beat_levers.stored() | {"seeds": found})
        where = f"figures: {beat_levers.STORED}"
    show(found)
    home = files.BUILD / model.name / "seeds" / str(found[CHOSEN]) / "bundle"
    cli.say(f"seed {found[CHOSEN]} is the best on patients of DS1 held out: {home}\n{where}")


def spread(found: dict, part: str) -> dict[str, tuple[float, float, float]]:
    """Of each rate mean, least and most over the seeds, on patients held out or on DS2 (``part``)."""
    return {
        name: (float(np.mean(values)), min(values), max(values))
        for name in RATES
        for values in [[rates[name] for rates in found[part].values()]]
    }


def show(found: dict) -> None:
    """The table that a person reads."""
    table = Table(title=f"{len(found['seeds'])} seeds: mean (least to most)")
    for column in ("", *RATES):
        table.add_column(column)
    for part in (HELD_OUT, TESTED):
        cells = [
            f"{metrics.percent(mean)} ({metrics.percent(low)} to {metrics.percent(high)})"
            for mean, low, high in spread(found, part).values()
        ]
        table.add_row(part.replace("_", " "), *cells)
    cli.console.print(table)
