"""One training of a binary network or its float twin: recipe, windows in memory, augmentation, and the loop that resumes."""

import copy
import math
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save as save_torch
from torch.nn import functional

from sw import cli, files, networks
from sw.data import folds, protocols, source, tasks
from sw.errors import PopbeatError
from sw.export import bundle
from sw.export.binary import fold
from sw.models.binary import DROPOUT, BinaryNet

FIRST_LATENT = 0.3  # mean size of latent weights that come from real ones


@dataclass(frozen=True)
class Recipe:
    """How a network is trained. ``latent_rate`` is the peak learning rate of the binary network's latent weights, ``rate``
    that of everything else; both rise for ``warmup`` of the steps and fall to zero along a cosine. ``triangle``: the gradient of
    signs (``sw/models/binary.py``). Where there are further windows, an epoch draws ``windows`` of them and of the task's own, of
    which ``own`` is the share; further windows of a class are drawn as the root of their number. ``sign_epochs`` come before
    ``epochs``: signs, but weights still real, everything at ``sign_rate`` where it is given. The float twin has ``twin_epochs``
    where they are given. ``average``: what a step keeps of the parameters' running average; with it, the networks that compete are
    such averages, and their batch norms are estimated anew. ``pretraining`` comes before all."""

    epochs: int
    batch: int = 64
    latent_rate: float = 3e-2
    rate: float = 5e-3
    warmup: float = 0.05
    noise: float = 0.05
    turn: float = 1.0
    hold: bool = False
    triangle: bool = False
    warp: float = 0.1
    gain: float = 0.2
    wander: float = 0.3
    smoothing: float = 0.0
    dropout: float = DROPOUT
    seed: int = 1
    windows: int = 0
    own: float = 0.5
    sign_epochs: int = 0
    sign_rate: float = 0.0
    twin_epochs: int = 0
    average: float = 0.0
    pretraining: "Recipe | None" = None

    def shortened(self, epochs: int) -> "Recipe":
        """The same with so many epochs, before and after the pretraining."""
        signs, twin = min(self.sign_epochs, epochs), min(self.twin_epochs, epochs)
        first = self.pretraining and self.pretraining.shortened(epochs)
        return replace(self, epochs=epochs, sign_epochs=signs, twin_epochs=twin, pretraining=first)


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
    """Turn each window ``[n, samples]`` by up to the share ``turn`` of its length (1: any sample may come first), or with ``hold``
    move it by up to half of that to either side and hold its ends, so that no seam looks like a beat. Play it up to ``warp`` faster
    or slower, scale it by up to ``gain``, let its baseline wander (below 0.5 Hz, up to ``wander``), and add noise of deviation
    ``noise``. What comes out is quantised and saturated again, as everything is that the hardware sees."""
    n, length = x.shape

    def uniform(low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand((n, 1), generator=generator)

    time = torch.arange(length)[None]
    middle = length / 2 if recipe.hold else 0
    moved = uniform(0, recipe.turn * length) - recipe.turn * middle
    place = moved + middle + (time - middle) * uniform(1 - recipe.warp, 1 + recipe.warp)
    if recipe.hold:
        place = place.clamp(0, length - 1)
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

    averaged: dict[str, torch.Tensor] = {}  # running averages of the parameters, from where networks compete

    def __init__(self, model: networks.Model, data: Data, part: "Part", binary: bool, recipe: Recipe, folder: Path, start=None):
        self.recipe, self.data, self.folder = recipe, data, folder
        self.mark = mark(model, data, recipe, part)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.split = part.split(data)
        self.generator = torch.Generator().manual_seed(recipe.seed * 1000 + part.number)
        torch.manual_seed(recipe.seed * 1000 + part.number)
        self.net = BinaryNet(model.network, binary=binary).to(self.device)
        self.net.dropout = recipe.dropout
        self.net.triangles(recipe.triangle)
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
            competes = self._competes(self.epoch)
            net = self._average() if competes and self.recipe.average else self.net
            accuracy, loss = self.validate(net)
            if competes and (accuracy, -loss) >= self.best[:2]:
                self.best = (accuracy, -loss, self.epoch)
                self.best_parameters = fold.parameters(net)
            self.seconds += time.monotonic() - begun
            self._save()
            advance(accuracy)

    def _competes(self, epoch: int) -> bool:
        """The last quarter of the schedule: before it the rate is still high."""
        return epoch > self.staged + 0.75 * (self.epochs - self.staged)

    @torch.no_grad()
    def _keep_average(self) -> None:
        """Take the parameters as they are after a step into their running averages."""
        now = dict(self.net.named_parameters())
        before = self.averaged or {name: value.clone() for name, value in now.items()}
        self.averaged = {name: value.lerp(now[name], 1 - self.recipe.average) for name, value in before.items()}

    @torch.no_grad()
    def _average(self) -> BinaryNet:
        """The network of the averages. Its batch norms are estimated on as many windows as an epoch draws."""
        net = copy.deepcopy(self.net).train()
        net.load_state_dict(self.averaged, strict=False)
        for block in net.blocks:
            block.norm.reset_running_stats()
            block.norm.momentum = None  # a plain mean over what follows
        for rows in self._draw().split(self.recipe.batch):
            net(augment(self.data.input[rows].to(self.device), self.recipe, self.generator)[:, None])
        return net

    def _stage(self) -> tuple[int, int, list[float]]:
        """First epoch and number of epochs of the stage that this epoch belongs to, and the peak rates of latent weights and of
        everything else in it. A stage of its own makes signs alone binary; where it ends, real weights become latent ones."""
        binary = self.net.binary
        if self.staged and self.epoch <= self.staged:
            self.net.binary_weights(self.epoch == self.staged)
        if self.epoch < self.staged:
            return 0, self.staged, [self.recipe.sign_rate or self.recipe.rate] * 2
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
            if self.recipe.average and self._competes(self.epoch + 1):
                self._keep_average()

    @torch.no_grad()
    def validate(self, net: BinaryNet) -> tuple[float, float]:
        """Accuracy and loss of a network on the validation windows; zeros where there are none, so that the last epoch is taken."""
        net.eval()
        if not len(self.split.validation):
            return 0.0, 0.0
        logits, label = self._logits(net, self.split.validation), self.data.label[self.split.validation]
        scaled = logits / net.network.blocks[-1].pool_length ** 0.5
        return float((logits.argmax(1) == label).float().mean()), float(functional.cross_entropy(scaled, label))

    def _logits(self, net: BinaryNet, rows: np.ndarray) -> torch.Tensor:
        chunks = torch.from_numpy(rows).split(256)
        return torch.cat([net(self.data.input[c].to(self.device)[:, None]).cpu() for c in chunks])

    def _state(self) -> dict[str, torch.Tensor]:
        state = {f"net.{k}": v for k, v in self.net.state_dict().items()}
        state |= {f"best.{k}": torch.from_numpy(np.ascontiguousarray(v)) for k, v in self.best_parameters.items()}
        state |= {f"averaged.{k}": v for k, v in self.averaged.items()}
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
        self.averaged = {k: v.to(self.device) for k, v in part("averaged.").items()}
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
