"""Files and tables of what the hardware says of a recording."""

import csv
import io
from pathlib import Path

import numpy as np
from rich.table import Table
from rich.text import Text

from sim.records.opening import Opened
from sw import cli, files
from sw.beats import annotations
from sw.export import bundles

NO_CALL = "no call"
ROUNDED = 3


def write(opened: Opened, what: str, rows: list[dict], more: dict | None = None) -> tuple[Path, Path]:
    """The windows, beats or peaks (``what``) as CSV and as JSON."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]))
    writer.writeheader()
    for row in rows:
        sets = {"labels": "; ".join(f"{o['label']} {o['score']} ({o['margin']})" for o in row["labels"])} if "labels" in row else {}
        writer.writerow(row | sets)
    return (
        files.write_bytes(opened.folder / f"{what}.csv", text.getvalue().encode()),
        files.write_json(opened.folder / f"{what}.json", opened.about | (more or {}) | {what: rows}),
    )


def write_rhythm(opened: Opened, sample: np.ndarray, names: list[str]) -> Path:
    """Classes of windows that begin at ``sample`` (``int[n]``, of the record) as rhythm annotations of WFDB: one where the class
    changes, ``(CLASS`` in its note, and ``~`` (signal quality) where there is no call from there on."""
    changes = [i for i, name in enumerate(names) if not i or name != names[i - 1]]
    places = [int(sample[i]) for i in changes]
    symbols = ["~" if names[i] == NO_CALL else "+" for i in changes]
    notes = [NO_CALL if names[i] == NO_CALL else f"({names[i].replace(', ', '+')}" for i in changes]
    return annotations.write_notes(opened.folder, opened.name, places, symbols, notes, opened.lead.clock.rate)


def count(classes: tuple[str, ...], names: list[str], margins: list[int]) -> list[tuple[str, int, str]]:
    """How often each class or set of labels was told, with the median margin, in the network's order."""
    rows = []
    for name in dict.fromkeys((*classes, NO_CALL, *names)):
        own = [m for n, m in zip(names, margins, strict=True) if n == name]
        if own:
            rows.append((name, len(own), f"{np.median(own):.0f}" if name != NO_CALL else ""))
    return rows


def show(opened: Opened, what: str, rows: list[tuple[str, int, str]]) -> None:
    """The counts as a table."""
    title = f"record {opened.name}, lead {opened.lead.name}, {opened.about['model']}: {sum(row[1] for row in rows)} {what}"
    table = Table(title=Text(title))
    for column in ("class", what, "median margin"):
        table.add_column(column, justify="left" if column == "class" else "right")
    for row in rows:
        table.add_row(*map(str, row))
    cli.console.print(table)


def margins(packed: bundles.Bundle, logits: np.ndarray) -> list[int]:
    """How far each answer is from another one: between the best two logits, in a set of labels of the least sure one."""
    if bundles.with_sets(packed):
        return np.where(logits >= 0, logits, -1 - logits).min(axis=1).tolist()
    best = np.sort(logits, axis=1)
    return (best[:, -1] - best[:, -2]).tolist()
