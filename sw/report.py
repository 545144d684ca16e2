"""``build/report.json``: what was measured, merged from every command; its schema is in ``docs/report.md``."""

import datetime
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sw import files

REPORT = files.BUILD / "report.json"
SCHEMA = 1


def load(path: Path | None = None) -> dict:
    """The report (or the one stored at ``path``) as it stands, or an empty one."""
    path = path or REPORT
    if path.is_file():
        report = files.read_json(path, "report")
        if report.get("schema") == SCHEMA:
            return report
    return {"schema": SCHEMA, "data": {}, "models": {}}


@contextmanager
def _changed() -> Iterator[dict]:
    """The report, to be changed; it is written at the end. Commands that run side by side change it in turn."""
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    with REPORT.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        report = load()
        yield report
        report["written"] = datetime.date.today().isoformat()
        files.write_json(REPORT, report)


def add(model: str, part: str, name: str, figures: dict) -> Path:
    """Put figures into the entry ``name`` of a model's part (``fpga``, ``board``); other entries and other figures of this one
    stay."""
    with _changed() as report:
        report["models"].setdefault(model, {}).setdefault(part, {}).setdefault(name, {}).update(figures)
    return REPORT


def merge(data: dict, model: str, **parts: dict) -> Path:
    """Put a model's ``parts`` (``rtl``, ``training``, ...) into the report; other models and parts stay. ``data`` is what the
    parts were measured on."""
    with _changed() as report:
        report["data"] = data
        report["models"].setdefault(model, {}).update(parts)
    return REPORT


def put(part: str, figures: dict) -> Path:
    """Put what belongs to no model (``detection``) into the report."""
    with _changed() as report:
        report[part] = figures
    return REPORT
