"""Train a model under a protocol (``sw/data/protocols.py``) and write its bundle.

Five stored folds; the checkpoint is chosen on the validation part of the training folds; the test fold is looked at once, at the
end, by the integer model, which is what the hardware computes. The bundle is the model of one fold (the shipped one), so that
this fold's windows are unseen by it. Beside every binary model its float twin is trained, on the same windows.

With further windows of the records, training begins with those that are in or next to no window of the task: one pretrained
network serves every fold. The binary network starts from its pretrained twin: signs come first, then weights of +-1.
"""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.table import Table
from safetensors.numpy import save

from sw import cli, files, metrics, networks, report
from sw.data import folds, mitbih, protocols, tasks
from sw.errors import PopbeatError
from sw.export import bundle, fold, integer, multibit
from sw.trainer import Data, Part, Recipe, Trainer, mark

SHIPPED_FOLD = 0

# Of the protocol comparable, and of those with further windows.
RECIPES = {"bnn17": Recipe(epochs=400), "bnn5": Recipe(epochs=45)}
_PRETRAINING = Recipe(epochs=80, windows=2560, own=0.0, sign_epochs=15, twin_epochs=40)
RECORDS_RECIPES = {
    "bnn17": Recipe(
        epochs=12,
        windows=2560,
        latent_rate=1e-2,
        rate=2e-3,
        twin_epochs=5,
        noise=0.025,
        warp=0.05,
        gain=0.1,
        wander=0.15,
        dropout=0.1,
        pretraining=_PRETRAINING,
    ),
    "bnn5": Recipe(epochs=30, windows=5120),
}


def train_part(model: networks.Model, data: Data, part: Part, kind: str, recipe: Recipe, folder: Path, bar, start=None) -> Trainer:
    """Train one network, ``binary`` or ``float``, on a part of the data to its last epoch."""
    trainer = Trainer(model, data, part, kind == "binary", recipe, folder / kind, start)
    name = "pretraining" if part.fold is None else f"fold {part.fold}"
    line = bar.add_task(f"{model.name} {name} {kind}", total=trainer.epochs, completed=trainer.epoch)
    trainer.run(lambda accuracy: bar.update(line, advance=1, refresh=True))
    return trainer


def pretrain(model: networks.Model, data: Data, recipe: Recipe, folder: Path, bar) -> dict[str, dict]:
    """States of the float twin and of the binary network that every fold starts from, trained on further windows that are in or
    next to no window of the task. The binary network itself starts from the twin. Each recipe has its own folder in ``folder``."""
    folder = folder / mark(model, data, recipe, Part(None))[:12]
    twin = train_part(model, data, Part(None), "float", recipe, folder, bar).net.state_dict()
    return {"float": twin, "binary": train_part(model, data, Part(None), "binary", recipe, folder, bar, twin).net.state_dict()}


def train_fold(
    model: networks.Model, data: Data, number: int, recipe: Recipe, folder: Path, bar, protocol: str = protocols.COMPARABLE
) -> dict:
    """Train the binary network and its float twin on one fold and look at the test fold once. Returns the fold's figures and
    writes the bundle to ``folder/bundle``. What is pretrained lies beside the protocols' folders."""
    result_path, part = folder / "result.json", Part(number, protocol)
    if result_path.is_file() and files.read_json(result_path).get("mark") == mark(model, data, recipe, part):
        return files.read_json(result_path)
    first = pretrain(model, data, recipe.pretraining, folder.parents[1] / "pretrained", bar) if recipe.pretraining else {}
    trainers = {kind: train_part(model, data, part, kind, recipe, folder, bar, first.get(kind)) for kind in ("binary", "float")}
    split, label = trainers["binary"].split, data.windows.label
    record = data.windows.record
    known = np.concatenate([split.train, split.validation])
    net = fold.golden(model.network, trainers["binary"].best_parameters)
    training = {
        "protocol": protocol,
        "fold": number,
        "data": data.source.kind,
        "recipe": asdict(recipe),
        "epoch": trainers["binary"].best[2],
        "validation_accuracy": round(trainers["binary"].best[0], 4),
        "windows": {name: len(getattr(split, name)) for name in ("train", "validation", "test", "further")},
    }
    exported = fold.export(model.name, data.task, net, training)
    predicted = integer.run(exported, data.raw[split.test]).label
    twin = fold.golden(model.network, trainers["float"].best_parameters, binary=False)
    with torch.no_grad():
        float_predicted = twin(data.input[split.test][:, None].double()).argmax(1).numpy()
    result = {
        "mark": mark(model, data, recipe, part),
        "fold": number,
        "truth": label[split.test].tolist(),
        "predicted": predicted.tolist(),
        "float_predicted": float_predicted.tolist(),
        "baselines": metrics.baselines(record[known], label[known], record[split.test], label[split.test]),
        "seconds": round(sum(t.seconds for t in trainers.values()), 1),
        "training": training,
    }
    bundle.write(exported, folder / "bundle", save(trainers["binary"].best_parameters))
    files.write_json(result_path, result)
    return result


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
        str, typer.Option("--folds", help="'shipped' (one fold), 'all' (the whole protocol), or numbers with commas")
    ] = "shipped",
    protocol: Annotated[str, typer.Option(help="What may be trained on: " + ", ".join(protocols.NAMES))] = protocols.COMPARABLE,
    epochs: Annotated[int, typer.Option(help="Epochs instead of the recipe's; 0 keeps them")] = 0,
    ship: Annotated[bool, typer.Option(help="Put the bundle where make sim finds it (sw/models/bundles)")] = False,
    figures: Annotated[bool, typer.Option(help="Put the figures beside those of the shipped bundle, whose network stays")] = False,
) -> None:
    """Train a network and its float twin; resumes where it was interrupted."""
    chosen = networks.get(model)
    if chosen.task == "beat-5":
        from sw import train_beats

        train_beats.train(chosen, which, epochs, ship)
        return
    recipe, train, kind = _of_kind(chosen, protocols.check(protocol), epochs)
    numbers = fold_numbers(which, protocols.count(protocol))
    task = tasks.get(chosen.task)
    with cli.progress() as bar:
        data = Data(task, further=protocol not in protocols.OWN)
        home = files.BUILD / model / "train" / protocol
        results = [train(chosen, data, n, recipe, home / f"fold{n}", bar) for n in numbers]
    options = f"MODEL={model}" + (f" PROTOCOL={protocol}" if protocol != protocols.COMPARABLE else "")
    command = f"make train {options} FOLDS={which}" + (f" (with {epochs} epochs)" if epochs else "")
    summary = summarise(results, task.classes, command)
    before = report.load()["models"].get(model, {}).get("training", {})
    measured = {"source": data.source.kind, "records": len(mitbih.RECORDS)}
    report.merge(measured, model, training=before | {protocol: summary})
    _print(model, kind, task, protocol, summary)
    made = home / f"fold{numbers[0]}" / "bundle"
    cli.say(f"bundle: {made}" + (f"\ntry it: make sim BUNDLE={made}" if kind == "binary" else ""))
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


def _of_kind(model: networks.Model, protocol: str, epochs: int) -> tuple:
    """Recipe, training of a fold and name of the kind of network that a model is; ``epochs`` other than 0 shorten it."""
    if isinstance(model.network, networks.BinaryNetwork):
        recipe = (RECIPES if protocol in protocols.OWN else RECORDS_RECIPES)[model.name]
        return (recipe.shortened(epochs) if epochs else recipe), partial(train_fold, protocol=protocol), "binary"
    if protocol != protocols.COMPARABLE:
        raise PopbeatError(f"{model.name} is trained under the protocol {protocols.COMPARABLE} alone, not {protocol}")
    from sw import train_alq

    recipe = train_alq.RECIPES[model.name]
    return (recipe.shortened(epochs) if epochs else recipe), train_alq.train_fold, "multi-bit"


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
    form = bundle if isinstance(networks.get(model).network, networks.BinaryNetwork) else multibit
    kept = form.read(made)
    golden = bundle.read_golden(made)
    shipped = bundle.SHIPPED / model
    # The others stay: they tell of the same network, trained on other windows.
    before = form.read(shipped).training.get("accuracy", {}) if shipped.is_dir() else {}
    kept.training["accuracy"] = before | {protocol: summary}
    path = form.write(kept, shipped, save(golden))
    cli.say(f"shipped: {path}")


if __name__ == "__main__":
    cli.run(app)
