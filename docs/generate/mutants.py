"""The tables of ``docs/mutants.md``: what became of the mutants, from ``docs/mutants.json``."""

from collections import Counter

from docs.generate.common import NOT_YET
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


def _why(one: dict) -> str:
    """Why a mutant is not killed, as far as that is known."""
    if one["proved_in"]:
        return f"proved in `{one['proved_in']}`, {one['way']}"
    said = one["reason"].get("why", "")
    if "never" in one["reason"]:
        where = one["reason"]["never"]
        said += f" (looked for in all conditions, and never seen: `{where['when']}` in `{where['module']}`)"
    return said.replace("|", "\\|")


def survivors(stored: dict) -> str:
    """Every mutant that was not killed."""
    rows = []
    for top, told in _netlists().items():
        for one in told["survivors"]:
            rows.append([top, one["outcome"], f"`{one['mutant'].replace('|', ' ')}`", one["source"], _why(one)])
    return document.table(["top", "outcome", "mutant", "line of the Verilog", "why"], rows)


def source(stored: dict) -> str:
    """Mutants of the Amaranth source by folder."""
    told = files.read_json(STORED, "figures of make mutate")["source"]
    if not told:
        return NOT_YET
    total = sum((Counter(counted) for counted in told["folders"].values()), Counter())
    shown = [one for one in OUTCOMES if one != "equivalent"]
    rows = [
        [name, sum(counted.values()), *(counted.get(one, 0) for one in shown), _score(counted)]
        for name, counted in [*((f"`{name}`", counted) for name, counted in told["folders"].items()), ("all", total)]
    ]
    return document.table(["folder", "mutants", *shown, "killed of those that count"], rows)


def source_survivors(stored: dict) -> str:
    """Every mutant of the source that its tests let live."""
    told = files.read_json(STORED, "figures of make mutate")["source"]
    rows = [
        [one["outcome"], f"`{one['mutant'].replace('|', ' ')}`", one["reason"].get("why", "")] for one in told.get("survivors", [])
    ]
    return document.table(["outcome", "place, what stood there, and what stands there", "why"], rows) if rows else NOT_YET


SECTIONS = {
    "source": source,
    "source_survivors": source_survivors,
    "components": components,
    "modes": modes,
    "conditions": segments,
    "survivors": survivors,
}
