"""``build/report.json``: what was measured, merged from every command; its schema is in ``docs/report.md``."""

import datetime
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


def add(model: str, part: str, name: str, figures: dict) -> Path:
    """Put figures into the entry ``name`` of a model's part (``fpga``, ``board``); other entries and other figures of this one
    stay."""
    known = load()
    entries = known["models"].get(model, {}).get(part, {})
    return merge(known["data"], model, **{part: entries | {name: entries.get(name, {}) | figures}})


def merge(data: dict, model: str, **parts: dict) -> Path:
    """Put a model's ``parts`` (``rtl``, ``training``, ...) into the report; other models and parts stay. ``data`` is what the
    parts were measured on."""
    report = load()
    report["data"] = data
    report["models"].setdefault(model, {}).update(parts)
    report["written"] = datetime.date.today().isoformat()
    return files.write_json(REPORT, report)


def put(part: str, figures: dict) -> Path:
    """Put what belongs to no model (``detection``) into the report."""
    known = load()
    known[part] = figures
    known["written"] = datetime.date.today().isoformat()
    return files.write_json(REPORT, known)
