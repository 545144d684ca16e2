"""The tables of ``docs/mutants.md``: what became of the mutants, from ``docs/mutants.json``."""

from collections import Counter

from sw import document, files

STORED = files.ROOT / "docs" / "mutants.json"
OUTCOMES = ("killed", "equivalent", "explained", "left")


def _netlists() -> dict:
    return files.read_json(STORED, "figures of make mutate")["netlists"]


def _score(counted: dict) -> str:
    """Killed among those that are neither equivalent nor explained."""
    wanted = counted.get("killed", 0) + counted.get("left", 0)
    return f"{100 * counted.get('killed', 0) / wanted:.1f} %" if wanted else ""


def _counts(groups: dict[str, dict]) -> list[list]:
    return [
        [name, sum(counted.values()), *(counted.get(one, 0) for one in OUTCOMES), _score(counted)]
        for name, counted in groups.items()
    ]


def _rows(part: str) -> str:
    rows = []
    for top, told in _netlists().items():
        total = sum((Counter(counted) for counted in told[part].values()), Counter())
        rows += [[top, *row] for row in _counts(told[part])] + [[f"**{top}**", *row] for row in _counts({"all": total})]
    return document.table(["top", part.rstrip("s"), "mutants", *OUTCOMES, "killed of those that count"], rows)


def components(stored: dict) -> str:
    """Mutants by component."""
    return _rows("components")


def modes(stored: dict) -> str:
    """Mutants by mode."""
    return _rows("modes")


def segments(stored: dict) -> str:
    """Which condition killed first."""
    rows = [[top, name, count] for top, told in _netlists().items() for name, count in told["killed_by"].items()]
    return document.table(["top", "condition", "first to kill"], rows)


def survivors(stored: dict) -> str:
    """Every mutant that was not killed."""
    rows = []
    for top, told in _netlists().items():
        for one in told["survivors"]:
            why = one["reason"] or (f"proved in `{one['proved_in']}`" if one["proved_in"] else "")
            rows.append([top, one["outcome"], f"`{one['mutant'].replace('|', ' ')}`", one["source"], why])
    return document.table(["top", "outcome", "mutant", "line of the Verilog", "why"], rows)


SECTIONS = {"components": components, "modes": modes, "conditions": segments, "survivors": survivors}
