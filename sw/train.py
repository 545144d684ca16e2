"""Train a model under the protocol *comparable* and write its bundle.

Five stored folds; the checkpoint is chosen on the validation part of the training folds; the test fold is looked at once, at the
end, by the integer model, which is what the hardware computes. The bundle is the model of one fold (the shipped one), so that
this fold's windows are unseen by it. Beside every binary model its float twin is trained, on the same windows.
"""

import math
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.table import Table
from safetensors import safe_open
from safetensors.numpy import save
from safetensors.torch import save as save_torch
from torch.nn import functional

from sw import cli, files, metrics, networks, report
from sw.data import folds, mitbih, source, tasks
from sw.errors import PopbeatError
from sw.export import bundle, fold, integer, multibit
from sw.models.binary import BinaryNet

SHIPPED_FOLD = 0
PROTOCOL = "comparable"


@dataclass(frozen=True)
class Recipe:
    """How a network is trained. ``latent_rate`` is the peak learning rate of the binary network's latent weights, ``rate``
    that of everything else; both rise for ``warmup`` of the steps and fall to zero along a cosine."""

    epochs: int
    batch: int = 64
    latent_rate: float = 3e-2
    rate: float = 5e-3
    warmup: float = 0.05
    noise: float = 0.05
    warp: float = 0.1
    gain: float = 0.2
    wander: float = 0.3
    smoothing: float = 0.0
    seed: int = 1


RECIPES = {"bnn17": Recipe(epochs=400), "bnn5": Recipe(epochs=45)}


class Data:
    """A task's windows in memory: raw ``int16[n, window]``, normalised ``float32[n, window]`` in units of 1, labels."""

    def __init__(self, task: tasks.Task):
        self.source = source.find()
        self.task = task
        self.windows = task.windows(self.source)
        self.raw = task.samples(self.source, self.windows)
        spec = bundle.NormaliserSpec(window=task.length)
        z = np.concatenate([spec.normalise(self.raw[i : i + 256])[0] for i in range(0, len(self.raw), 256)])
        self.input = torch.from_numpy(z.astype(np.float32) / (1 << spec.z_fraction))
        self.label = torch.from_numpy(self.windows.label)


def augment(x: torch.Tensor, recipe: Recipe, generator: torch.Generator) -> torch.Tensor:
    """Turn each window ``[n, samples]`` by a random number of samples, play it up to ``warp`` faster or slower, scale it by up to
    ``gain``, let its baseline wander (below 0.5 Hz, up to ``wander``), and add noise of deviation ``noise``. What comes out is
    quantised and saturated again, as everything is that the hardware sees."""
    n, length = x.shape

    def uniform(low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand((n, 1), generator=generator)

    time = torch.arange(length)[None]
    place = uniform(0, length) + time * uniform(1 - recipe.warp, 1 + recipe.warp)
    left = place.floor()
    share = (place - left).to(x.device)
    left = left.long().to(x.device)
    x = torch.gather(x, 1, left % length) * (1 - share) + torch.gather(x, 1, (left + 1) % length) * share
    drift = uniform(0, recipe.wander) * torch.sin(2 * torch.pi * (uniform(0, 0.5) * time / tasks.RATE + uniform(0, 1)))
    noise = recipe.noise * torch.randn((n, length), generator=generator)
    x = (x + drift.to(x.device)) * uniform(1 - recipe.gain, 1 + recipe.gain).to(x.device) + noise.to(x.device)
    spec = bundle.NormaliserSpec()
    unit, limit = 1 << spec.z_fraction, 1 << (spec.z_bits - 1)
    return (x * unit).round().clamp(-limit, limit - 1) / unit


def one_cycle(step: int, total: int, warmup: float) -> float:
    """Share of the peak learning rate at a step of ``total``: up from 1/25 for ``warmup`` of them and down to nothing, each along
    a cosine."""
    top = max(warmup * total, 1)
    if step < top:
        return 1 + (1 / 25 - 1) * (1 + math.cos(math.pi * step / top)) / 2
    return (1 + math.cos(math.pi * (step - top) / (total - top))) / 2


class Trainer:
    """One network on one fold; its whole state is in ``folder`` after every epoch."""

    def __init__(self, model: networks.Model, data: Data, number: int, binary: bool, recipe: Recipe, folder: Path):
        self.recipe, self.data, self.folder = recipe, data, folder
        self.mark = mark(model, data, recipe)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.split = folds.load(model.task, data.windows, number)
        self.generator = torch.Generator().manual_seed(recipe.seed * 1000 + number)
        torch.manual_seed(recipe.seed * 1000 + number)
        self.net = BinaryNet(model.network, binary=binary).to(self.device)
        latent = self.net.latent()
        others = [p for p in self.net.parameters() if all(p is not w for w in latent)]
        self.peaks = [recipe.latent_rate if binary else recipe.rate, recipe.rate]
        self.optimiser = torch.optim.Adam([{"params": latent}, {"params": others}])
        self.steps = len(self.split.train) // recipe.batch
        self.epoch = 0
        self.seconds = 0.0
        self.best = (-1.0, 0.0, 0)  # validation accuracy, negative loss, epoch
        self.best_parameters = fold.parameters(self.net)
        self._resume()

    def run(self, advance) -> None:
        """Train to the last epoch; ``advance(validation accuracy)`` is called after each."""
        while self.epoch < self.recipe.epochs:
            begun = time.monotonic()
            self._train_epoch()
            self.epoch += 1
            accuracy, loss = self.validate()
            # The last quarter of the schedule competes; before it the rate is still high.
            if self.epoch > 0.75 * self.recipe.epochs and (accuracy, -loss) >= self.best[:2]:
                self.best = (accuracy, -loss, self.epoch)
                self.best_parameters = fold.parameters(self.net)
            self.seconds += time.monotonic() - begun
            self._save()
            advance(accuracy)

    def _train_epoch(self) -> None:
        self.net.train()
        order = torch.from_numpy(self.split.train)[torch.randperm(len(self.split.train), generator=self.generator)]
        for step in range(self.steps):
            rows = order[step * self.recipe.batch : (step + 1) * self.recipe.batch]
            x = augment(self.data.input[rows].to(self.device), self.recipe, self.generator)
            logits = self.net(x[:, None]) / self.net.network.blocks[-1].pool_length ** 0.5
            target = self.data.label[rows].to(self.device)
            loss = functional.cross_entropy(logits, target, label_smoothing=self.recipe.smoothing)
            share = one_cycle(self.epoch * self.steps + step, self.recipe.epochs * self.steps, self.recipe.warmup)
            for group, peak in zip(self.optimiser.param_groups, self.peaks, strict=True):
                group["lr"] = peak * share
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            self.net.clip()

    @torch.no_grad()
    def validate(self) -> tuple[float, float]:
        """Accuracy and loss on the validation windows."""
        self.net.eval()
        logits, label = self._logits(self.split.validation), self.data.label[self.split.validation]
        scaled = logits / self.net.network.blocks[-1].pool_length ** 0.5
        return float((logits.argmax(1) == label).float().mean()), float(functional.cross_entropy(scaled, label))

    def _logits(self, rows: np.ndarray) -> torch.Tensor:
        chunks = torch.from_numpy(rows).split(256)
        return torch.cat([self.net(self.data.input[c].to(self.device)[:, None]).cpu() for c in chunks])

    def _state(self) -> dict[str, torch.Tensor]:
        state = {f"net.{k}": v for k, v in self.net.state_dict().items()}
        state |= {f"best.{k}": torch.from_numpy(np.ascontiguousarray(v)) for k, v in self.best_parameters.items()}
        for index, values in self.optimiser.state_dict()["state"].items():
            state |= {f"optimiser.{index}.{k}": v for k, v in values.items()}
        state |= {"random.own": self.generator.get_state(), "random.torch": torch.get_rng_state()}
        if self.device == "cuda":
            state["random.cuda"] = torch.cuda.get_rng_state()
        state["progress"] = torch.tensor([self.epoch, self.seconds, *self.best], dtype=torch.float64)
        return {k: v.detach().cpu().contiguous() for k, v in state.items()}

    def _save(self) -> None:
        files.write_bytes(self.folder / "checkpoint.safetensors", save_torch(self._state(), metadata={"mark": self.mark}))

    def _resume(self) -> None:
        path = self.folder / "checkpoint.safetensors"
        if not path.is_file():
            return
        try:
            with safe_open(path, "pt") as file:
                if (file.metadata() or {}).get("mark") != self.mark:
                    cli.warn(f"{path} is of another recipe or data set and is not resumed")
                    return
                state = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118 (no mapping)
        except Exception as error:
            raise PopbeatError(f"checkpoint {path} can't be read ({error}); delete it to train from the start") from None

        def part(prefix: str) -> dict[str, torch.Tensor]:
            return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}

        self.net.load_state_dict(part("net."))
        self.best_parameters = {k: v.numpy() for k, v in part("best.").items()}
        kept = self.optimiser.state_dict()
        for name, value in part("optimiser.").items():
            index, key = name.split(".", 1)
            kept["state"].setdefault(int(index), {})[key] = value
        self.optimiser.load_state_dict(kept)
        self.generator.set_state(state["random.own"])
        torch.set_rng_state(state["random.torch"])
        if self.device == "cuda" and "random.cuda" in state:
            torch.cuda.set_rng_state(state["random.cuda"])
        epoch, self.seconds, accuracy, loss, best_epoch = state["progress"].tolist()
        self.epoch, self.best = int(epoch), (accuracy, loss, int(best_epoch))


def mark(model: networks.Model, data: Data, recipe: Recipe) -> str:
    """Hash of everything that a training starts from; a checkpoint or result with another one is not its own."""
    windows = data.windows
    start = (asdict(recipe), model.network, windows.positions(), windows.label.tolist(), data.source.kind)
    return files.sha256(repr(start).encode())


def train_fold(model: networks.Model, data: Data, number: int, recipe: Recipe, folder: Path, bar) -> dict:
    """Train the binary network and its float twin on one fold and look at the test fold once. Returns the fold's figures and
    writes the bundle to ``folder/bundle``."""
    result_path = folder / "result.json"
    if result_path.is_file() and files.read_json(result_path).get("mark") == mark(model, data, recipe):
        return files.read_json(result_path)
    trainers = {}
    for kind in ("binary", "float"):
        trainer = Trainer(model, data, number, kind == "binary", recipe, folder / kind)
        line = bar.add_task(f"{model.name} fold {number} {kind}", total=recipe.epochs, completed=trainer.epoch)
        trainer.run(lambda accuracy, line=line: bar.update(line, advance=1, refresh=True))
        trainers[kind] = trainer
    split, label = trainers["binary"].split, data.windows.label
    record = data.windows.record
    known = np.concatenate([split.train, split.validation])
    net = fold.golden(model.network, trainers["binary"].best_parameters)
    training = {
        "protocol": PROTOCOL,
        "fold": number,
        "data": data.source.kind,
        "recipe": asdict(recipe),
        "epoch": trainers["binary"].best[2],
        "validation_accuracy": round(trainers["binary"].best[0], 4),
        "windows": {"train": len(split.train), "validation": len(split.validation), "test": len(split.test)},
    }
    exported = fold.export(model.name, data.task, net, training)
    predicted = integer.run(exported, data.raw[split.test]).label
    twin = fold.golden(model.network, trainers["float"].best_parameters, binary=False)
    with torch.no_grad():
        float_predicted = twin(data.input[split.test][:, None].double()).argmax(1).numpy()
    result = {
        "mark": mark(model, data, recipe),
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
        str, typer.Option("--folds", help="'shipped' (one fold), 'all' (the whole protocol), or a number")
    ] = "shipped",
    epochs: Annotated[int, typer.Option(help="Epochs instead of the recipe's; 0 keeps them")] = 0,
    ship: Annotated[bool, typer.Option(help="Put the bundle where make sim finds it (sw/models/bundles)")] = False,
) -> None:
    """Train a network and its float twin; resumes where it was interrupted."""
    chosen = networks.get(model)
    if chosen.task == "beat-5":
        from sw import train_beats

        train_beats.train(chosen, which, epochs, ship)
        return
    recipe, train, kind = _of_kind(chosen, epochs)
    numbers = {"shipped": [SHIPPED_FOLD], "all": list(range(folds.FOLDS))}.get(which)
    if numbers is None:
        if not which.isdigit() or int(which) >= folds.FOLDS:
            raise PopbeatError(f"FOLDS is 'shipped', 'all' or a number below {folds.FOLDS}, not {which!r}")
        numbers = [int(which)]
    task = tasks.get(chosen.task)
    with cli.progress() as bar:
        data = Data(task)
        home = files.BUILD / model / "train"
        results = [train(chosen, data, n, recipe, home / f"fold{n}", bar) for n in numbers]
    command = f"make train MODEL={model} FOLDS={which}" + (f" (with {epochs} epochs)" if epochs else "")
    summary = summarise(results, task.classes, command)
    report.merge({"source": data.source.kind, "records": len(mitbih.RECORDS)}, model, training={PROTOCOL: summary})
    _print(model, kind, task, summary)
    made = home / f"fold{numbers[0]}" / "bundle"
    cli.say(f"bundle: {made}" + (f"\ntry it: make sim BUNDLE={made}" if kind == "binary" else ""))
    if ship:
        _ship(made, model, summary)


def _of_kind(model: networks.Model, epochs: int) -> tuple:
    """Recipe, training of a fold and name of the kind of network that a model is; ``epochs`` other than 0 shorten it."""
    if isinstance(model.network, networks.BinaryNetwork):
        recipe = RECIPES[model.name]
        return (replace(recipe, epochs=epochs) if epochs else recipe), train_fold, "binary"
    from sw import train_alq

    recipe = train_alq.RECIPES[model.name]
    return (recipe.shortened(epochs) if epochs else recipe), train_alq.train_fold, "multi-bit"


def _print(model: str, kind: str, task: tasks.Task, summary: dict) -> None:
    table = Table(title=f"{model}: {task.name}, protocol {PROTOCOL}, test folds {summary['folds']}")
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


def _ship(made: Path, model: str, summary: dict) -> None:
    form = bundle if isinstance(networks.get(model).network, networks.BinaryNetwork) else multibit
    kept = form.read(made)
    golden = bundle.read_golden(made)
    kept.training["accuracy"] = {PROTOCOL: summary}
    path = form.write(kept, bundle.SHIPPED / model, save(golden))
    cli.say(f"shipped: {path}")


if __name__ == "__main__":
    cli.run(app)
