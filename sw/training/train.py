"""``make train``: train a model and its float twin under a protocol (``sw/data/protocols.py``), and write its bundle.

The bundle is the model of one fold (the shipped one), so that this fold's windows are unseen by it.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table
from safetensors.numpy import save

from sw import cli, files, metrics, networks, report
from sw.data import folds, mitbih, protocols, tasks
from sw.errors import PopbeatError
from sw.export import bundle, bundles
from sw.training import folds as train_folds
from sw.training.trainer import Data

SHIPPED_FOLD = 0


def summarise(results: list[dict], classes: tuple[str, ...], command: str) -> dict:
    """Accuracy under the protocol from the folds' results: every window counted once, by a model that never saw it."""

    def joined(key: str) -> np.ndarray:
        return np.concatenate([r[key] for r in results])

    truth = joined("truth")
    summary = metrics.score(truth, joined("predicted"), classes)
    each = [float(np.mean(np.equal(r["truth"], r["predicted"]))) for r in results]
    return {
        "folds": [r["fold"] for r in results],
        **summary,
        "by_fold": [round(a, 4) for a in each],
        "float_accuracy": round(float((truth == joined("float_predicted")).mean()), 4),
        **{k: round(sum(r["baselines"][k] for r in results) / len(truth), 4) for k in ("record_majority", "class_majority")},
        "data": results[0]["training"]["data"],
        "command": command,
    }


app = cli.new_app(__doc__)


@app.command()
def main(
    model: Annotated[str, typer.Option(help="Model to train: " + ", ".join(networks.MODELS))] = "bnn17",
    which: Annotated[
        str,
        typer.Option("--folds", help="'shipped' (one fold), 'all' (the whole protocol), or numbers with commas"),
    ] = "shipped",
    protocol: Annotated[
        str,
        typer.Option(
            help="What may be trained on: "
            + ", ".join(protocols.NAMES)
            + "; default: comparable. Of lamscn17 by-time (default) or "
            "inter-patient, of gasf5 comparable or inter-patient"
        ),
    ] = "",
    epochs: Annotated[int, typer.Option(help="Epochs instead of the recipe's; 0 keeps them")] = 0,
    ship: Annotated[bool, typer.Option(help="Put the bundle where make sim finds it (sw/models/bundles)")] = False,
    figures: Annotated[bool, typer.Option(help="Put the figures beside those of the shipped bundle, whose network stays")] = False,
    seeds: Annotated[
        str, typer.Option(help="Of bnnbeat5: seeds with commas, for the recipe's mean and spread between patients")
    ] = "",
) -> None:
    """Train a network and its float twin; resumes where it was interrupted."""
    chosen = networks.get(model)
    if epochs < 0:
        raise PopbeatError(f"EPOCHS={epochs} must be 1 or more, or 0 for the recipe's own")
    if chosen.task == "beat-5":
        from sw.training import beats as train_beats

        if protocol or figures:
            raise PopbeatError(
                f"{model} has protocols of its own: FOLDS=shipped trains between patients, FOLDS=all under both protocols; leave "
                + (f"PROTOCOL={protocol} out" if protocol else "--figures out")
            )
        train_beats.train(chosen, which, epochs, ship, seeds)
        return
    if seeds:
        raise PopbeatError(f"SEEDS={seeds} is for bnnbeat5; {model} is trained with the seed of its recipe")
    if isinstance(chosen.network, networks.GraphNetwork):
        from sw.training import graph_networks as command

        if which != "shipped" or figures:
            raise PopbeatError(f"{model} has one split for each protocol: leave FOLDS={which} out")
        command.train(chosen, protocol, epochs, ship)
        return
    protocol = protocol or protocols.COMPARABLE
    kind = train_folds.of_kind(chosen, protocols.check(protocol), epochs)
    numbers = fold_numbers(which, protocols.count(protocol))
    task = tasks.get(chosen.task)
    with cli.progress() as bar:
        data = Data(task, further=protocol not in protocols.OWN)
        home = files.BUILD / model / "train" / protocol
        results = train_folds.train(kind, data, numbers, home, bar)
    options = f"MODEL={model}" + (f" PROTOCOL={protocol}" if protocol != protocols.COMPARABLE else "")
    command = f"make train {options} FOLDS={which}" + (f" EPOCHS={epochs}" if epochs else "")
    summary = summarise(results, task.classes, command) | ({"epochs": epochs} if epochs else {})
    before = report.load()["models"].get(model, {}).get("training", {})
    measured = {"source": data.source.kind, "records": len(mitbih.RECORDS)}
    report.merge(measured, model, training=before | {protocol: summary})
    _print(model, kind.name, task, protocol, summary)
    made = home / f"fold{numbers[0]}" / "bundle"
    cli.say(f"bundle: {made}\ntry it: make sim BUNDLE={made}")
    if ship or figures:
        _ship(made if ship else bundle.SHIPPED / model, model, protocol, summary)


def fold_numbers(which: str, count: int = folds.FOLDS) -> list[int]:
    """Numbers of the folds, of ``count``, that ``which`` names: 'shipped', 'all', or numbers with commas."""
    named = {"shipped": [SHIPPED_FOLD], "all": list(range(count))}
    if which in named:
        return named[which]
    numbers = [int(n) if n.isdigit() else count for n in which.split(",")]
    if max(numbers) >= count or len(set(numbers)) < len(numbers):
        raise PopbeatError(f"FOLDS is 'shipped', 'all' or different numbers below {count}, not {which!r}")
    return numbers


def _print(model: str, kind: str, task: tasks.Task, protocol: str, summary: dict) -> None:
    table = Table(title=f"{model}: {task.name}, protocol {protocol}, test folds {summary['folds']}")
    for column in ("", "accuracy", "95 % interval", "macro-F1"):
        table.add_column(column)
    low, high = summary["ci95"]
    table.add_row(
        f"{kind}, hardware integers", f"{summary['accuracy']:.4f}", f"{low:.4f} to {high:.4f}", f"{summary['macro_f1']:.4f}"
    )
    table.add_row("float twin", f"{summary['float_accuracy']:.4f}", "", "")
    table.add_row("record's most common class", f"{summary['record_majority']:.4f}", "", "")
    table.add_row("most common class", f"{summary['class_majority']:.4f}", "", "")
    cli.console.print(table)


def _ship(made: Path, model: str, protocol: str, summary: dict) -> None:
    """Write the bundle ``made`` to where bundles are shipped, with its protocol's figures beside those of the other protocols."""
    kept = bundles.read(made)
    golden = bundle.read_golden(made)
    shipped = bundle.SHIPPED / model
    # The others stay: they tell of the same network, trained on other windows.
    before = bundles.read(shipped).training.get("accuracy", {}) if shipped.is_dir() else {}
    kept.training["accuracy"] = before | {protocol: summary}
    path = bundles.write(kept, shipped, save(golden))
    cli.say(f"shipped: {path}")


if __name__ == "__main__":
    cli.run(app)
