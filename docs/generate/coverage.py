"""The tables of ``docs/coverage.md``: what the benches reach, from ``docs/coverage.json``."""

from sim.cover.points import KINDS
from sw import document, files, metrics

STORED = files.ROOT / "docs" / "coverage.json"
MOST = 40  # rows of what a top lacks


def _tops() -> dict:
    return files.read_json(STORED, "figures of make coverage")


def _share(hit: int, total: int) -> str:
    return f"{metrics.percent(hit / total)} of {total:,}" if total else ""


def tops(stored: dict) -> str:
    """Coverage by top."""
    rows = []
    for name, told in _tops().items():
        crosses = _share(*told["crosses"]["shares"]) if "crosses" in told else "not counted"
        rows.append([name, *(_share(*told["shares"][kind]) for kind in KINDS), crosses])
    return document.table(["top", "lines", "branches", "bits' changes", "crosses that can occur"], rows)


def excluded(stored: dict) -> str:
    """Crosses that can't occur, by reason."""
    reasons = {why: count for told in _tops().values() for why, count in told.get("crosses", {}).get("excluded", {}).items()}
    return document.table(["crosses", "why they can't occur"], [[count, why] for why, count in reasons.items()])


def components(stored: dict) -> str:
    """Coverage by component, where one lacks something."""
    rows = [
        [top, name, *(_share(*shares[kind]) for kind in KINDS)]
        for top, told in _tops().items()
        for name, shares in told["components"].items()
    ]
    return document.table(["top", "component", "lines", "branches", "bits' changes"], rows)


def missed(stored: dict) -> str:
    """What was never reached; of a top with much of it, the first lines."""
    rows = []
    for top, told in _tops().items():
        listed = [one.removeprefix("TOP.").split(": ", 1) for one in told["missed"]]
        rows += [[top, f"`{where}`", what] for where, what in listed[:MOST]]
        if len(listed) > MOST:
            rows.append([top, "", f"{len(listed) - MOST} more, in `docs/coverage.json`"])
    return document.table(["top", "instance", "never reached"], rows)


SECTIONS = {"tops": tops, "excluded": excluded, "components": components, "missed": missed}
