"""Train a binary network and its float twin on one fold under a protocol (``sw/data/protocols.py``), and write its bundle.

The checkpoint is chosen on the validation part of the training folds; the test fold is looked at once, at the end, by the integer
model, which is what the hardware computes. The float twin sees the same windows.

With further windows of the records, the training of bnn17 begins with those that are in or next to no window of the task: one
pretrained network serves every fold. The binary network starts from its twin: signs come first, then weights of +-1.
"""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save

from sw import files, metrics, networks
from sw.data import protocols
from sw.export import bundle
from sw.export.binary import fold, integer
from sw.training.trainer import Data, Part, Recipe, Trainer, mark

# Of the protocol comparable, and of those with further windows.
RECIPES = {"bnn17": Recipe(epochs=400), "bnn5": Recipe(epochs=45)}
# Windows move by half of the columns' distance in the last block to either side: at every place that makes a difference.
_COMMON = {"batch": 128, "latent_rate": 6e-2, "rate": 1e-2, "triangle": True, "turn": 0.036, "hold": True}
_MILD = _COMMON | {"noise": 0.025, "warp": 0.05, "gain": 0.1, "wander": 0.15, "dropout": 0.1}
_PRETRAINING = Recipe(
    epochs=240, windows=2560, own=0.0, sign_epochs=30, sign_rate=3e-2, twin_epochs=80, **_COMMON | {"dropout": 0.2}
)
# No pretraining for bnn5: its own windows cover the records, so that no further one is far from all of them. It is staged all the
# same, from the fold's own twin.
RECORDS_RECIPES = {
    "bnn17": Recipe(
        epochs=120,
        windows=2560,
        twin_epochs=40,
        average=0.99,
        pretraining=_PRETRAINING,
        **_MILD | {"latent_rate": 4e-2, "rate": 5e-3},
    ),
    "bnn5": Recipe(epochs=160, windows=5120, sign_epochs=40, sign_rate=4e-2, twin_epochs=60, **_MILD),
}

PRETRAINED = "pretrained"  # its folder, beside those of the protocols


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


def start_of(
    model: networks.Model, data: Data, part: Part, kind: str, recipe: Recipe, folder: Path, pretrained: Path, bar
) -> dict | None:
    """The state that a network, ``binary`` or ``float``, starts from: the pretrained one, which lies in ``pretrained``. Without a
    pretraining a binary network whose signs come first starts from its twin, trained on the same part; the others from chance."""
    if recipe.pretraining:
        return pretrain(model, data, recipe.pretraining, pretrained, bar)[kind]
    if kind == "binary" and recipe.sign_epochs:
        return train_part(model, data, part, "float", recipe, folder, bar).net.state_dict()
    return None


def train_fold(
    model: networks.Model, data: Data, number: int, recipe: Recipe, folder: Path, bar, protocol: str = protocols.COMPARABLE
) -> dict:
    """Train the binary network and its float twin on one fold and look at the test fold once. Returns the fold's figures and
    writes the bundle to ``folder/bundle``. What is pretrained lies beside the protocols' folders."""
    result_path, part = folder / "result.json", Part(number, protocol)
    if files.is_marked(result_path, mark(model, data, recipe, part)):
        return files.read_json(result_path)
    trainers = {}
    for kind in ("binary", "float"):
        start = start_of(model, data, part, kind, recipe, folder, folder.parents[1] / PRETRAINED, bar)
        trainers[kind] = train_part(model, data, part, kind, recipe, folder, bar, start)
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
