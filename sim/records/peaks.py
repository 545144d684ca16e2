"""The R peaks of a recording by the QRS detector: all stages of its first minute through the RTL, the rest by the same integers."""

import numpy as np

from sim.bulk.qrs import QrsHarness
from sim.records import output, page, pictures
from sim.records.opening import Opened
from sw import cli
from sw.beats import annotations
from sw.data import tasks
from sw.errors import PopbeatError
from sw.qrs.detector import detect

RTL_SECONDS = 60
CLASSES = ("N",)  # the symbol that the annotation file gives every beat


def find(opened: Opened) -> dict:
    """Detect R peaks; leaves files, prints how many, and returns one row for a table of several recordings."""
    lead = opened.lead
    values = lead.stream()
    first = values[: RTL_SECONDS * tasks.RATE]
    with cli.progress() as bar:
        line = bar.add_task("simulated detector, every stage", total=1)
        compared = QrsHarness().check(first, detect(first), "burst")
        bar.update(line, advance=1)
    found = detect(values)
    position = found.position[(found.position >= 0) & (found.position < len(values))]
    if not len(position):
        raise PopbeatError(f"no beat was found in lead {lead.name} of record {lead.path}; take another lead: LEAD=")
    own, seconds = lead.clock.own(position), lead.clock.seconds(position)
    intervals = np.diff(seconds, prepend=np.nan)
    rows = [
        {"beat": i, "sample": int(own[i]), "seconds": round(float(seconds[i]), output.ROUNDED)}
        | {"rr": round(float(intervals[i]), output.ROUNDED) if i else None}
        for i in range(len(position))
    ]
    apart = np.diff(own, prepend=-1) > 0
    symbols = np.full(int(apart.sum()), CLASSES[0])
    marks = annotations.write(opened.folder, opened.name, own[apart], symbols, rate=lead.clock.rate)
    table, data = output.write(opened, "peaks", rows, {"rtl_values_compared": compared})
    names = [CLASSES[0]] * len(rows)
    picture = pictures.minutes(opened, position, names, CLASSES)
    rate = 60 * len(rows) / (len(values) / tasks.RATE)
    report = page.write(opened, "peaks", rows, [("R peaks", len(rows), "")], page.marks(seconds, names, CLASSES))
    cli.say(f"record {opened.name}, lead {lead.name}: {len(rows)} R peaks, {rate:.1f} a minute")
    cli.say(f"the RTL equals the integers in all {compared:,} values of the first {len(first) / tasks.RATE:.0f} s")
    cli.say(f"peaks: {table}, {data}, {marks}\npicture: {picture}\npage: {report}")
    return {"R peaks": len(rows), "a minute": round(rate, 1)}
