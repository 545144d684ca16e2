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


def merge(data: dict, model: str, **parts: dict) -> Path:
    """Put a model's ``parts`` (``rtl``, ``training``, ...) into the report; other models and parts stay. ``data`` is what the
    parts were measured on."""
    report = load()
    report["data"] = data
    report["models"].setdefault(model, {}).update(parts)
    report["written"] = datetime.date.today().isoformat()
    return files.write_json(REPORT, report)
