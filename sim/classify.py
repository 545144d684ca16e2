"""Any WFDB record through the simulated hardware: a class for every ten seconds, or, by a network of beats, for every beat that the
QRS detector finds; as a table, as files and as a picture."""

import csv
import io
import os
import re
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table
from rich.text import Text

from sim import beats as recordings
from sim import compare, engines, strips
from sim.bulk import record as bulk
from sw import cli, files
from sw.beats import annotations, chain, images, score
from sw.data import beats, foreign, records, source, tasks
from sw.errors import PopbeatError
from sw.export import bundle, bundles

MAX_STRIPS = 20
EXAMPLE = "200"
# Beats of a record that go through the RTL at least; the rest is told by the integers that it equals.
RTL_BEATS = 30


app = cli.new_app(__doc__)


@app.command()
def main(
    record: Annotated[str, typer.Option(help="Path of a WFDB record, without its ending; default record 200 of the database")] = "",
    lead: Annotated[str, typer.Option(help="Lead by name or number; default MLII, II, then other leads of an ECG")] = "",
    model: Annotated[str, typer.Option(help="Shipped model")] = "bnn17",
    path: Annotated[str, typer.Option("--bundle", help="Folder of a bundle instead")] = "",
    invert: Annotated[bool, typer.Option(help="Turn the lead upside down")] = False,
    strict: Annotated[bool, typer.Option(help="Samples that contradict their header's checksum are an error")] = False,
) -> None:
    """Classify a record in windows of ten seconds, or beat by beat, on the simulated hardware (not a medical device)."""
    if not record:
        record = str(source.find().path / EXAMPLE)
        cli.warn(f"no record given (RECORD=path/to/record); taking {record}")
    packed = bundles.read(bundle.locate(model, path))
    header = records.read_header(record)
    index = foreign.choose_lead(header, lead)
    foreign.check(header, index, strict)
    prepared = foreign.prepare(header, index, packed.normaliser.raw_bits, invert)
    about = origin(packed, header, index, prepared) | {"inverted": invert}
    folder = files.BUILD / "classified-records" / folder_name(about)
    of_beats = packed.network.words or bundles.of_images(packed)
    (classify_beats if of_beats else classify_windows)(packed, prepared, folder, about)


def origin(packed: bundles.Bundle, header: records.Header, index: int, lead: foreign.Lead) -> dict:
    """What a result is made from: the record's path, the SHA-256 of each of its files, its lead and rate in Hz, what was done to
    the samples, the network and popbeat's version."""
    return {
        "record": header.path.name,
        "path": str(header.path.absolute()),
        "files": {os.path.relpath(file, header.path.parent): files.sha256_file(file) for file in header.files()},
        "lead": lead.name,
        "lead_number": index,
        "rate_hz": header.rate,
        "lead_rate_hz": header.rate_of(index),
        "done": list(lead.done),
        "model": packed.model,
        "bundle_sha256": packed.sha256,
        "popbeat": files.project()["version"],
    }


def folder_name(about: dict) -> str:
    """A folder's name for a result: record, lead and model, and a short hash that tells apart records of one name in several
    folders, leads of one name, bundles of one model and a lead upside down."""
    told_apart = [about[name] for name in ("path", "lead_number", "bundle_sha256", "inverted")]
    name = re.sub(r"[^A-Za-z0-9._-]", "-", f"{about['record']}_{about['lead']}_{about['model']}")
    return f"{name[:100]}_{files.sha256(repr(told_apart).encode())[:8]}"


def classify_windows(packed: bundles.Bundle, lead: foreign.Lead, folder: Path, about: dict) -> None:
    """A lead in windows, one behind the other, all of them through the RTL. A window of which more than
    :data:`sw.data.foreign.MAX_FAULTY` is missing, flat or clipped is no call, whatever the hardware says of it."""
    length = packed.network.window
    samples = lead.windows(length)
    count, rest = len(samples), len(lead.values) % length
    shares = lead.shares(np.arange(count) * length, length)
    if rest:
        cli.warn(f"the last {rest / tasks.RATE:.1f} s are less than a window and are left out")
    with cli.progress() as bar:
        line = bar.add_task("simulated hardware", total=count)
        harness = engines.engine(packed, "full").harness()
        names, margins, scores = [], [], []
        for start in range(0, count, 50):
            seen = harness.run(samples[start : start + 50])
            compare.check(seen, engines.trace(packed, samples[start : start + 50]))
            names += [bundles.told(packed, label, logits) for label, logits in zip(seen.label.tolist(), seen.logits, strict=True)]
            margins += _margins(packed, seen.logits)
            scores += [bundles.scores(packed, logits) for logits in seen.logits]
            bar.update(line, advance=len(seen.label))
    names = called(names, shares)
    rows = [
        {"window": i, "seconds": i * length / tasks.RATE, "class": name, "margin": None if name == "no call" else margin}
        | ({"labels": [] if name == "no call" else scores[i]} if bundles.with_sets(packed) else {})
        | shares[i]
        for i, (name, margin) in enumerate(zip(names, margins, strict=True))
    ]
    write(folder, "windows", rows, about)
    shown = np.unique(np.linspace(0, count - 1, min(count, MAX_STRIPS)).round().astype(int))
    captions = [(f"{rows[i]['seconds']:.0f} s\n{_caption(rows[i])}", names[i] != "no call", samples[i]) for i in shown]
    title = f"record {lead.path.name}, lead {lead.name}: classes by {packed.model} on the simulated hardware (not a medical device)"
    picture = strips.draw(folder / "strips.png", title, captions, tasks.RATE)
    show(packed, lead, "windows", names, margins)
    cli.say(f"windows: {folder / 'windows.csv'}, {folder / 'windows.json'}\npicture: {picture}")


def classify_beats(packed: bundles.Bundle, lead: foreign.Lead, folder: Path, about: dict) -> None:
    """The beats of a lead that the detector finds; the first :data:`RTL_BEATS` of them through the RTL, too. A beat of whose
    samples more than :data:`sw.data.foreign.MAX_FAULTY` are missing, flat or clipped is no call."""
    values = lead.stream()
    cli.warn(recordings.caution(packed.model, packed.training.get("protocol"), scored=False))
    with cli.progress() as bar:
        line = bar.add_task("beats found and told, in integers", total=None)
        made = chain.run(packed, values, told=lambda done, count: bar.update(line, completed=done, total=count))
        inside = made.position < len(values)
        if not inside.any():
            raise PopbeatError(f"no beat was found in lead {lead.name} of record {lead.path}; take another lead: LEAD=")
        line = bar.add_task("simulated hardware", total=1)
        harness, least = bulk.harness(packed), min(RTL_BEATS, len(made.position))
        seen = harness.stretch(recordings.first_beats(harness, values, made, least))
        simulated = bulk.check_first(seen, made, least)
        recordings.canary_logit(seen, made, least)
        bar.update(line, advance=1)
    simulated = min(simulated, int(inside.sum()))
    # The samples of the network, round the R peak.
    before, length = (images.BEFORE, packed.network.window) if chain.of_images(packed) else (beats.BEFORE, beats.WINDOW)
    shares = lead.shares(made.position - before, length)
    names = [bundles.told(packed, label, logits) for label, logits in zip(made.label, made.logits, strict=True)]
    names = called(names, shares)
    margins = _margins(packed, made.logits)
    own = lead.clock.own(made.position)
    rows = [
        {"beat": i, "sample": int(own[i]), "seconds": round(int(place) / tasks.RATE, 3), "class": name}
        | {"margin": None if name == "no call" else margin, "simulated": i < simulated}
        | shares[i]
        for i, (place, name, margin) in enumerate(zip(made.position, names, margins, strict=True))
        if inside[i]
    ]
    marks = mark(packed, folder / lead.path.name, made, inside, np.array(names) == "no call", lead.clock)
    write(folder, "beats", rows, about | {"simulated_beats": simulated, "beats_found": len(rows)})
    shown = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), MAX_STRIPS)).round().astype(int))
    places = made.position[shown][:, None] - before + np.arange(length)
    strip = values[np.clip(places, 0, len(values) - 1)]
    captions = [
        (f"{rows[i]['seconds']:.1f} s\n{names[i]}", names[i] != "no call", samples) for i, samples in zip(shown, strip, strict=True)
    ]
    title = f"record {lead.path.name}, lead {lead.name}: beats by {packed.model} behind the QRS detector (not a medical device)"
    picture = strips.draw(folder / "strips.png", title, captions, tasks.RATE)
    show(packed, lead, "beats", names[: len(rows)], margins[: len(rows)])
    cli.say(
        f"the first {simulated} of {len(rows)} beats went through the simulated hardware: R peaks, logits and "
        "labels are those of the integer model, which told the others"
    )
    cli.say(f"beats: {folder / 'beats.csv'}, {folder / 'beats.json'}{marks and f', {marks}'}\npicture: {picture}")


def called(names: list[str], shares: list[dict[str, float]]) -> list[str]:
    """What windows or beats are called, or that too much of one is missing, flat or clipped for a call."""
    return ["no call" if of["faulty"] > foreign.MAX_FAULTY else name for name, of in zip(names, shares, strict=True)]


def mark(
    packed: bundles.Bundle, record: Path, made: chain.Labelled, inside: np.ndarray, uncalled: np.ndarray, clock: foreign.Clock
) -> str:
    """The beats ``inside`` the record as an annotation file beside ``record``, in the record's own samples, those that are
    ``uncalled`` as Q (both ``bool[n]``); its name, empty for a network whose classes have no annotation symbols."""
    if not set(packed.classes) <= set(score.CLASSES):
        return ""
    symbols = np.where(uncalled, "Q", made.symbols(packed.classes))[inside]
    return str(annotations.write(record.parent, record.name, clock.own(made.position[inside]), symbols, rate=clock.rate))


def _caption(row: dict) -> str:
    """What is written beside a strip: the class, or each label with its score."""
    if row.get("labels"):
        return "\n".join(f"{of['label']} {of['score']:.2f}" for of in row["labels"])
    return row["class"]


def _margins(packed: bundles.Bundle, logits: np.ndarray) -> list[int]:
    """How far each window's answer is from another one: between the best two logits, in a set of labels of the least sure one."""
    if bundles.with_sets(packed):
        return np.where(logits >= 0, logits, -1 - logits).min(axis=1).tolist()
    best = np.sort(logits, axis=1)
    return (best[:, -1] - best[:, -2]).tolist()


def write(folder: Path, what: str, rows: list[dict], about: dict) -> None:
    """The windows or beats (``what``) as CSV and as JSON."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]))
    writer.writeheader()
    for row in rows:
        of = {"labels": "; ".join(f"{o['label']} {o['score']} ({o['margin']})" for o in row["labels"])} if "labels" in row else {}
        writer.writerow(row | of)
    files.write_bytes(folder / f"{what}.csv", text.getvalue().encode())
    files.write_json(folder / f"{what}.json", about | {what: rows})


def show(packed: bundles.Bundle, lead: foreign.Lead, what: str, names: list[str], margins: list[int]) -> None:
    """How often each class or set of labels was told, with the median margin."""
    table = Table(title=Text(f"record {lead.path.name}, lead {lead.name}, {packed.model}: {len(names)} {what}"))
    for column in ("class", what, "median margin"):
        table.add_column(column, justify="left" if column == "class" else "right")
    for name in dict.fromkeys((*packed.classes, "no call", *names)):
        own = [m for n, m in zip(names, margins, strict=True) if n == name]
        if own:
            table.add_row(name, str(len(own)), f"{np.median(own):.0f}" if name != "no call" else "")
    cli.console.print(table)


if __name__ == "__main__":
    cli.run(app)
