"""The published fragments of rhythm-17: class, record, first sample and lead of each (``fragments17.csv``)."""

import csv
import functools
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_name("fragments17.csv")


@dataclass(frozen=True)
class Fragment:
    """One published fragment: ``label`` is the class's short name, ``file`` the published file's name."""

    label: str
    number: int
    record: str
    start: int
    lead: str
    file: str


@functools.cache
def rows() -> tuple[Fragment, ...]:
    """All 1,000 fragments in the table's order; ``number`` runs from 0 to 16."""
    with open(TABLE, newline="") as file:
        table = csv.DictReader(line for line in file if not line.startswith("#"))
        return tuple(
            Fragment(label, int(number) - 1, row["record"], int(row["start_sample"]), row["lead"], row["file"])
            for row in table
            for number, label in [row["class"].split()]
        )
