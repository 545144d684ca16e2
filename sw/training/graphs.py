"""Train a network that is a graph of the array, and quantise it with ALQ. Four stages, each resumed where it was interrupted:

1. ``float``: the float twin with batch norm; it is also the teacher of what follows.
2. ``prune``: tensors in 8 bits and greedy bases; rounds of an epoch (bases follow latent weights, straight-through) and a pruning
   that is ranked across all layers by what a base is worth to the loss, in bits and in cycles.
3. ``basis``: the same epochs with the bases that are left.
4. ``final``: the batch norms are folded in, and everything is rounded as it is stored.

The array works on channels in lockstep, at most :data:`CHUNK` of them together, so a base comes and goes for a chunk of channels:
one channel alone would save nothing. The checkpoint is chosen by validation data. After Qu et al., "Adaptive Loss-aware
Quantization for Multi-bit Networks" (CVPR 2020).
"""

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from sw import files
from sw.export.array.graph import Graph
from sw.export.array.program import ALPHA_BITS
from sw.models import alq
from sw.models.graph_net import GraphNet
from sw.training.checkpoints import Resumable, snapshot
from sw.training.trainer import one_cycle

CHUNK = 32  # channels that the array may work on together
STAGES = ("float", "prune", "basis", "final")


class Task(Protocol):
    """What a network learns. ``mark``: of everything that the data depends on."""

    mark: str

    def batches(self, count: int, batch: int, generator: torch.Generator) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """``count`` batches of drawn inputs ``[batch, channels, height, width]`` with their targets."""

    def loss(self, logits: torch.Tensor, target: torch.Tensor, teacher: torch.Tensor | None) -> torch.Tensor:
        """Loss of logits, mixed with the distance from a teacher's logits where there is one."""

    def validate(self, net: GraphNet) -> float:
        """What a network is worth on validation data; the larger the better."""


@dataclass(frozen=True)
class Phase:
    """``epochs`` of ``drawn`` samples: AdamW whose rate rises for ``warmup`` of the steps and falls to nothing, each along a
    cosine. ``latent_rate`` is that of the weights behind bases; both rates of quantised stages are relative to the size of a unit's
    weights."""

    epochs: int
    drawn: int
    rate: float
    latent_rate: float = 0.0
    decay: float = 0.0
    warmup: float = 0.2


@dataclass(frozen=True)
class Recipe:
    """How a graph is trained and what it may cost: ``width`` bases a weight and ``mac_width`` bases a multiply-accumulate, from
    ``most`` a channel; ``threads`` of the processor, which are part of what the sums are."""

    float_phase: Phase
    prune_phase: Phase
    basis_phase: Phase
    final_phase: Phase
    most: int
    width: float
    mac_width: float
    batch: int = 64
    input_fraction: int = 4
    dropout: float = 0.0
    calibration: int = 512  # samples that the fractions are taken from
    seed: int = 1
    threads: int = 1

    def phases(self) -> dict[str, Phase]:
        """The phases by stage, in their order."""
        return {stage: getattr(self, f"{stage}_phase") for stage in STAGES}

    def shortened(self, epochs: int) -> "Recipe":
        """The same with at most so many epochs a stage."""
        return replace(self, **{f"{s}_phase": replace(p, epochs=min(epochs, p.epochs)) for s, p in self.phases().items()})


def device() -> str:
    """A GPU where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


class Stage(Resumable):
    """Gradient descent on one network for one phase; its whole state is in ``folder`` after every epoch."""

    def __init__(self, net: GraphNet, phase: Phase, recipe: Recipe, task: Task, folder: Path, mark: str, teacher=None):
        self.net, self.phase, self.recipe, self.task, self.folder, self.mark = net, phase, recipe, task, folder, mark
        self.teacher = teacher
        self.optimiser = torch.optim.AdamW(groups_of(net, phase), weight_decay=phase.decay)
        self.peaks = [group["lr"] for group in self.optimiser.param_groups]
        self.generator = torch.Generator().manual_seed(recipe.seed)
        self.steps = max(1, phase.drawn // recipe.batch)
        self.epoch, self.seconds = 0, 0.0
        self.best = (-np.inf, 0)
        self.best_state = snapshot(net)
        self.last = False
        self.after_step: Callable[[], None] = lambda: None
        self.after_epoch: Callable[[], None] = lambda: None
        self.resume()

    def run(self, advance: Callable[[float], None]) -> None:
        """Train to the last epoch, then hold the best state (the last one where ``last``); ``advance(validation)`` is called after
        each."""
        while self.epoch < self.phase.epochs:
            begun = time.monotonic()
            self._train_epoch()
            self.epoch += 1
            self.after_epoch()
            value = self.task.validate(self.net.eval())
            # The last quarter of the schedule competes; before it the rate is still high.
            if self.epoch > 0.75 * self.phase.epochs and value >= self.best[0]:
                self.best, self.best_state = (value, self.epoch), snapshot(self.net)
            self.seconds += time.monotonic() - begun
            self.save()
            advance(value)
        if not self.last:
            self.net.load_state_dict(self.best_state)
        self.net.eval()

    def _train_epoch(self) -> None:
        self.net.train()
        for step, (x, target) in enumerate(self.task.batches(self.steps, self.recipe.batch, self.generator)):
            share = one_cycle(self.epoch * self.steps + step, self.phase.epochs * self.steps, self.phase.warmup)
            for group, peak in zip(self.optimiser.param_groups, self.peaks, strict=True):
                group["lr"] = peak * share
            x = x.to(device()).to(memory_format=torch.channels_last)
            self.optimiser.zero_grad()
            wanted = None
            if self.teacher is not None:
                with torch.no_grad():
                    wanted = self.teacher(x)
            self.task.loss(self.net(x), target.to(device()), wanted).backward()
            self.after_step()
            self.optimiser.step()


def groups_of(net: GraphNet, phase: Phase) -> list[dict]:
    """Parameters with their rates; in quantised networks relative to the size of a unit's weights."""
    if not net.quantised:
        return [{"params": [p for p in net.parameters() if p.requires_grad], "lr": phase.rate}]
    groups = []
    for unit in net.units:
        size = float(unit.latent.detach().abs().mean())
        groups.append({"params": [unit.latent], "lr": phase.latent_rate * size})
        groups.append({"params": [unit.alpha], "lr": phase.rate * size})
        shifts = [unit.bias] if unit.norm is None else list(unit.norm.parameters())
        groups.append({"params": shifts, "lr": phase.rate * max(float(shifts[-1].detach().abs().mean()), size)})
    return groups


class Pruner:
    """Which bases go, after every round of the ``prune`` stage: from gradients that the round's steps left."""

    def __init__(self, net: GraphNet, recipe: Recipe):
        self.net, self.recipe = net, recipe
        self.round = 0
        self._clear()

    def _clear(self) -> None:
        self.steps = 0
        self.first = [torch.zeros_like(u.alpha) for u in self.net.units]
        self.second = [torch.zeros_like(u.alpha) for u in self.net.units]

    @torch.no_grad()
    def see(self) -> None:
        """Take in the gradients of a step."""
        self.steps += 1
        for unit, first, second in zip(self.net.units, self.first, self.second, strict=True):
            first.add_(unit.alpha.grad)
            second.add_(unit.alpha.grad.square())

    @torch.no_grad()
    def prune(self) -> None:
        """Down to this round's share of the way, geometrically, from all bases to what the recipe allows."""
        self.round += 1
        share = self.round / self.recipe.prune_phase.epochs
        counts = [chunk_counts(u) for u in self.net.units]
        weights = sum(u.latent.numel() for u in self.net.units)
        macs = [positions(u) * u.latent.shape[1] for u in self.net.units]
        total_macs = sum(m * u.shape[0] for m, u in zip(macs, self.net.units, strict=True))
        now = np.array([0.0, 0.0])
        rows = []  # (unit, chunk, increase, bits, macs)
        for number, unit in enumerate(self.net.units):
            taps = unit.latent.shape[1]
            alpha = unit.alpha.abs() * unit.present
            curvature = self.recipe.batch * self.second[number] / max(self.steps, 1)
            increase = alq.loss_increase(alpha, self.first[number] / max(self.steps, 1), curvature)
            least = torch.where(unit.present, alpha, torch.inf).argmin(dim=1, keepdim=True)
            of_channel = increase.gather(1, least)[:, 0]
            for chunk, (begin, end) in enumerate(chunks(unit.shape[0])):
                channels, count = end - begin, counts[number][chunk]
                now += channels * count * np.array([taps, macs[number]])
                if count > 1:
                    value = float(of_channel[begin:end].sum())
                    rows.append((number, chunk, value, channels * (taps + ALPHA_BITS), channels * macs[number]))
        wanted = np.array([weights, total_macs]) * [
            self.recipe.most * (w / self.recipe.most) ** share for w in (self.recipe.width, self.recipe.mac_width)
        ]
        if rows and (now > wanted).any():
            _, _, increase, bits, saved = (np.array(column) for column in zip(*rows, strict=True))
            for index in alq.rank(increase, bits, saved, *(now - wanted)):
                number, chunk = rows[index][:2]
                begin, end = chunks(self.net.units[number].shape[0])[chunk]
                rebase(self.net.units[number], begin, end, counts[number][chunk] - 1)
        self._clear()


def chunks(channels: int) -> list[tuple[int, int]]:
    """First and end of each chunk of channels."""
    return [(begin, min(begin + CHUNK, channels)) for begin in range(0, channels, CHUNK)]


def chunk_counts(unit) -> list[int]:
    """Bases of each chunk: those of its channels with most."""
    present = unit.present.sum(dim=1)
    return [int(present[begin:end].max()) for begin, end in chunks(unit.shape[0])]


def positions(unit) -> int:
    """Positions of a convolution."""
    return unit.node.out_height * unit.node.conv_width


def rebase(unit, begin: int, end: int, count: int) -> None:
    """Greedy bases anew, ``count`` of them, for the channels ``begin`` to ``end``."""
    bases, alpha = alq.greedy(unit.latent[begin:end], count)
    unit.bases[begin:end], unit.alpha[begin:end] = 0, 0
    unit.bases[begin:end, :count], unit.alpha[begin:end, :count] = bases, alpha


@dataclass(frozen=True)
class Trained:
    """A float twin and its quantised network, with what their training says of itself."""

    twin: GraphNet
    net: GraphNet
    told: dict


def prepare(graph: Graph, recipe: Recipe) -> GraphNet:
    """The network before its training."""
    torch.manual_seed(recipe.seed)
    net = GraphNet(graph, recipe.most, recipe.input_fraction, recipe.dropout)
    return net.to(device()).to(memory_format=torch.channels_last)


def train(graph: Graph, recipe: Recipe, task: Task, folder: Path, line: Callable[[str, int, int], Callable]) -> Trained:
    """All stages. ``line(stage, total, completed)`` opens a progress line and returns what moves it on."""

    def marked(*what) -> str:
        own = recipe.seed, recipe.batch, recipe.dropout, recipe.threads, recipe.input_fraction, recipe.calibration
        return files.sha256(repr((task.mark, graph.name, *own, *what)).encode())

    def stage(name: str, net: GraphNet, phase: Phase, mark: str, teacher=None) -> Stage:
        made = Stage(net, phase, recipe, task, folder / name, mark, teacher)
        if name == "prune":
            pruner = Pruner(net, recipe)
            pruner.round = made.epoch
            # The last round's network, whatever it is worth: earlier ones have more bases.
            made.last, made.after_step, made.after_epoch = True, pruner.see, pruner.prune
        made.run(line(name, phase.epochs, made.epoch))
        return made

    twin = prepare(graph, recipe)
    made = {"float": stage("float", twin, recipe.float_phase, marked(recipe.float_phase))}
    twin.eval()
    net = copy.deepcopy(twin)
    generator = torch.Generator().manual_seed(recipe.seed + 2)
    (inputs, _), *_ = task.batches(1, recipe.calibration, generator)
    net.calibrate(inputs.to(device()).to(memory_format=torch.channels_last))
    net.start()
    net.set("latent")
    until = marked(recipe.float_phase, recipe.prune_phase, recipe.most, recipe.width, recipe.mac_width)
    made["prune"] = stage("prune", net, recipe.prune_phase, until, twin)
    until = marked(until, recipe.basis_phase)
    made["basis"] = stage("basis", net, recipe.basis_phase, until, twin)
    net.fold_norms()
    net.set("latent", rounding=True)
    made["final"] = stage("final", net, recipe.final_phase, marked(until, recipe.final_phase), twin)
    told = {
        "recipe": asdict(recipe),
        "float_validation": round(made["float"].best[0], 4),
        "validation": round(made["final"].best[0], 4),
        "epochs": {name: s.best[1] for name, s in made.items()},
        "seconds": round(sum(s.seconds for s in made.values()), 1),
    }
    return Trained(twin, net.set("fixed", rounding=True).eval(), told)
