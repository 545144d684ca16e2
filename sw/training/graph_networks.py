"""``make train`` of networks that are graphs: a protocol's training, its figures in the hardware's integers, and the bundle.

Test data is looked at once, at the end, by the integer model, whose logits the golden model must equal. What is chosen, thresholds
of labels or moves of logits, is chosen on validation data and becomes part of the last layer's biases.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.table import Table
from safetensors.numpy import save

from sw import cli, files, metrics, networks, report
from sw.beats import figures
from sw.data import mitbih, multilabel, source
from sw.data.beat_images import BEAT5_IMAGE
from sw.errors import PopbeatError
from sw.export import bundle as common
from sw.export.array import bundle, golden, integer, packing, systems
from sw.models.graph_net import LOGIT_FRACTION, GraphNet
from sw.training import graphs, images, rhythms
from sw.training.graphs import Phase, Recipe

RECIPES: dict[tuple[str, str], Recipe] = {
    ("lamscn17", rhythms.BY_TIME): Recipe(
        Phase(30, 12_800, 3e-3, decay=1e-2),
        Phase(3, 12_800, 3e-3, 1e-2, warmup=0.1),
        Phase(9, 12_800, 3e-3, 1e-2, warmup=0.1),
        Phase(2, 12_800, 1e-3, 2e-3, warmup=0.1),
        most=3,
        width=2.0,
        mac_width=2.0,
    ),
    ("lamscn17", rhythms.INTER_PATIENT): Recipe(
        Phase(8, 12_800, 3e-3, decay=1e-2),
        Phase(2, 12_800, 3e-3, 1e-2, warmup=0.1),
        Phase(4, 12_800, 3e-3, 1e-2, warmup=0.1),
        Phase(1, 12_800, 1e-3, 2e-3, warmup=0.1),
        most=3,
        width=2.0,
        mac_width=2.0,
    ),
    ("gasf5", images.COMPARABLE): Recipe(
        Phase(44, 12_800, 2e-3, decay=6e-2, warmup=0.15),
        Phase(1, 12_800, 3e-3, 1e-2, warmup=0.1),
        Phase(9, 12_800, 3e-3, 1e-2, warmup=0.1),
        Phase(3, 12_800, 1e-3, 2e-3, warmup=0.1),
        most=2,
        width=1.45,
        mac_width=1.6,
        input_fraction=images.INPUT_FRACTION,
        threads=2,
    ),
    ("gasf5", images.INTER_PATIENT): Recipe(
        Phase(7, 12_800, 2e-3, decay=2e-2, warmup=0.15),
        Phase(1, 12_800, 3e-3, 1e-2, warmup=0.1),
        Phase(2, 12_800, 3e-3, 1e-2, warmup=0.1),
        Phase(1, 12_800, 1e-3, 2e-3, warmup=0.1),
        most=2,
        width=1.45,
        mac_width=1.6,
        input_fraction=images.INPUT_FRACTION,
    ),
}
# Milliseconds of a core for a training sample: (float, quantised); measured on one core of a server of 2024.
PACE = {"lamscn17": (2.6, 7.0), "gasf5": (8.0, 15.0)}
SECOND_CORE = 0.5  # what it adds to the first one
SHIPPED = {"lamscn17": rhythms.BY_TIME, "gasf5": images.COMPARABLE}
MOVES = np.linspace(0, 1.25, 6)  # shares of the classes' true frequencies that logits may be moved by
RESAMPLES = 1000
PROVED = 500  # beats whose integers are held against the golden model; make sim does that for more


def minutes(model: str, recipe: Recipe) -> float:
    """How long a training takes on as many cores as it has threads, roughly."""
    first, later = PACE[model]
    return (
        sum(phase.epochs * phase.drawn * (first if stage == "float" else later) for stage, phase in recipe.phases().items())
        / 60_000
        / (1 + SECOND_CORE * (recipe.threads - 1))
    )


@torch.no_grad()
def move(net: GraphNet, by: np.ndarray) -> None:
    """Add ``by`` (in units of 1) to the logits: to the last layer's biases."""
    net.units[-1].bias.add_(torch.from_numpy(by.astype(np.float32)).to(net.units[-1].bias.device))


@dataclass(frozen=True)
class Outcome:
    """A trained protocol: ``figures`` for the report, the ``bundle`` and its ``golden`` parameters."""

    figures: dict
    bundle: bundle.GraphBundle
    golden: dict[str, np.ndarray]


def integer_logits(model: networks.Model, task, net: GraphNet, samples: np.ndarray) -> np.ndarray:
    """Logits of raw windows in units of 1, by the integers of a network, which the golden model's equal."""
    packed = _exported(model, task, net, {})
    return golden.prove(packed, golden.parameters(net), samples) / (1 << LOGIT_FRACTION)


def _exported(model: networks.Model, task, net: GraphNet, training: dict) -> bundle.GraphBundle:
    shape = model.network
    return golden.export(
        model.name, task, net, training, front=shape.front, answer=shape.answer, input_fraction=shape.input_fraction
    )


def finish_rhythms(model: networks.Model, task: rhythms.Rhythms, trained: graphs.Trained) -> Outcome:
    """Thresholds from the validation windows, then the test windows once."""
    labels, named = task.parts.labels, tuple(multilabel.LABELS[k] for k in task.parts.labels)
    truth = task.sets[task.parts.validation]
    chosen = rhythms.thresholds(integer_logits(model, multilabel.MULTILABEL17, trained.net, task.raw[task.parts.validation]), truth)
    move(trained.net, -chosen)
    training = {"protocol": task.protocol, "data": task.source.kind, "thresholds": chosen.round(4).tolist(), **trained.told}
    packed = _exported(model, multilabel.MULTILABEL17, trained.net, training)
    stored = golden.parameters(trained.net)
    test = task.parts.test
    logits = golden.prove(packed, stored, task.raw[test])
    truth, record = task.sets[test][:, labels], task.windows.record[test]
    found = metrics.multilabel(truth, logits[:, labels] >= 0, logits[:, labels], named)
    found["ci95"] = intervals(truth, logits[:, labels] >= 0, record)
    twin_chosen = rhythms.thresholds(task.logits(trained.twin, task.parts.validation), task.sets[task.parts.validation])
    twin = task.logits(trained.twin, test)[:, labels]
    of_twin = metrics.multilabel(truth, twin >= twin_chosen[labels], twin, named)
    found["float"] = {name: of_twin[name] for name in ("micro_f1", "macro_f1", "map", "subset_accuracy")}
    found["guessing"] = guessing(task, truth, record, named)
    return Outcome(found, packed, stored)


def intervals(truth: np.ndarray, told: np.ndarray, record: np.ndarray, seed: int = 1) -> dict[str, list[float]]:
    """95 % intervals of micro-F1 and macro-F1 over records drawn with replacement."""
    counts = []  # of each record and label: hits, labels there, labels told
    for name in np.unique(record):
        own = record == name
        counts.append([(truth[own] & told[own]).sum(axis=0), truth[own].sum(axis=0), told[own].sum(axis=0)])
    counts, rng, micro, macro = np.array(counts), np.random.default_rng(seed), [], []
    for _ in range(RESAMPLES):
        hits, there, said = counts[rng.integers(0, len(counts), len(counts))].sum(axis=0)
        if there.any():
            micro.append(2 * hits.sum() / (there + said).sum())
            macro.append((2 * hits / np.maximum(there + said, 1))[there > 0].mean())
    return {n: np.percentile(v, [2.5, 97.5]).round(4).tolist() for n, v in (("micro_f1", micro), ("macro_f1", macro))}


def guessing(task: rhythms.Rhythms, truth: np.ndarray, record: np.ndarray, named: tuple[str, ...]) -> dict:
    """Without a network: the labels that most training windows of the record have (of all records where there is none), and those
    that most training windows have at all."""
    known = task.parts.train
    sets, of = task.sets[known][:, task.parts.labels], task.windows.record[known]
    overall = sets.mean(axis=0) > 0.5
    by_record = np.array([sets[of == r].mean(axis=0) > 0.5 if (of == r).any() else overall for r in record])
    out = {}
    for name, told in (("record_majority", by_record), ("class_majority", np.tile(overall, (len(truth), 1)))):
        score = metrics.multilabel(truth, told, told.astype(float), named)
        out[name] = {k: score[k] for k in ("micro_f1", "macro_f1", "subset_accuracy")}
    return out


def finish_images(model: networks.Model, task: images.Images, trained: graphs.Trained) -> Outcome:
    """Moves of the logits from the validation beats, then the test beats once."""

    def choose(logits: np.ndarray) -> np.ndarray:
        truth = task.label[task.validation]
        worth = [images.worth(task.protocol, truth, (logits + share * task.prior).argmax(axis=1)) for share in MOVES]
        return MOVES[int(np.argmax(worth))] * task.prior

    # In float32, whose logits are the integers' but for a rounding here and there.
    by = choose(task.logits(trained.net, task.validation))
    move(trained.net, by)
    training = {"protocol": task.protocol, "data": task.source.kind, "moves": by.round(4).tolist(), **trained.told}
    if task.protocol == images.COMPARABLE:
        training["fold"] = 0
    packed = _exported(model, BEAT5_IMAGE, trained.net, training)
    stored = golden.parameters(trained.net)
    truth, record = task.label[task.test], task.windows.record[task.test]
    raw = task.raw(task.test)
    golden.prove(packed, stored, raw[:: max(1, len(raw) // PROVED)])
    run = [integer.run(packed, raw[i : i + 256], keep=False) for i in range(0, len(raw), 256)]
    told = np.concatenate([trace.label for trace in run])
    apart = ("232",) if task.protocol == images.INTER_PATIENT else ()
    found = figures.summary(truth, told, record, apart=apart)
    twin_by = choose(task.logits(trained.twin, task.validation))
    twin_told = (task.logits(trained.twin, task.test) + twin_by).argmax(axis=1)
    found["float"] = figures.rates(figures.confusion(truth, twin_told))
    found["float_accuracy"] = round(float((twin_told == truth).mean()), 4)
    if task.protocol == images.COMPARABLE:
        found |= {"folds": [0], "by_fold": [found["accuracy"]]}
    known = np.concatenate([task.train, task.validation])
    known = known[task.label[known] != images.UNSCORED]
    guessed = metrics.baselines(task.windows.record[known], task.label[known], record, truth)
    found |= {name: round(count / len(truth), 4) for name, count in guessed.items()}
    return Outcome(found, packed, stored)


@dataclass(frozen=True)
class Kind:
    """How a model's task is made of a source and a protocol, and how a training of it is finished."""

    task: type
    finish: object
    protocols: tuple[str, ...]


KINDS = {
    "lamscn17": Kind(rhythms.Rhythms, finish_rhythms, (rhythms.BY_TIME, rhythms.INTER_PATIENT)),
    "gasf5": Kind(images.Images, finish_images, (images.COMPARABLE, images.INTER_PATIENT)),
}


def train_protocol(model: networks.Model, protocol: str, recipe: Recipe, found: source.Source, home: Path, bar) -> dict:
    """Train a model under a protocol, or take what was trained: its figures; the bundle in ``home/bundle``."""
    kind = KINDS[model.name]
    task = kind.task(found, protocol)
    mark = files.sha256(repr((task.mark, model, recipe, MOVES.tolist())).encode())
    path = home / "result.json"
    if files.is_marked(path, mark):
        return files.read_json(path)["figures"]
    torch.set_num_threads(recipe.threads)  # another order of sums is another network

    def line(stage: str, total: int, completed: int):
        shown = bar.add_task(f"{model.name} {protocol} {stage}", total=total, completed=completed)
        return lambda value: bar.update(shown, advance=1, refresh=True, description=f"{model.name} {protocol} {stage} {value:.4f}")

    begun = time.monotonic()
    trained = graphs.train(systems.SYSTEMS[model.network.system](), recipe, task, home, line)
    made = kind.finish(model, task, trained)
    told = made.figures | {
        "data": found.kind,
        "width": round(made.bundle.width, 4),
        "stored_bytes": len(packing.pack(made.bundle)),
        "seconds": round(time.monotonic() - begun, 1),
    }
    bundle.write(made.bundle, home / "bundle", save(made.golden))
    files.write_json(path, {"mark": mark, "figures": told})
    return told


def train(model: networks.Model, protocol: str, epochs: int, ship: bool) -> None:
    """Train under a protocol (an empty one: that of the shipped network) and say what it brought."""
    kind = KINDS[model.name]
    protocol = protocol or SHIPPED[model.name]
    if protocol not in kind.protocols:
        raise PopbeatError(f"{model.name} is trained under {' or '.join(kind.protocols)}, not {protocol}")
    recipe = RECIPES[model.name, protocol]
    recipe = recipe.shortened(epochs) if epochs else recipe
    cores = "one core" if recipe.threads == 1 else f"{recipe.threads} cores"
    time_needed = f"about {minutes(model.name, recipe):.0f} minutes if nothing else runs there"
    on = "the GPU" if graphs.device() == "cuda" else f"{cores}, {time_needed}"
    cli.say(f"{model.name}, {protocol}: on {on}; stopped, the same command goes on")
    found = source.find()
    home = files.BUILD / model.name / "train" / protocol
    with cli.progress() as bar:
        told = train_protocol(model, protocol, recipe, found, home, bar)
    command = f"make train MODEL={model.name} PROTOCOL={protocol}" + (f" EPOCHS={epochs}" if epochs else "")
    told |= {"command": command}
    known = report.load()["models"].get(model.name, {}).get("training", {}) | {protocol: told}
    report.merge({"source": found.kind, "records": len(mitbih.RECORDS)}, model.name, training=known)
    show(model.name, protocol, told)
    cli.say(f"bundle: {home / 'bundle'}\ntry it: make sim BUNDLE={home / 'bundle'}")
    if ship:
        _ship(model.name, protocol, home / "bundle", known)


def _ship(name: str, protocol: str, made: Path, known: dict) -> None:
    """Write the bundle to where bundles are shipped, with all protocols' figures: those that are not ``known`` here, of trainings
    elsewhere, as the shipped bundle has them."""
    if protocol != SHIPPED[name]:
        raise PopbeatError(f"the network that is shipped is that of {SHIPPED[name]}")
    kept, home = bundle.read(made), common.SHIPPED / name
    before = bundle.read(home).training["accuracy"] if home.is_dir() else {}
    kept.training["accuracy"] = before | known
    cli.say(f"shipped: {bundle.write(kept, home, save(common.read_golden(made)))}")


def show(model: str, protocol: str, told: dict) -> None:
    """The table that a person reads."""
    table = Table(title=f"{model}: {protocol}, hardware integers")
    if "micro_f1" in told:
        for column in ("", "micro-F1", "macro-F1", "mAP", "all labels right"):
            table.add_column(column)
        rows = {"hardware integers": told, "float twin": told["float"], **told["guessing"]}
        for name, row in rows.items():
            table.add_row(name, *(f"{row[k]:.4f}" if k in row else "" for k in ("micro_f1", "macro_f1", "map", "subset_accuracy")))
    else:
        for column in ("", "accuracy", "S: Se / +P", "V: Se / +P", "macro-F1"):
            table.add_column(column)
        for name, rates, macro in (("hardware integers", told["rates"], told["macro_f1"]), ("float twin", told["float"], None)):
            pairs = [f"{100 * rates[f'{k}_sensitivity']:.1f} / {100 * rates[f'{k}_positive_predictivity']:.1f}" for k in "SV"]
            table.add_row(name, metrics.percent(rates["accuracy"]), *pairs, f"{macro:.3f}" if macro else "")
        for name in ("record_majority", "class_majority"):
            table.add_row(name.replace("_", " "), metrics.percent(told[name]))
    cli.console.print(table)
