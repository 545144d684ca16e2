"""The tables of ``docs/upsets.md``: what became of flipped bits, from ``docs/upsets.json``."""

from sim.upset.outcome import EFFECTS, RECOVERIES
from sw import document, files, metrics

STORED = files.ROOT / "docs" / "upsets.json"


def tops() -> dict:
    """The stored campaigns by top."""
    return files.read_json(STORED, "figures of make upset")


def _share(count: int, of: int) -> str:
    low, high = metrics.wilson(count, of)
    return f"{metrics.percent(count / of)} ({100 * low:.1f} to {100 * high:.1f})"


def ended(found: dict) -> list[int]:
    """Of a kind of cells: how many upsets were over by themselves, by a reset, never."""
    return [sum(one.get(name, 0) for one in found["recoveries"].values()) for name in RECOVERIES]


def effects(stored: dict) -> str:
    """Share of each effect by top and kind of cell, with its interval."""
    rows = [
        [top, kind, found["bits"], found["upsets"], *(_share(found["effects"][name], found["upsets"]) for name in EFFECTS)]
        for top, told in tops().items()
        for kind, found in told["kinds"].items()
    ]
    return document.table(["top", "cells", "bits", "upsets", *EFFECTS], rows)


def recoveries(stored: dict) -> str:
    """What righted the results again, of the upsets that had an effect."""
    rows = []
    for top, told in tops().items():
        for kind, found in told["kinds"].items():
            rows.append([top, kind, *ended(found), found["most_wrong"], found["silent"], found["late"]])
    heads = ["top", "cells", *RECOVERIES, "most windows wrong, where by itself", "wrong and not told", "right, but later"]
    return document.table(heads, rows)


def grave(stored: dict) -> str:
    """Registers whose upset took more than two windows, or ended at a reset."""
    rows = [
        [top, kind, f"`{where.split(': ')[0]}`", where.split(": ")[1], count]
        for top, told in tops().items()
        for kind, found in told["kinds"].items()
        for where, count in found["grave"].items()
    ]
    return document.table(["top", "cells", "module and register", "what happened", "upsets"], rows)


def starts(stored: dict) -> str:
    """Starts from random states by top."""
    rows = [[top, told["starts"]["seeds"], told["starts"]["right"]] for top, told in tops().items()]
    return document.table(["top", "starts", "right"], rows)


SECTIONS = {"effects": effects, "recoveries": recoveries, "registers": grave, "starts": starts}
