"""The folds of a training: one after the other, or side by side as jobs of a campaign (``sw/campaign.py``).

They are jobs where ``SCHEDULER`` names a cluster, or where more than one is to be trained and this machine has more than one core.
A job trains on one core, in the same folder as without a campaign, and resumes there. What it made comes back with its result, so
that no file system is shared; so does the pretraining go with it.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from rich.progress import Progress

from sw import campaign, files, networks
from sw.data import protocols, tasks
from sw.errors import PopbeatError
from sw.training import binary as train_binary
from sw.training import multibit as train_alq
from sw.training.trainer import Data, Part, Recipe, mark

JOB_BYTES = 1 << 30  # a task's windows with further ones, and the training


@dataclass(frozen=True)
class Kind:
    """How a model is trained under a protocol: ``name`` of its kind of network; ``epochs`` instead of the recipe's, or 0;
    ``fold(data, number, folder, bar)`` trains one and returns its figures; ``mark(data, number)``: hash of what that starts from;
    ``before(data, home, bar)`` trains what all folds start from, and returns the files that hold it."""

    name: str
    model: networks.Model
    protocol: str
    epochs: int
    fold: Callable[[Data, int, Path, Progress], dict]
    mark: Callable[[Data, int], str]
    before: Callable[[Data, Path, Progress], list[Path]]


def of_kind(model: networks.Model, protocol: str, epochs: int = 0) -> Kind:
    """The kind of a model; a protocol that it is not trained under is a :class:`PopbeatError`."""
    if isinstance(model.network, networks.BinaryNetwork):
        recipes = train_binary.RECIPES if protocol in protocols.OWN else train_binary.RECORDS_RECIPES
        recipe = recipes[model.name].shortened(epochs) if epochs else recipes[model.name]
        return Kind(
            "binary",
            model,
            protocol,
            epochs,
            lambda data, number, folder, bar: train_binary.train_fold(model, data, number, recipe, folder, bar, protocol),
            lambda data, number: mark(model, data, recipe, Part(number, protocol)),
            partial(_pretrained, model, recipe),
        )
    if protocol != protocols.COMPARABLE:
        raise PopbeatError(f"{model.name} is trained under the protocol {protocols.COMPARABLE} alone, not {protocol}")
    stages = train_alq.RECIPES[model.name].shortened(epochs) if epochs else train_alq.RECIPES[model.name]
    return Kind(
        "multi-bit",
        model,
        protocol,
        epochs,
        lambda data, number, folder, bar: train_alq.train_fold(model, data, number, stages, folder, bar),
        lambda data, number: train_alq.mark_of(model, data, number, stages),
        lambda data, home, bar: [],
    )


def _pretrained(model: networks.Model, recipe: Recipe, data: Data, home: Path, bar: Progress) -> list[Path]:
    if recipe.pretraining is None:
        return []
    folder = home.parent / train_binary.PRETRAINED
    train_binary.pretrain(model, data, recipe.pretraining, folder, bar)
    return sorted((folder / mark(model, data, recipe.pretraining, Part(None))[:12]).rglob("checkpoint.safetensors"))


def train(kind: Kind, data: Data, numbers: list[int], home: Path, bar: Progress) -> list[dict]:
    """The folds' figures, in the order of ``numbers``; each fold is in a folder of its own in ``home``."""
    missing = [n for n in numbers if not files.is_marked(_folder(home, n) / "result.json", kind.mark(data, n))]
    if missing and (campaign.scheduler() or min(len(missing), campaign.workers(JOB_BYTES)) > 1):
        _as_jobs(kind, data, missing, home, bar)
    return [kind.fold(data, n, _folder(home, n), bar) for n in numbers]


def _folder(home: Path, number: int) -> Path:
    return home / f"fold{number}"


def _as_jobs(kind: Kind, data: Data, numbers: list[int], home: Path, bar: Progress) -> None:
    before = {path.relative_to(home.parent).as_posix(): _text(path) for path in kind.before(data, home, bar)}
    place = home.relative_to(files.BUILD).as_posix()
    lines = [bar.add_task(f"{kind.model.name} fold {n}", total=1) for n in numbers]
    jobs = [
        campaign.Job(
            "sw.training.folds:trained",
            {
                "model": kind.model.name,
                "protocol": kind.protocol,
                "fold": n,
                "epochs": kind.epochs,
                "start": kind.mark(data, n),
                "pytorch": torch.__version__,
            },
            f"{kind.model.name} fold {n}",
            {"home": place, "before": before},
        )
        for n in numbers
    ]

    def done(at: int, result: dict) -> None:
        for name, text in result["files"].items():  # the figures come last
            files.write_bytes(_folder(home, numbers[at]) / name, base64.b64decode(text))
        bar.update(lines[at], completed=1, description=f"{kind.model.name} fold {numbers[at]}")

    campaign.run(jobs, bar, "folds", done, lambda at, line: bar.update(lines[at], description=line), JOB_BYTES)


def _text(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


class _Lines:
    """Progress bars of a job: what becomes of them is told to the terminal that began the campaign."""

    def __init__(self):
        self.lines: list[tuple[str, int, int]] = []

    def add_task(self, description: str, total: int, completed: int = 0) -> int:
        self.lines.append((description, total, completed))
        return len(self.lines) - 1

    def update(self, line: int, advance: int, refresh: bool) -> None:
        name, total, completed = self.lines[line]
        self.lines[line] = name, total, completed + advance
        campaign.say(f"{name}: {completed + advance} of {total}")


def trained(model: str, protocol: str, fold: int, epochs: int, start: str, pytorch: str, home: str, before: dict[str, str]) -> dict:
    """The job: train a fold in ``home`` of the build folder, beside which the files of ``before`` lie (in base64); ``files``: the
    bundle and the figures."""
    torch.set_num_threads(1)
    chosen = networks.get(model)
    kind = of_kind(chosen, protocol, epochs)
    data = Data(tasks.get(chosen.task), further=protocol not in protocols.OWN)
    campaign.demand("inputs", [start, pytorch], [kind.mark(data, fold), torch.__version__])
    place = files.BUILD / home
    for name, text in before.items():
        if not (place.parent / name).is_file():
            files.write_bytes(place.parent / name, base64.b64decode(text))
    folder = _folder(place, fold)
    kind.fold(data, fold, folder, _Lines())
    made = [*sorted((folder / "bundle").iterdir()), folder / "result.json"]
    return {"files": {path.relative_to(folder).as_posix(): _text(path) for path in made}}
