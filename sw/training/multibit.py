"""Train a multi-bit network with ALQ under the protocol *comparable* and write its bundle.

Four stages a fold, each resumed where it was interrupted:

1. ``float``: the float twin with batch norm; it is also the teacher of what follows.
2. ``prune``: greedy bases, then rounds of a basis epoch, a coordinate epoch and a pruning that is ranked across the layers, down to
   the bytes and cycles that the recipe allows.
3. ``basis``: the bases that are left follow latent weights (straight-through), with batch norms in the place of biases.
4. ``final``: the batch norms are folded in; the same, with everything rounded as it is stored.

The checkpoint is chosen on the validation windows; the test fold is looked at once, at the end, by the integer model.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save
from torch.nn import functional

from sw import files, metrics, networks
from sw.data import folds, protocols
from sw.data.windows import Split
from sw.errors import PopbeatError
from sw.export.array import bundle, golden, integer, packing
from sw.export.array import fold as multibit_fold
from sw.export.array.bundle import GraphBundle
from sw.models import alq, lockstep
from sw.models.multibit import FloatNet, MultibitNet
from sw.training.checkpoints import Resumable, part, restore, snapshot, store
from sw.training.trainer import Data, augment, one_cycle
from sw.training.trainer import Recipe as Augmentation


@dataclass(frozen=True)
class Phase:
    """Epochs of gradient descent: AdamW whose rate rises for ``warmup`` of the steps and falls to nothing, each along a cosine."""

    epochs: int
    rate: float
    decay: float
    warmup: float
    latent_rate: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """How a multi-bit network is trained.

    ``stored_bytes`` and ``width`` (bases a weight, weighed with the multiply-accumulates) are what it may cost in the end;
    ``cycles`` too, on an array of ``groups`` times 16 lanes in lockstep (0: not levelled), of which ``utilisation`` shall be busy;
    ``rounds`` of ``round_epochs`` basis epochs, a coordinate epoch and a pruning lead there. ``teacher``: share of the loss that is
    the divergence from the float twin. Rates of the quantised stages are relative to the size of a layer's weights.
    """

    stored_bytes: int = 13_834
    width: float = 1.34
    cycles: int = 29_900
    groups: int = 8
    utilisation: float = 0.85
    batch: int = 32
    smoothing: float = 0.05
    float_phase: Phase = Phase(epochs=250, rate=3e-3, decay=1e-2, warmup=0.3)
    rounds: int = 12
    round_epochs: int = 3
    alq_rate: float = 1e-2
    keep_channels: bool = True
    basis_phase: Phase = Phase(epochs=120, rate=3e-3, decay=0.0, warmup=0.1, latent_rate=2e-2)
    final_phase: Phase = Phase(epochs=30, rate=1e-3, decay=0.0, warmup=0.1, latent_rate=2e-3)
    teacher: float = 0.5
    augmentation: Augmentation = field(default_factory=lambda: Augmentation(epochs=0))
    seed: int = 1

    def shortened(self, epochs: int) -> "Recipe":
        """The same with so many epochs for each stage of gradient descent."""
        phases = ("float_phase", "basis_phase", "final_phase")
        return replace(self, **{name: replace(getattr(self, name), epochs=epochs) for name in phases})


RECIPES = {"alq17": Recipe()}
AFTER_PRUNING = ("basis_phase", "final_phase", "cycles", "groups", "utilisation")


class Trainer(Resumable):
    """Gradient descent on one network; its whole state is in ``folder`` after every epoch."""

    def __init__(
        self,
        net: torch.nn.Module,
        groups: list[dict],
        phase: Phase,
        recipe: Recipe,
        data: Data,
        split: Split,
        folder: Path,
        mark: str,
        teacher: torch.nn.Module | None = None,
    ):
        self.net, self.phase, self.recipe, self.data, self.split, self.folder = net, phase, recipe, data, split, folder
        self.mark, self.teacher = mark, teacher
        self.optimiser = torch.optim.AdamW(groups, weight_decay=phase.decay)
        self.peaks = [group["lr"] for group in groups]
        self.generator = torch.Generator().manual_seed(recipe.seed)
        self.steps = len(split.train) // recipe.batch
        self.epoch, self.seconds = 0, 0.0
        self.best = (-1.0, 0.0, 0)  # validation accuracy, negative loss, epoch
        self.best_state = snapshot(net)
        self.resume()

    def run(self, advance: Callable[[float], None]) -> None:
        """Train to the last epoch, then hold the best state; ``advance(validation accuracy)`` is called after each epoch."""
        while self.epoch < self.phase.epochs:
            begun = time.monotonic()
            for step, (x, target) in enumerate(batches(self.data, self.split, self.recipe, self.generator)):
                share = one_cycle(self.epoch * self.steps + step, self.phase.epochs * self.steps, self.phase.warmup)
                for group, peak in zip(self.optimiser.param_groups, self.peaks, strict=True):
                    group["lr"] = peak * share
                self.optimiser.zero_grad()
                loss_of(self.net, x, target, self.recipe, self.teacher).backward()
                self.optimiser.step()
            self.epoch += 1
            accuracy, loss = validate(self.net, self.data, self.split)
            # The last quarter of the schedule competes; before it the rate is still high.
            if self.epoch > 0.75 * self.phase.epochs and (accuracy, -loss) >= self.best[:2]:
                self.best = (accuracy, -loss, self.epoch)
                self.best_state = snapshot(self.net)
            self.seconds += time.monotonic() - begun
            self.save()
            advance(accuracy)
        self.net.load_state_dict(self.best_state)
        self.net.eval()


def batches(data: Data, split: Split, recipe: Recipe, generator: torch.Generator):
    """An epoch of augmented training windows ``[batch, 1, window]`` with their labels, in random order."""
    order = torch.from_numpy(split.train)[torch.randperm(len(split.train), generator=generator)]
    for step in range(len(order) // recipe.batch):
        rows = order[step * recipe.batch : (step + 1) * recipe.batch]
        yield augment(data.input[rows], recipe.augmentation, generator)[:, None], data.label[rows]


def loss_of(net: torch.nn.Module, x: torch.Tensor, target: torch.Tensor, recipe: Recipe, teacher=None) -> torch.Tensor:
    """Cross-entropy with the labels, mixed with the divergence from the teacher's probabilities where there is one."""
    net.train()
    logits = net(x)
    loss = functional.cross_entropy(logits, target, label_smoothing=recipe.smoothing)
    if teacher is None:
        return loss
    with torch.no_grad():
        wanted = functional.log_softmax(teacher(x), dim=1)
    distance = functional.kl_div(functional.log_softmax(logits, dim=1), wanted, log_target=True, reduction="batchmean")
    return (1 - recipe.teacher) * loss + recipe.teacher * distance


@torch.no_grad()
def validate(net: torch.nn.Module, data: Data, split: Split) -> tuple[float, float]:
    """Accuracy and loss on the validation windows."""
    net.eval()
    logits = torch.cat([net(data.input[c][:, None]) for c in torch.from_numpy(split.validation).split(128)])
    label = data.label[split.validation]
    return float((logits.argmax(1) == label).float().mean()), float(functional.cross_entropy(logits, label))


class Pruner:
    """The ``prune`` stage: rounds of a basis epoch, a coordinate epoch and a pruning across the layers; saved after each round."""

    def __init__(self, net: MultibitNet, teacher: FloatNet, recipe: Recipe, data: Data, split: Split, folder: Path, mark: str):
        self.net, self.teacher, self.recipe, self.data, self.split = net, teacher, recipe, data, split
        self.folder, self.mark = folder, mark
        self.generator = torch.Generator().manual_seed(recipe.seed + 1)
        self.round, self.seconds = 0, 0.0
        self.history: list[dict] = []
        state = restore(folder, mark)
        if state is not None:
            net.load_state_dict(part(state, "net."))
            self.generator.set_state(state["random.own"])
            torch.set_rng_state(state["random.torch"])
            self.round, self.seconds = int(state["progress"][0]), float(state["progress"][1])
            self.history = files.read_json(folder / "rounds.json")[: self.round]
        self.first = self.history[0]["bases"] if self.history else net.counts()
        least = [layer.out_channels * recipe.keep_channels for layer in net.network.layers]
        bits, width = net.network.stored_bits(least), net.network.mac_width(least)
        if bits > 8 * recipe.stored_bytes or width > recipe.width:
            raise PopbeatError(
                f"{recipe.stored_bytes} bytes and a width of {recipe.width} can't be reached: with one base a channel the network "
                f"has {-(-bits // 8)} bytes and a width of {width:g}"
            )

    def run(self, advance: Callable[[float], None]) -> None:
        """All rounds; ``advance(validation accuracy)`` is called after each."""
        self.teacher.eval()
        while self.round < self.recipe.rounds:
            begun = time.monotonic()
            before = self.net.counts()
            self._basis_epoch()
            increase = self._coordinate_epoch()
            self.round += 1
            self._prune(increase)
            accuracy, _ = validate(self.net.set("fixed"), self.data, self.split)
            self.seconds += time.monotonic() - begun
            self.history.append({"bases": before, "left": self.net.counts(), "validation_accuracy": round(accuracy, 4)})
            files.write_json(self.folder / "rounds.json", self.history)
            state = {f"net.{k}": v for k, v in self.net.state_dict().items()}
            state |= {"random.own": self.generator.get_state(), "random.torch": torch.get_rng_state()}
            state["progress"] = torch.tensor([self.round, self.seconds], dtype=torch.float64)
            store(self.folder, state, self.mark)
            advance(accuracy)

    def _gradients(self):
        """Batches of an epoch, each after its backward pass."""
        for x, target in batches(self.data, self.split, self.recipe, self.generator):
            self.net.zero_grad()
            loss_of(self.net, x, target, self.recipe, self.teacher).backward()
            yield

    def _basis_epoch(self) -> None:
        """Basis steps on latent weights; biases move along."""
        layers = self.net.set("weight").layers
        moments = [alq.AmsGrad(self.recipe.alq_rate * float(layer.latent.detach().abs().mean())) for layer in layers]
        biases = torch.optim.Adam([layer.bias for layer in layers], lr=self.recipe.alq_rate / 10)
        for _ in range(self.recipe.round_epochs):
            for _ in self._gradients():
                biases.step()
                with torch.no_grad():
                    for layer, moment in zip(layers, moments, strict=True):
                        step = alq.basis_step(layer.bases, layer.alpha, layer.latent, moment, layer.composed.grad)
                        for kept, new in zip((layer.bases, layer.alpha, layer.latent), step, strict=True):
                            kept.copy_(new)

    def _coordinate_epoch(self) -> list[torch.Tensor]:
        """Coordinate steps; returns for each layer the loss increase of every base, ``[out, max_bases]``."""
        layers = self.net.set("fixed").layers
        moments = [alq.AmsGrad(self.recipe.alq_rate / 10 * float(layer.alpha.detach().max())) for layer in layers]
        biases = torch.optim.Adam([layer.bias for layer in layers], lr=self.recipe.alq_rate / 10)
        for _ in self._gradients():
            biases.step()
            with torch.no_grad():
                for layer, moment in zip(layers, moments, strict=True):
                    step = alq.coordinate_step(layer.bases, layer.alpha, moment, layer.alpha.grad)
                    layer.bases.copy_(step[0])
                    layer.alpha.copy_(step[1])
        with torch.no_grad():
            return [
                alq.loss_increase(layer.alpha, m.mean, self.recipe.batch * m.fisher)
                for layer, m in zip(layers, moments, strict=True)
            ]

    @torch.no_grad()
    def _prune(self, increase: list[torch.Tensor]) -> None:
        """Down to this round's share of the way, geometrically, from all bases to what the recipe allows."""
        net, network, left = self.net, self.net.network, self.net.counts()
        share = self.round / self.recipe.rounds
        fixed = network.stored_bits([0] * len(left))
        first = network.stored_bits(self.first) - fixed, network.mac_width(self.first)
        last = 8 * self.recipe.stored_bytes - fixed, self.recipe.width
        wanted = [a * (b / a) ** share for a, b in zip(first, last, strict=True)]
        may_go = [layer.present.clone() for layer in net.layers]
        if self.recipe.keep_channels:
            # A dead channel wastes the bits of all weights of the next layer that look at it: its largest base stays.
            for layer, allowed in zip(net.layers, may_go, strict=True):
                allowed[torch.arange(len(allowed)), layer.alpha.argmax(dim=1)] = False
        places = [allowed.nonzero() for allowed in may_go]
        sizes = [len(p) for p in places]
        geometries = network.layers
        gone = alq.rank(
            np.concatenate([i[p[:, 0], p[:, 1]].double().numpy() for i, p in zip(increase, places, strict=True)]),
            np.repeat([g.taps + network.alpha_bits for g in geometries], sizes),
            np.repeat([g.taps * g.conv_length for g in geometries], sizes),
            network.stored_bits(left) - fixed - wanted[0],
            (network.mac_width(left) - wanted[1]) * network.macs,
        )
        owner, start = np.repeat(np.arange(len(sizes)), sizes), np.cumsum([0, *sizes])
        for index in gone:
            layer = net.layers[owner[index]]
            channel, place = places[owner[index]][index - start[owner[index]]].tolist()
            layer.bases[channel, place] = 0
            layer.alpha[channel, place] = 0
        for layer in net.layers:
            bases, alpha = alq.refit(layer.latent, layer.bases)
            layer.bases.copy_(bases)
            layer.alpha.copy_(alpha)
            layer.tidy()


@torch.no_grad()
def level(net: MultibitNet, recipe: Recipe) -> None:
    """One or two bases for every channel, in whole blocks of the array (:mod:`sw.models.lockstep`): two for those that kept more,
    then for those whose weights are furthest from one base."""
    counts = [layer.present.sum(dim=1).numpy() for layer in net.layers]
    second = lockstep.level(
        net.network, counts, recipe.stored_bytes, recipe.width, recipe.cycles, recipe.groups, recipe.utilisation
    )
    for layer, count, extra in zip(net.layers, counts, second, strict=True):
        bases, alpha = alq.greedy(layer.latent, 2)
        error = (layer.latent - bases[:, 0] * alq.greedy(layer.latent, 1)[1]).square().sum(dim=1).numpy()
        order = np.lexsort((-error, -count))
        layer.bases.zero_()
        layer.alpha.zero_()
        two, one = order[:extra].copy(), order[extra:].copy()
        layer.bases[two, :2], layer.alpha[two, :2] = bases[two], alpha[two]
        bases, alpha = alq.greedy(layer.latent, 1)
        layer.bases[one, :1], layer.alpha[one, :1] = bases[one], alpha[one]
        layer.tidy()


def groups_of(net: MultibitNet, phase: Phase) -> list[dict]:
    """Parameters of a quantised network with their rates: relative to the size of a layer's weights."""
    groups = []
    for layer in net.layers:
        size = float(layer.latent.detach().abs().mean())
        groups.append({"params": [layer.latent], "lr": phase.latent_rate * size})
        groups.append({"params": [layer.alpha], "lr": phase.rate * size})
        shifts = [layer.bias] if layer.norm is None else list(layer.norm.parameters())
        groups.append({"params": shifts, "lr": phase.rate * max(float(shifts[-1].detach().abs().mean()), size)})
    return groups


class Lines:
    """Progress bars of a fold, one a stage."""

    def __init__(self, bar, name: str):
        self.bar, self.name = bar, name

    def __call__(self, stage: str, total: int, completed: int) -> Callable[[float], None]:
        """A line for a stage; calling it moves the line on."""
        task = self.bar.add_task(f"{self.name} {stage}", total=total, completed=completed)
        return lambda accuracy: self.bar.update(task, advance=1, refresh=True)


def train_twin(model: networks.Model, data: Data, number: int, recipe: Recipe, folder: Path, lines: Lines) -> Trainer:
    """The ``float`` stage; the trainer's ``net`` is the chosen checkpoint."""
    plain = (recipe.float_phase, recipe.batch, recipe.smoothing, asdict(recipe.augmentation), recipe.seed)
    torch.manual_seed(recipe.seed)
    twin = FloatNet(model.network)
    groups = [{"params": list(twin.parameters()), "lr": recipe.float_phase.rate}]
    split = folds.load(model.task, data.windows, number)
    mark = mark_of(model, data, number, plain)
    trainer = Trainer(twin, groups, recipe.float_phase, recipe, data, split, folder / "float", mark)
    trainer.run(lines("float", recipe.float_phase.epochs, trainer.epoch))
    return trainer


def quantise(
    model: networks.Model, data: Data, number: int, twin: FloatNet, recipe: Recipe, folder: Path, lines: Lines
) -> tuple[MultibitNet, dict, float]:
    """The three stages of ALQ. Returns the quantised network, what the stages say of themselves, and the seconds they took."""
    split, mark = folds.load(model.task, data.windows, number), mark_of(model, data, number, recipe)
    # What comes after the pruning does not change it.
    until = mark_of(model, data, number, {k: v for k, v in asdict(recipe).items() if k not in AFTER_PRUNING})
    windows = data.input[split.train][:, None]
    torch.manual_seed(recipe.seed)
    net = MultibitNet(model.network)
    net.start(twin, windows)
    pruner = Pruner(net, twin, recipe, data, split, folder / "prune", until)
    pruner.run(lines("prune", recipe.rounds, pruner.round))
    if recipe.cycles:
        level(net, recipe)
    seconds, epochs = pruner.seconds, {}
    for stage, phase in (("basis", recipe.basis_phase), ("final", recipe.final_phase)):
        net.set("latent", rounding=stage == "final")
        if stage == "basis":
            net.insert_norms(windows)
        torch.manual_seed(recipe.seed)
        trainer = Trainer(net, groups_of(net, phase), phase, recipe, data, split, folder / stage, mark, twin)
        trainer.run(lines(stage, phase.epochs, trainer.epoch))
        if stage == "basis":
            net.fold_norms()
        seconds += trainer.seconds
        epochs[stage] = trainer.best[2]
    told = {"epochs": epochs, "validation_accuracy": round(trainer.best[0], 4), "rounds": pruner.history}
    return net.set("fixed"), told, seconds


def mark_of(model: networks.Model, data: Data, number: int, recipe) -> str:
    """Hash of everything that a stage starts from; a checkpoint or result with another one is not its own."""
    start = (recipe, model.network, data.windows.positions(), data.windows.label.tolist(), data.source.kind, number)
    return files.sha256(repr(start).encode())


def train_fold(model: networks.Model, data: Data, number: int, recipe: Recipe, folder: Path, bar) -> dict:
    """Train on one fold and look at its test windows once. Returns the fold's figures and writes the bundle to
    ``folder/bundle``."""
    mark, result_path = mark_of(model, data, number, recipe), folder / "result.json"
    if files.is_marked(result_path, mark):
        return files.read_json(result_path)
    split, label, record = folds.load(model.task, data.windows, number), data.windows.label, data.windows.record
    lines = Lines(bar, f"{model.name} fold {number}")
    first = train_twin(model, data, number, recipe, folder, lines)
    net, told, seconds = quantise(model, data, number, first.net, recipe, folder, lines)
    known = np.concatenate([split.train, split.validation])
    training = {
        "protocol": protocols.COMPARABLE,
        "fold": number,
        "data": data.source.kind,
        "recipe": asdict(recipe),
        "float_validation_accuracy": round(first.best[0], 4),
        "float_epoch": first.best[2],
        **told,
        "windows": {"train": len(split.train), "validation": len(split.validation), "test": len(split.test)},
    }
    exported = multibit_fold.export(model.name, data.task, net, training)
    training["widths"] = widths(exported)
    stored = multibit_fold.parameters(net)
    golden.prove(exported, stored, data.raw[split.test])
    predicted = integer.run(exported, data.raw[split.test], keep=False).label
    with torch.no_grad():
        float_predicted = first.net.double()(data.input[split.test][:, None].double()).argmax(1).numpy()
    result = {
        "mark": mark,
        "fold": number,
        "truth": label[split.test].tolist(),
        "predicted": predicted.tolist(),
        "float_predicted": float_predicted.tolist(),
        "baselines": metrics.baselines(record[known], label[known], record[split.test], label[split.test]),
        "seconds": round(first.seconds + seconds, 1),
        "training": training,
    }
    bundle.write(exported, folder / "bundle", save(stored))
    files.write_json(result_path, result)
    return result


def widths(packed: GraphBundle) -> dict:
    """What a network costs: stored bytes, bases a weight and a multiply-accumulate, bases a weight in each layer."""
    return {
        "stored_bytes": len(packing.pack(packed)),
        "average": round(packed.width, 4),
        "mac_weighted": round(packed.mac_width, 4),
        "by_layer": [round(len(node.alpha) / len(node.count), 4) for node in packed.convolutions],
    }
