"""A recording as a command was asked to read it: which lead, which stretch, and what the result will say that it is made from."""

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sw import files, honesty
from sw.data import foreign, headers, recordings
from sw.errors import PopbeatError
from sw.export.bundles import Bundle

HOME = "classified-records"


@dataclass(frozen=True)
class Wish:
    """What the user asked for: a ``lead`` by name or number (empty: the best one), upside down (``invert``), damage as an error
    (``strict``), the ``rate`` of a table in Hz as text, and the times ``start`` and ``stop``, as text."""

    lead: str = ""
    invert: bool = False
    strict: bool = False
    rate: str = ""
    start: str = ""
    stop: str = ""

    def given(self) -> dict[str, object]:
        """What of all this was asked for, by the names that the user knows."""
        names = {"lead": "LEAD", "invert": "INVERT", "strict": "STRICT", "rate": "RATE", "start": "FROM", "stop": "TO"}
        return {name: getattr(self, field) for field, name in names.items()}

    @property
    def span(self) -> tuple[float, float]:
        """First and last second."""
        span = seconds(self.start, 0.0, "FROM"), seconds(self.stop, np.inf, "TO")
        if span[0] >= span[1]:
            raise PopbeatError(f"FROM={self.start or 0} is not before TO={self.stop}")
        return span


def seconds(text: str, default: float, name: str) -> float:
    """A time as seconds: ``90``, ``1:30`` or ``0:01:30.5``."""
    if not text:
        return default
    if not re.fullmatch(r"(\d+:){0,2}\d+(\.\d*)?", text):
        raise PopbeatError(f"{name}={text} is no time; write seconds, minutes:seconds or hours:minutes:seconds")
    value = 0.0
    for part in text.split(":"):
        value = 60 * value + float(part)
    return value


@dataclass(frozen=True)
class Opened:
    """A lead for the hardware, ``about`` what a result of it is made from, the ``folder`` that the result goes to."""

    header: headers.Header
    lead: foreign.Lead
    about: dict
    folder: Path

    @property
    def name(self) -> str:
        """The record's name, without an ending that says of what kind it is."""
        return self.header.path.stem if self.header.sources else self.header.path.name


def open_one(path: str, wish: Wish, packed: Bundle | None, raw_bits: int, model: str) -> Opened:
    """Read a recording for a network (``packed``), or for the QRS detector alone. ``model`` names it in the folder."""
    span = wish.span
    header = recordings.read_header(path, wish.rate)
    index = foreign.choose_lead(header, wish.lead)
    damage = foreign.check(header, index, wish.strict)
    lead = foreign.prepare(header, index, raw_bits, wish.invert, span)
    opened = Opened(header, lead, {}, Path())
    about = origin(opened, index, model) | {"inverted": wish.invert, "from_seconds": span[0], "to_seconds": None}
    if span[1] != np.inf:
        about["to_seconds"] = span[1]
    if packed is not None:
        about |= {"bundle_sha256": packed.sha256, "honesty": honesty.reached(packed.model, packed.sha256)}
    about["done"] = [*damage, *about["done"]]
    return replace(opened, about=about, folder=files.BUILD / HOME / folder_name(about))


def origin(opened: Opened, index: int, model: str) -> dict:
    """What a result is made from: the recording's path, the SHA-256 of each of its files, its lead and rate in Hz, what was done to
    the samples, the model and popbeat's version."""
    header, lead = opened.header, opened.lead
    return {
        "record": opened.name,
        "path": os.path.abspath(header.path),
        "files": {os.path.relpath(file, header.path.parent): files.sha256_file(file) for file in header.files()},
        "lead": lead.name,
        "lead_number": index,
        "rate_hz": lead.clock.rate,
        "lead_rate_hz": header.rate_of(index),
        "done": list(lead.done),
        "model": model,
        "popbeat": files.project()["version"],
    }


def folder_name(about: dict) -> str:
    """A folder's name for a result: record, lead and model, and a short hash that tells apart records of one name in several
    folders, leads of one name, stretches, bundles of one model, rates of one table and a lead upside down."""
    told_apart = [
        about.get(name)
        for name in ("path", "lead_number", "lead_rate_hz", "bundle_sha256", "inverted", "from_seconds", "to_seconds")
    ]
    name = re.sub(r"[^A-Za-z0-9._-]", "-", f"{about['record']}_{about['lead']}_{about['model']}")
    return f"{name[:100]}_{files.sha256(repr(told_apart).encode())[:8]}"


def listed(asked: str) -> list[str]:
    """The recordings that one RECORD= means: itself; of a folder all in it and below, or those in its file RECORDS where it has
    one; else the parts between commas."""
    path = Path(asked)
    if path.is_dir() and not path.with_name(path.name + ".hea").is_file():
        return _of_folder(path)
    alone = path.is_file() or path.with_name(path.name + ".hea").is_file() or "," not in asked
    parts = [asked] if alone else [part.strip() for part in asked.split(",") if part.strip()]
    if not parts:
        raise PopbeatError(f"RECORD={asked} names no recording; several have commas between them")
    return parts


def _of_folder(path: Path) -> list[str]:
    index = path / "RECORDS"
    if index.is_file() and index.stat().st_size <= headers.MAX_HEADER_BYTES:
        names = [line.strip() for line in index.read_text(errors="replace").splitlines() if line.strip()]
        if any(Path(name).is_absolute() or ".." in Path(name).parts for name in names):
            raise PopbeatError(f"{index} names a record outside of its folder; mend it, or name the records: RECORD=a,b")
    else:
        names = _below(path)
    if not names:
        raise PopbeatError(f"folder {path} has no recording, nor has one below it: no WFDB header (.hea), EDF or BDF file")
    return [str(path / name) for name in names]


def _below(path: Path) -> list[str]:
    """Recordings in a folder and in those below it, but for hidden ones and links to folders, which may lead round in circles."""

    def fail(error: OSError):
        raise error

    found = []
    for folder, below, names in os.walk(path, onerror=fail):
        below[:] = sorted(name for name in below if not name.startswith("."))
        here, names = Path(folder), sorted(name for name in names if not name.startswith("."))
        heads = [name for name in names if name.endswith(".hea")]
        of_segments = {part for name in heads for part in _segments(here / name)}
        found += [here / name.removesuffix(".hea") for name in heads if name.removesuffix(".hea") not in of_segments]
        found += [here / name for name in names if name.lower().endswith((".edf", ".bdf"))]
    return [str(one.relative_to(path)) for one in found]


def _segments(hea: Path) -> list[str]:
    """Names of the segments that a header lists; none where it is no header, which is told when it is read."""
    with open(hea, errors="replace") as file:
        lines = [line.split() for line in file.read(headers.MAX_HEADER_BYTES).splitlines() if line.strip() and line[0] != "#"]
    if not lines or "/" not in lines[0][0]:
        return []
    return [line[0] for line in lines[1:]]
