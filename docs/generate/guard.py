"""The tables of ``docs/guard.md``: what a guard costs and what it mends, from the figures of ``make fpga`` and ``make upset``."""

from docs.generate import upsets
from docs.generate.common import NOT_YET, clock
from hw import configurations
from hw.guard.top import SUFFIX
from sim.upset.cells import FIXED
from sim.upset.outcome import RECOVERIES
from sw import document
from sw.data.mitbih import RATE
from sw.export import bundle

SHOWN = "bnn17"  # the network that the documents speak of


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
                rows.append([f"`{name}`, {one['config']}", one["device"], *cells, clock(one)])
    return document.table(["", "device", "LUT4", "FF", "block RAMs", "MHz"], rows) if rows else NOT_YET


def cycles(stored: dict) -> str:
    """Exact cycles with a guard and without, and for how long samples wait."""
    packed, rows = bundle.read(bundle.SHIPPED / SHOWN), []
    for name in configurations.NAMES:
        params = configurations.parameters(packed, configurations.get(name + SUFFIX))
        alone, exact = params.inner_cycles, params.cycles
        waits = exact.interval - params.guard.window
        pairs = [f"{getattr(alone, kind):,} -> {getattr(exact, kind):,}" for kind in ("interval", "latency", "live_latency")]
        rows.append([f"`{SHOWN}`, {name}{SUFFIX}", *pairs, waits, f"{waits * RATE / 1e6:.1f} MHz"])
    head = ["", "interval", "latency", "live latency", "samples wait", f"lowest clock at which no sample waits ({RATE} Hz)"]
    return document.table(head, rows)


def mended(stored: dict) -> str:
    """What flipped bits of flip-flops and memories other than constants did with a guard and without; how often some
    header said *damaged*."""
    tops = upsets.tops()
    rows = []
    for top in [name for name in tops if name.endswith(SUFFIX)]:
        for name in (top.removesuffix(SUFFIX), top):
            for kind, found in tops.get(name, {"kinds": {}})["kinds"].items():
                if kind not in FIXED:
                    told = found["told"] if name.endswith(SUFFIX) else "no such bit"
                    rows.append([name, kind, found["upsets"], found["effects"]["none"], *upsets.ended(found), told])
    head = ["top", "cells", "upsets", "without effect", *RECOVERIES, "reported *damaged*"]
    return document.table(head, rows) if rows else NOT_YET


def constants(stored: dict) -> str:
    """What results told of flipped bits in constants, with a guard and without."""
    tops, rows = upsets.tops(), []
    for top in [name for name in tops if name.endswith(SUFFIX)]:
        for name in (top.removesuffix(SUFFIX), top):
            kinds = tops.get(name, {"kinds": {}})["kinds"]
            for kind, found in ((kind, kinds[kind]) for kind in FIXED if kind in kinds):
                effect = found["upsets"] - found["effects"]["none"]
                rows.append([name, kind, found["bits"], found["upsets"], effect, found["told"], found["silent"]])
    head = ["top", "cells", "bits", "upsets", "with an effect", "reported", "wrong results, not reported"]
    return document.table(head, rows) if rows else NOT_YET


SECTIONS = {"cost": cost, "cycles": cycles, "mended": mended, "constants": constants}
