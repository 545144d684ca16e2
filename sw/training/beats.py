"""Train the beat-level network between patients (DS1 to DS2), or on a random fold, and write its bundle.

Protocol *inter-patient*: three groups of DS1's patients are held out in turn; the three networks' logits on patients that they
never saw choose how far each class's logit is moved (sensitivity against positive predictivity). Then one network is trained on all
of DS1, moved so, and looks at DS2 once, in the hardware's integers.
Protocol *comparable*: stored folds of all 48 records, the same recipe, moved by their validation beats.
Beside each network its float twin is trained, on the same beats in the same way.

S beats are few and most of them in few records: each epoch draws beats anew, classes by fixed shares and, within a class, patients
by the root of their beats. And what parts S from N is the rhythm alone: the last block's S channel is N's, so that the blocks tell
N-or-S from V and F by the samples, and the head's weights of the rhythm bits the rest. Blocks that were free to tell S from N
learnt how the few patients with S beats look.

Between patients each label is mixed with what trees say that never saw the patient (``sw/training/beat_teacher.py``).
"""

import itertools
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from rich.table import Table
from safetensors.numpy import save
from torch.nn import functional

from sw import cli, files, metrics, networks, report
from sw.beats import figures
from sw.data import beats, folds, source, tasks
from sw.data.beats import INTER_PATIENT
from sw.data.mitbih import RECORDS
from sw.errors import PopbeatError
from sw.export import bundle
from sw.export.binary import fold, integer
from sw.models.binary import BinaryNet
from sw.networks import RATIO_SHIFT, RHYTHM_UNIT
from sw.training import beat_teacher, checkpoints
from sw.training.trainer import Trainer, one_cycle

COMPARABLE = "comparable"
SPREAD = 0.5  # of latent weights, which lie between -1 and 1
UNSCORED = beats.CLASSES.index("Q")
# Which channel of the last block each class has: S has N's.
CHANNEL_OF = [0, 0, 2, 3, 4]
# What is wanted between patients: de Chazal's S beats, and the best networks of look-up tables' accuracy.
WANTED = {
    "accuracy": 0.943,
    "S_sensitivity": 0.76,
    "S_positive_predictivity": 0.39,
    "V_sensitivity": 0.90,
    "V_positive_predictivity": 0.85,
}
# Patients held out together; each group has S, V and N beats of several records.
GROUPS = (
    ("101", "109", "118", "201", "208", "223", "230"),
    ("106", "112", "114", "122", "205", "209", "215"),
    ("108", "115", "116", "119", "124", "203", "207", "220"),
)


@dataclass(frozen=True)
class Recipe:
    """How a beat network is trained: ``epochs`` (twice as many were no better on patients held out); ``drawn`` beats an epoch,
    ``shares`` of the classes among them (F, which looks like N and V at once, costs both of them); ``taught`` is which share of
    each label the teacher has (0: there is none); R peaks move by up to ``shift`` samples and words by ``jitter`` of themselves
    (deviation); ``bits_rate`` is the peak rate of the head's weights of rhythm bits, ``hidden_rate`` that of the hidden bits'
    latent weights; ``bit_dropout`` of the rhythm bits are left out on their way to the head and, drawn anew, to the hidden bits;
    the rest is as in ``sw.training.trainer.Recipe``."""

    epochs: int = 8
    drawn: int = 12_800
    batch: int = 128
    latent_rate: float = 3e-2
    rate: float = 5e-3
    bits_rate: float = 1.5e-2
    hidden_rate: float = 1e-1
    bit_dropout: float = 0.5
    warmup: float = 0.05
    noise: float = 0.05
    gain: float = 0.2
    shift: int = 4
    jitter: float = 0.03
    shares: tuple[float, ...] = (0.66, 0.14, 0.19, 0.01, 0.0)
    taught: float = 0.3
    seed: int = 1


# Of ten seeds the one that is best on patients of DS1 held out (docs/beats.json).
RECIPES = {"bnnbeat5": Recipe(seed=8)}


class Data:
    """The task's beats in memory: raw packets, normalised samples ``float32[n, window]`` in units of 1, RR words, labels."""

    def __init__(self, task: beats.BeatTask):
        self.source, self.task = source.find(), task
        self.windows = task.windows(self.source)
        self.raw = task.samples(self.source, self.windows)
        spec = bundle.NormaliserSpec(window=task.length - task.words)
        parts = [spec.normalise(self.raw[i : i + 4096, task.words :])[0] for i in range(0, len(self.raw), 4096)]
        self.input = torch.from_numpy(np.concatenate(parts).astype(np.float32) / (1 << spec.z_fraction))
        self.words = torch.from_numpy(self.raw[:, : task.words].astype(np.float32))
        self.label = torch.from_numpy(self.windows.label)


def rhythm_bits(network: networks.BinaryNetwork, words: torch.Tensor) -> torch.Tensor:
    """Rhythm bits as -1 and +1 of RR words ``[n, words]``, which may lie between integers."""
    words = torch.cat([words, torch.full((len(words), 1), float(RHYTHM_UNIT))], dim=1)
    over, under, multiple = torch.tensor(network.rhythm.comparisons).T
    return ((words[:, over] * (1 << RATIO_SHIFT) >= multiple * words[:, under]).float()) * 2 - 1


def draw_weights(label: np.ndarray, record: np.ndarray, shares: tuple[float, ...]) -> np.ndarray:
    """Chance of each beat to be drawn: its class's share, divided among the class's patients by the root of their beats."""
    weight = np.zeros(len(label))
    for number, share in enumerate(shares):
        own = label == number
        names, index, count = np.unique(record[own], return_inverse=True, return_counts=True)
        if len(names) and share:
            weight[own] = share * (count**-0.5)[index] / np.sqrt(count).sum()
    return weight / weight.sum()


@torch.no_grad()
def spread(net: BinaryNet) -> None:
    """Set the latent weights of the rhythm's channels apart, evenly over a kernel's taps. A channel that is the same in all columns
    has the same gradient on all taps: so their signs change one after the other, and together they are a weight of eight levels."""
    rhythm = net.network.rhythm
    weight = net.blocks[rhythm.block - 1].weight[:, -rhythm.channels :][:, : len(rhythm.comparisons)]
    taps = weight.shape[2]
    weight.add_(torch.linspace(-SPREAD, SPREAD, taps))


def mark(model: networks.Model, data: Data, recipe: Recipe) -> str:
    """Hash of everything that a training starts from; a checkpoint or result with another one is not its own."""
    tables = data.windows.positions(), data.windows.label.tolist(), files.sha256(data.raw.tobytes())
    teacher = beat_teacher.mark() if recipe.taught else ""
    return files.sha256(repr((asdict(recipe), teacher, model.network, *tables, data.source.kind, CHANNEL_OF, SPREAD)).encode())


def _mark_of_result(model: networks.Model, data: Data, recipe: Recipe) -> str:
    """The same of a result, on which the rhythm, the groups and what is wanted have their part, too."""
    return files.sha256(repr((mark(model, data, recipe), model.network.rhythm, GROUPS, WANTED)).encode())


def targets(model: networks.Model, data: Data, known: np.ndarray, recipe: Recipe) -> torch.Tensor:
    """What the network is to say of the data's beats: their labels, or, with a teacher, ``float32[n, classes]``: the labels mixed
    with what it says of those that are ``known``. That is kept, since several trainings know the same beats."""
    if not recipe.taught:
        return data.label
    of = (data.windows.positions(), data.windows.label.tolist(), data.source.kind, recipe.shares, beat_teacher.mark())
    begun = files.sha256((repr(of) + files.sha256(known.tobytes())).encode())
    folder = files.BUILD / model.name / "teacher" / begun[:16]
    kept = checkpoints.restore(folder, begun)
    if kept is None:
        cli.say(f"{model.name}: trees learn to teach, from {len(known):,} beats; that takes some minutes, once")
        given = (data.input[known].numpy(), data.words[known].numpy(), data.windows.label[known], data.windows.record[known])
        said = beat_teacher.teach(*given, lambda label, record: draw_weights(label, record, recipe.shares))
        kept = {"said": torch.from_numpy(said)}
        checkpoints.store(folder, kept, begun)
    target = functional.one_hot(data.label, len(beats.CLASSES)).float()
    target[known] = torch.lerp(target[known], kept["said"], recipe.taught)
    return target


class BeatTrainer(Trainer):
    """One network on the beats ``known``; its whole state is in ``folder`` after every epoch. The last epoch counts."""

    def __init__(self, model: networks.Model, data: Data, known: np.ndarray, binary: bool, recipe: Recipe, folder: Path):
        self.recipe, self.data, self.folder, self.device = recipe, data, folder, "cpu"
        self.mark = files.sha256((mark(model, data, recipe) + files.sha256(known.tobytes()) + repr(model.network.rhythm)).encode())
        self.known, self.target = known, targets(model, data, known, recipe)
        self.weight = draw_weights(data.windows.label[known], data.windows.record[known], recipe.shares)
        self.generator = torch.Generator().manual_seed(recipe.seed)
        torch.manual_seed(recipe.seed)
        self.net = BinaryNet(model.network, binary=binary)
        self.net.bit_dropout = recipe.bit_dropout
        if binary:
            spread(self.net)
        latent, hidden, of_bits = self.net.latent(), [], [self.net.of_bits]
        if self.net.hidden:
            hidden, of_bits = [self.net.hidden.weight], [self.net.of_bits, self.net.of_hidden]
        others = [p for p in self.net.parameters() if all(p is not w for w in (*latent, *hidden, *of_bits))]
        latent_rates = (recipe.latent_rate, recipe.hidden_rate) if binary else (recipe.rate, recipe.rate)
        self.peaks = [*latent_rates, recipe.bits_rate, recipe.rate]
        self.optimiser = torch.optim.Adam([{"params": group} for group in (latent, hidden, of_bits, others)])
        self.steps = recipe.drawn // recipe.batch
        self.epoch, self.seconds, self.best = 0, 0.0, (-1.0, 0.0, 0)
        self.best_parameters = fold.parameters(self.net)
        self._resume()

    def run(self, advance) -> None:
        """Train to the last epoch; ``advance()`` is called after each. On one thread: on several, sums are rounded in another
        order, and another network comes of it."""
        torch.set_num_threads(1)
        while self.epoch < self.recipe.epochs:
            begun = time.monotonic()
            self._train_epoch()
            self.epoch += 1
            self.best_parameters = shared(fold.parameters(self.net), self.net.network)
            self.best = (0.0, 0.0, self.epoch)
            self.seconds += time.monotonic() - begun
            self._save()
            advance()

    def _train_epoch(self) -> None:
        self.net.train()
        rng = np.random.default_rng([self.recipe.seed, self.epoch])
        order = torch.from_numpy(self.known[rng.choice(len(self.known), self.steps * self.recipe.batch, p=self.weight)])
        for step, rows in enumerate(order.split(self.recipe.batch)):
            x, words = self._augment(self.data.input[rows], self.data.words[rows])
            loss = functional.cross_entropy(self.scaled(x, words), self.target[rows])
            share = one_cycle(self.epoch * self.steps + step, self.recipe.epochs * self.steps, self.recipe.warmup)
            for group, peak in zip(self.optimiser.param_groups, self.peaks, strict=True):
                group["lr"] = peak * share
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            self.net.clip()

    def _augment(self, x: torch.Tensor, words: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Move the R peak, scale the beat, add noise, and let the RR words tremble."""
        recipe, (n, length) = self.recipe, x.shape
        turn = torch.randint(-recipe.shift, recipe.shift + 1, (n, 1), generator=self.generator)
        x = torch.gather(x, 1, (torch.arange(length)[None] + turn).clamp(0, length - 1))
        x = x * (1 + recipe.gain * (2 * torch.rand((n, 1), generator=self.generator) - 1))
        x = x + recipe.noise * torch.randn((n, length), generator=self.generator)
        return x, words * (1 + recipe.jitter * torch.randn(words.shape, generator=self.generator))

    def scaled(self, x: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        """Logits in the units of the loss. No dropout: the last block has few positions."""
        bits = rhythm_bits(self.net.network, words)
        out = self.net.blocks[-1].activation(self.net.sums(x[:, None], bits)).sum(dim=2)[:, CHANNEL_OF]
        return self.net.with_bits(out, bits) / self.net.network.blocks[-1].pool_length ** 0.5

    @torch.no_grad()
    def logits(self, rows: np.ndarray) -> np.ndarray:
        """Logits ``float32[n, classes]`` of beats, in the units of the loss."""
        self.net.eval()
        chunks = torch.from_numpy(rows).split(1024)
        return torch.cat([self.scaled(self.data.input[c], self.data.words[c]) for c in chunks]).numpy()


def lacking(rates: dict[str, float]) -> float:
    """The sum of the shares that rates fall short of ``WANTED`` by."""
    return sum(max(0.0, 1 - rates[name] / wanted) for name, wanted in WANTED.items())


def choose_moves(logits: np.ndarray, truth: np.ndarray) -> tuple[float, ...]:
    """How far to move the logits of S, V and F, in the units of the loss: to where least is lacking; among equals, where the rates
    have the largest sum."""
    best = (-np.inf, 0.0, ())
    grid = np.arange(-2.0, 2.01, 0.25)
    for moves in itertools.product(grid, grid, (-2.0, -1.0, 0.0)):
        told = (logits + np.array([0, *moves, 0])).argmax(axis=1)
        found = figures.rates(figures.confusion(truth, told))
        best = max(best, (-lacking(found), sum(found[name] for name in WANTED), (0.0, *map(float, moves), 0.0)))
    return best[2]


def shared(parameters: dict[str, np.ndarray], network: networks.BinaryNetwork) -> dict[str, np.ndarray]:
    """The parameters with ``CHANNEL_OF`` carried out: the last block's channels as the classes have them."""
    last = f"blocks.{len(network.channels) - 1}."
    per_channel = {name: v for name, v in parameters.items() if name.startswith(last) and v.shape[:1] == (network.classes,)}
    return parameters | {name: value[CHANNEL_OF] for name, value in per_channel.items()}


def moved(parameters: dict[str, np.ndarray], network: networks.BinaryNetwork, moves: tuple[float, ...]) -> dict[str, np.ndarray]:
    """The parameters with the last batch norm's offsets moved, so that the logits in the units of the loss move by ``moves``."""
    name = f"blocks.{len(network.channels) - 1}.norm.bias"
    by = np.array(moves, np.float32) / np.float32(network.blocks[-1].pool_length ** 0.5)
    return parameters | {name: parameters[name] + by}


def _line(bar, text: str, trainer: BeatTrainer):
    """Train with a line of the progress bar."""
    line = bar.add_task(text, total=trainer.recipe.epochs, completed=trainer.epoch)
    trainer.run(lambda: bar.update(line, advance=1, refresh=True))
    return trainer


def _predictions(packed: bundle.Bundle, raw: np.ndarray) -> np.ndarray:
    """Labels by the integer model, which is what the hardware computes."""
    return np.concatenate([integer.run(packed, raw[i : i + 512]).label for i in range(0, len(raw), 512)])


def labels(logits: np.ndarray, moves: tuple[float, ...]) -> np.ndarray:
    """Labels by logits in the units of the loss that are moved."""
    return (logits + np.array(moves, np.float32)).argmax(axis=1)


def _finish(model, data: Data, trainer: BeatTrainer, moves, test: np.ndarray, training: dict, folder: Path) -> np.ndarray:
    """Write the network's bundle into ``folder/bundle``; what its integers say of the test beats."""
    parameters = moved(trainer.best_parameters, model.network, moves)
    exported = fold.export(model.name, data.task, fold.golden(model.network, parameters), training)
    bundle.write(exported, folder / "bundle", save(parameters))
    return _predictions(exported, data.raw[test])


def between_patients(model: networks.Model, data: Data, recipe: Recipe, home: Path, bar) -> dict:
    """The protocol *inter-patient*; figures and bundle in ``home``."""
    path, start = home / "result.json", _mark_of_result(model, data, recipe)
    if files.is_marked(path, start):
        return files.read_json(path)["figures"]
    split = beats.inter_patient(data.windows)
    truth, record = (of[split.test] for of in (data.windows.label, data.windows.record))
    trainer, moves, on_held_out = _patients(model, data, split.train, True, recipe, home, bar)
    training = {
        "protocol": INTER_PATIENT,
        "data": data.source.kind,
        "recipe": asdict(recipe),
        "moves": list(moves),
        "validation": on_held_out,
        "windows": {"train": len(split.train), "validation": len(split.train), "test": len(split.test)},
    }
    told = _finish(model, data, trainer, moves, split.test, training, home)
    twin, twin_moves, _ = _patients(model, data, split.train, False, recipe, home / "twin", bar)
    twin_told = labels(twin.logits(split.test), twin_moves)
    guessed = metrics.baselines(data.windows.record[split.train], data.windows.label[split.train], record, truth)
    result = figures.summary(truth, told, record, apart=("232",)) | {
        "validation": on_held_out,
        "float": figures.rates(figures.confusion(truth, twin_told)),
        **{name: round(count / len(truth), 4) for name, count in guessed.items()},
        "data": data.source.kind,
    }
    files.write_json(path, {"mark": start, "figures": result})
    return result


def held_out(
    model: networks.Model, data: Data, known: np.ndarray, binary: bool, recipe: Recipe, home: Path, bar
) -> tuple[np.ndarray, np.ndarray]:
    """Train without each group of patients in turn: the logits of its ``known`` beats, which that network never saw, in the units
    of the loss ``float32[n, classes]``, and their labels ``int64[n]``."""
    logits, rows = [], []
    for number, group in enumerate(GROUPS, start=1):
        held = np.isin(data.windows.record[known], group)
        trainer = BeatTrainer(model, data, known[~held], binary, recipe, home / f"group{number}")
        _line(bar, f"{model.name}{'' if binary else ' float'} without {', '.join(group)}", trainer)
        rows.append(known[held])
        logits.append(trainer.logits(rows[-1]))
    return np.concatenate(logits), data.windows.label[np.concatenate(rows)]


def _patients(model, data: Data, known: np.ndarray, binary: bool, recipe: Recipe, home: Path, bar) -> tuple:
    """Hold the groups of patients out in turn, choose the moves by them, then train on all that is ``known``: that trainer, the
    moves, and the rates on patients held out."""
    logits, truth = held_out(model, data, known, binary, recipe, home, bar)
    moves = choose_moves(logits, truth)
    name = f"{model.name}{'' if binary else ' float'}"
    trainer = _line(bar, f"{name} DS1", BeatTrainer(model, data, known, binary, recipe, home / "ds1"))
    return trainer, moves, figures.rates(figures.confusion(truth, labels(logits, moves)))


def comparable_fold(model: networks.Model, data: Data, number: int, recipe: Recipe, home: Path, bar) -> dict:
    """One stored fold of the protocol *comparable*: what was told of its test beats, ``rows`` of the data, and the baselines; the
    bundle in ``home``. Q beats are in training, and not scored. All patients are known here, so there is no teacher."""
    path = home / "result.json"
    recipe = replace(recipe, shares=(0.6, 0.12, 0.14, 0.06, 0.08), taught=0.0)
    start = _mark_of_result(model, data, recipe)
    if files.is_marked(path, start):
        return files.read_json(path)
    split, label, record = folds.load(model.task, data.windows, number), data.windows.label, data.windows.record
    test, valid = (rows[label[rows] != UNSCORED] for rows in (split.test, split.validation))

    def trained(binary: bool, folder: Path) -> tuple[BeatTrainer, tuple[float, ...]]:
        name = f"{model.name} fold {number}{'' if binary else ' float'}"
        trainer = _line(bar, name, BeatTrainer(model, data, split.train, binary, recipe, folder))
        return trainer, choose_moves(trainer.logits(valid), label[valid])

    trainer, moves = trained(True, home)
    training = {"protocol": COMPARABLE, "fold": number, "data": data.source.kind, "recipe": asdict(recipe), "moves": list(moves)}
    told = _finish(model, data, trainer, moves, test, training, home)
    twin, twin_moves = trained(False, home / "twin")
    known = np.concatenate([split.train, split.validation])
    result = {
        "mark": start,
        "fold": number,
        "rows": test.tolist(),
        "told": told.tolist(),
        "float_told": labels(twin.logits(test), twin_moves).tolist(),
        "baselines": metrics.baselines(record[known], label[known], record[test], label[test]),
    }
    files.write_json(path, result)
    return result


def joined(data: Data, results: list[dict]) -> dict:
    """Figures of the folds together: every beat told once, by a network that never saw it."""
    rows, told, twin = (np.concatenate([r[key] for r in results]) for key in ("rows", "told", "float_told"))
    truth, each = data.windows.label[rows], [np.equal(data.windows.label[r["rows"]], r["told"]).mean() for r in results]
    return figures.summary(truth, told, data.windows.record[rows]) | {
        "folds": [r["fold"] for r in results],
        "by_fold": [round(float(a), 4) for a in each],
        "float_accuracy": round(float((truth == twin).mean()), 4),
        **{name: round(sum(r["baselines"][name] for r in results) / len(rows), 4) for name in results[0]["baselines"]},
        "data": data.source.kind,
    }


def train(model: networks.Model, which: str, epochs: int, ship: bool, seeds: str = "") -> None:
    """``which``: ``shipped`` (between patients), a fold's number (comparable), or ``all`` (both, five folds). With ``seeds`` the
    recipe is trained with each of them (``sw/training/beat_seeds.py``)."""
    recipe = replace(RECIPES[model.name], epochs=epochs) if epochs else RECIPES[model.name]
    if seeds:
        from sw.training import beat_seeds

        if which != "shipped" or ship:
            raise PopbeatError("with SEEDS= the recipe is trained between patients, and nothing is shipped: leave FOLDS out")
        beat_seeds.train(model, Data(tasks.get(model.task)), recipe, seeds, shortened=epochs > 0)
        return
    numbers = {"shipped": [], "all": list(range(folds.FOLDS))}.get(which)
    if numbers is None:
        if not which.isdigit() or int(which) >= folds.FOLDS:
            raise PopbeatError(f"FOLDS is 'shipped', 'all' or a number below {folds.FOLDS}, not {which!r}")
        numbers = [int(which)]
    home = files.BUILD / model.name / "train"
    said = f"make train MODEL={model.name}" + " FOLDS={}" + (f" EPOCHS={epochs}" if epochs else "")
    with cli.progress() as bar:
        data = Data(tasks.get(model.task))
        shipped = bundle.read(bundle.SHIPPED / model.name).training["accuracy"]  # other protocols' figures stay
        known = shipped | report.load()["models"].get(model.name, {}).get("training", {})
        if which in ("shipped", "all"):
            found = between_patients(model, data, recipe, home, bar)
            known |= {INTER_PATIENT: found | {"command": said.format("shipped")}}
        if numbers:
            found = joined(data, [comparable_fold(model, data, n, recipe, home / f"fold{n}", bar) for n in numbers])
            known |= {COMPARABLE: found | {"command": said.format(which)}}
    report.merge({"source": data.source.kind, "records": len(RECORDS)}, model.name, training=known)
    show(model.name, known)
    if which not in ("shipped", "all"):
        if ship:
            raise PopbeatError("the network that is shipped is that between patients: FOLDS=shipped or all")
        return
    cli.say(f"bundle: {home / 'bundle'}\ntry it: make sim BUNDLE={home / 'bundle'}")
    if ship:
        kept = bundle.read(home / "bundle")
        kept.training["accuracy"] = known
        cli.say(f"shipped: {bundle.write(kept, bundle.SHIPPED / model.name, save(bundle.read_golden(home / 'bundle')))}")


def show(model: str, training: dict) -> None:
    """The table that a person reads."""
    table = Table(title=f"{model}: beat-5, hardware integers")
    columns = ("protocol", "accuracy", "S: Se / +P", "V: Se / +P", "macro-F1", "all N")
    for column in columns:
        table.add_column(column)
    for protocol, found in training.items():
        pairs = [
            " / ".join(metrics.percent(found["rates"][f"{k}_{what}"]) for what in ("sensitivity", "positive_predictivity"))
            for k in figures.SCORED
        ]
        table.add_row(
            protocol,
            metrics.percent(found["accuracy"]),
            *pairs,
            f"{found['macro_f1']:.3f}",
            metrics.percent(found["class_majority"]),
        )
    cli.console.print(table)
