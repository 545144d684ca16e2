"""The tables of ``docs/guard.md``: what a guard costs and what it mends, from the figures of ``make fpga`` and ``make upset``."""

from docs.generate import upsets
from docs.generate.common import clock
from hw.guard.top import SUFFIX
from sim.upset.cells import CONSTANTS
from sim.upset.outcome import RECOVERIES
from sim.upset.run import LONG
from sw import document

NOT_YET = "(Not measured yet.)"


def cost(stored: dict) -> str:
    """Placements of a guarded configuration, each below the classifier alone."""
    rows = []
    for name, model in stored["models"].items():
        placed = model.get("fpga", {})
        for key, figures in placed.items():
            if not figures["config"].endswith(SUFFIX):
                continue
            alone = placed.get(key.removesuffix(SUFFIX))
            for one in (alone, figures) if alone else (figures,):
                cells = [f"{one[kind]:,}" for kind in ("lut4", "ff", "bram")]
                times = [f"{one[kind]:,}" for kind in ("interval_cycles", "latency_cycles")]
                rows.append([f"`{name}`, {one['config']}", one["device"], *cells, clock(one), *times])
    head = ["", "device", "LUT4", "FF", "block RAMs", "MHz", "interval, cycles", "latency, cycles"]
    return document.table(head, rows) if rows else NOT_YET


def mended(stored: dict) -> str:
    """What flipped bits of flip-flops and memories other than constants did with a guard and without."""
    tops = upsets.tops()
    rows = []
    for top in [name for name in tops if name.endswith(SUFFIX)]:
        for name in (top.removesuffix(SUFFIX), top):
            for kind, found in tops.get(name, {"kinds": {}})["kinds"].items():
                counts = [sum(one.get(r, 0) for one in found["recoveries"].values()) for r in RECOVERIES]
                if kind != CONSTANTS:
                    rows.append([name, kind, found["upsets"], *counts, found["most_wrong"]])
    head = ["top", "cells", "upsets", *RECOVERIES, f"most windows wrong (more than {LONG} are told by register)"]
    return document.table(head, rows) if rows else NOT_YET


SECTIONS = {"cost": cost, "mended": mended}
