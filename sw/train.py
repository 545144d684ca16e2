"""Train a model under a protocol (``sw/data/protocols.py``) and write its bundle.

Five stored folds; the checkpoint is chosen on the validation part of the training folds; the test fold is looked at once, at the
end, by the integer model, which is what the hardware computes. The bundle is the model of one fold (the shipped one), so that
this fold's windows are unseen by it. Beside every binary model its float twin is trained, on the same windows.

With further windows of the records, training begins with those that are in or next to no window of the task: one pretrained
network serves every fold. The binary network starts from its pretrained twin: signs come first, then weights of +-1.
"""

import math
import time
from dataclasses import asdict, dataclass, replace
from functools import partial
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
from sw.data import folds, mitbih, protocols, source, tasks
from sw.errors import PopbeatError
from sw.export import bundle, fold, integer, multibit
from sw.models.binary import BinaryNet

SHIPPED_FOLD = 0
FIRST_LATENT = 0.3  # mean size of latent weights that come from real ones


@dataclass(frozen=True)
class Recipe:
    """How a network is trained. ``latent_rate`` is the peak learning rate of the binary network's latent weights, ``rate``
    that of everything else; both rise for ``warmup`` of the steps and fall to zero along a cosine. Where there are further windows,
    an epoch draws ``windows`` of them and of the task's own, of which ``own`` is the share; further windows of a class are drawn as
    the root of their number. ``sign_epochs`` come before ``epochs``: signs, but weights still real. The float twin has
    ``twin_epochs`` where they are given. ``pretraining`` comes before all."""

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
    windows: int = 0
    own: float = 0.5
    sign_epochs: int = 0
    twin_epochs: int = 0
    pretraining: "Recipe | None" = None

    def shortened(self, epochs: int) -> "Recipe":
        """The same with so many epochs, before and after the pretraining."""
        signs, twin = min(self.sign_epochs, epochs), min(self.twin_epochs, epochs)
        first = self.pretraining and self.pretraining.shortened(epochs)
        return replace(self, epochs=epochs, sign_epochs=signs, twin_epochs=twin, pretraining=first)


RECIPES = {"bnn17": Recipe(epochs=400), "bnn5": Recipe(epochs=45)}
_PRETRAINING = Recipe(epochs=80, windows=2560, own=0.0, sign_epochs=15, twin_epochs=40)
RECORDS_RECIPES = {
    "bnn17": Recipe(epochs=25, windows=2560, latent_rate=1e-2, rate=2e-3, twin_epochs=10, pretraining=_PRETRAINING),
    "bnn5": Recipe(epochs=30, windows=5120),
}


class Data:
    """A task's windows in memory: raw ``int16[n, window]``, normalised ``float32[n, window]`` in units of 1, labels. With
    ``further``, inputs and labels of the further windows come behind those of the task's own."""

    def __init__(self, task: tasks.Task, further: bool = False):
        self.source = source.find()
        self.task = task
        self.windows = task.windows(self.source)
        self.raw = task.samples(self.source, self.windows)
        self.input, self.label = self._input(self.raw), torch.from_numpy(self.windows.label)
        self.further = protocols.further(task, self.source, self.windows) if further else None
        if self.further is not None:
            self.input = torch.cat([self.input, self._input(task.samples(self.source, self.further))])
            self.label = torch.cat([self.label, torch.from_numpy(self.further.label)])

    def _input(self, raw: np.ndarray) -> torch.Tensor:
        spec = bundle.NormaliserSpec(window=self.task.length)
        z = [spec.normalise(raw[i : i + 256])[0].astype(np.float32) for i in range(0, len(raw), 256)]
        return torch.from_numpy(np.concatenate(z) / np.float32(1 << spec.z_fraction))


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
    """One network on one part of the data, from ``start`` (another network's state) or from chance; its whole state is in
    ``folder`` after every epoch."""

    def __init__(self, model: networks.Model, data: Data, part: "Part", binary: bool, recipe: Recipe, folder: Path, start=None):
        self.recipe, self.data, self.folder = recipe, data, folder
        self.mark = mark(model, data, recipe, part)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.split = part.split(data)
        self.generator = torch.Generator().manual_seed(recipe.seed * 1000 + part.number)
        torch.manual_seed(recipe.seed * 1000 + part.number)
        self.net = BinaryNet(model.network, binary=binary).to(self.device)
        self.staged = recipe.sign_epochs if binary else 0
        if start is not None:
            self.net.load_state_dict(start)
        latent = self.net.latent()
        others = [p for p in self.net.parameters() if all(p is not w for w in latent)]
        self.optimiser = torch.optim.Adam([{"params": latent}, {"params": others}])
        self.epochs = self.staged + recipe.epochs if binary else recipe.twin_epochs or recipe.epochs
        self.epoch = 0
        self.seconds = 0.0
        self.best = (-1.0, 0.0, 0)  # validation accuracy, negative loss, epoch
        self.best_parameters = fold.parameters(self.net)
        self._resume()

    def run(self, advance) -> None:
        """Train to the last epoch; ``advance(validation accuracy)`` is called after each."""
        while self.epoch < self.epochs:
            begun = time.monotonic()
            self._train_epoch()
            self.epoch += 1
            accuracy, loss = self.validate()
            # The last quarter of the schedule competes; before it the rate is still high.
            if self.epoch > self.staged + 0.75 * (self.epochs - self.staged) and (accuracy, -loss) >= self.best[:2]:
                self.best = (accuracy, -loss, self.epoch)
                self.best_parameters = fold.parameters(self.net)
            self.seconds += time.monotonic() - begun
            self._save()
            advance(accuracy)

    def _stage(self) -> tuple[int, int, list[float]]:
        """First epoch and number of epochs of the stage that this epoch belongs to, and the peak rates of latent weights and of
        everything else in it. A stage of its own makes signs alone binary; where it ends, real weights become latent ones."""
        binary = self.net.binary
        if self.staged and self.epoch <= self.staged:
            self.net.binary_weights(self.epoch == self.staged)
        if self.epoch < self.staged:
            return 0, self.staged, [self.recipe.rate] * 2
        if self.staged and self.epoch == self.staged:
            for weight in self.net.latent():
                with torch.no_grad():
                    weight.mul_(FIRST_LATENT / weight.abs().mean()).clamp_(-1, 1)
                self.optimiser.state.pop(weight, None)
        return self.staged, self.epochs - self.staged, [self.recipe.latent_rate if binary else self.recipe.rate, self.recipe.rate]

    def _draw(self) -> torch.Tensor:
        """Rows of an epoch's windows: the task's own in random order, or a draw from these and further ones."""
        own, further = torch.from_numpy(self.split.train), torch.from_numpy(self.split.further) + len(self.data.windows)
        if not len(further):
            return own[torch.randperm(len(own), generator=self.generator)]
        count = torch.bincount(self.data.label[further]).double()
        of_own = torch.full((len(own),), self.recipe.own / max(len(own), 1), dtype=torch.float64)
        of_further = (1 - self.recipe.own) * (count**-0.5)[self.data.label[further]] / count.sqrt().sum()
        chosen = torch.multinomial(torch.cat([of_own, of_further]), self.recipe.windows, replacement=True, generator=self.generator)
        return torch.cat([own, further])[chosen]

    def _train_epoch(self) -> None:
        begin, epochs, peaks = self._stage()
        self.net.train()
        order = self._draw()
        steps = len(order) // self.recipe.batch
        for step in range(steps):
            rows = order[step * self.recipe.batch : (step + 1) * self.recipe.batch]
            x = augment(self.data.input[rows].to(self.device), self.recipe, self.generator)
            logits = self.net(x[:, None]) / self.net.network.blocks[-1].pool_length ** 0.5
            target = self.data.label[rows].to(self.device)
            loss = functional.cross_entropy(logits, target, label_smoothing=self.recipe.smoothing)
            share = one_cycle((self.epoch - begin) * steps + step, epochs * steps, self.recipe.warmup)
            for group, peak in zip(self.optimiser.param_groups, peaks, strict=True):
                group["lr"] = peak * share
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            self.net.clip()

    @torch.no_grad()
    def validate(self) -> tuple[float, float]:
        """Accuracy and loss on the validation windows; zeros where there are none, so that the last epoch is taken."""
        self.net.eval()
        if not len(self.split.validation):
            return 0.0, 0.0
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


@dataclass(frozen=True)
class Part:
    """What a training sees of the data: a fold under a protocol, or, without a number, what comes before any fold."""

    fold: int | None
    protocol: str = protocols.COMPARABLE

    @property
    def number(self) -> int:
        """The fold's number, for seeds; one beyond them for the pretraining."""
        return folds.FOLDS if self.fold is None else self.fold

    def split(self, data: Data) -> protocols.Split:
        """Rows of the data."""
        if self.fold is None:
            return protocols.pretraining(data.task, data.windows, data.further)
        return protocols.split(data.task, data.windows, data.further, self.fold, self.protocol)


def mark(model: networks.Model, data: Data, recipe: Recipe, part: Part) -> str:
    """Hash of everything that a training starts from; a checkpoint or result with another one is not its own."""
    tables = [(w.positions(), w.label.tolist()) for w in (data.windows, data.further) if w is not None]
    return files.sha256(repr((asdict(recipe), model.network, tables, data.source.kind, asdict(part))).encode())


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
    recipe, train, kind = _of_kind(chosen, protocols.check(protocol), epochs)
    numbers = fold_numbers(which)
    task = tasks.get(chosen.task)
    with cli.progress() as bar:
        data = Data(task, further=protocol != protocols.COMPARABLE)
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


def fold_numbers(which: str) -> list[int]:
    """Numbers of the folds that ``which`` names: 'shipped', 'all', or numbers with commas."""
    named = {"shipped": [SHIPPED_FOLD], "all": list(range(folds.FOLDS))}
    if which in named:
        return named[which]
    numbers = [int(n) if n.isdigit() else folds.FOLDS for n in which.split(",")]
    if max(numbers) >= folds.FOLDS or len(set(numbers)) < len(numbers):
        raise PopbeatError(f"FOLDS is 'shipped', 'all' or different numbers below {folds.FOLDS}, not {which!r}")
    return numbers


def _of_kind(model: networks.Model, protocol: str, epochs: int) -> tuple:
    """Recipe, training of a fold and name of the kind of network that a model is; ``epochs`` other than 0 shorten it."""
    if isinstance(model.network, networks.BinaryNetwork):
        recipe = (RECIPES if protocol == protocols.COMPARABLE else RECORDS_RECIPES)[model.name]
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
