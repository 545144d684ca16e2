"""A recording in windows, one behind the other, all of them through the RTL."""

import numpy as np

from sim import compare, engines, strips
from sim.records import output, page
from sim.records.opening import Opened
from sw import cli
from sw.data import foreign, tasks
from sw.export import bundles

CHUNK = 50
MAX_STRIPS = 20


def hardware(packed: bundles.Bundle):
    """The compiled top for windows of a network."""
    return engines.engine(packed, "full").harness()


def classify(packed: bundles.Bundle, opened: Opened, harness) -> dict:
    """Classify a lead in windows. One of which more than :data:`sw.data.foreign.MAX_FAULTY` is missing, flat or clipped is no call,
    whatever the hardware says of it. Leaves files, prints a table, and returns one row for a table of several recordings."""
    lead, length = opened.lead, packed.network.window
    samples = lead.windows(length)
    count, rest = len(samples), len(lead.values) % length
    if rest:
        cli.warn(f"the last {rest / tasks.RATE:.1f} s are less than a window and are left out")
    labels, logits = simulated(packed, samples, harness)
    names = [bundles.told(packed, *of) for of in zip(labels.tolist(), logits, strict=True)]
    starts = np.arange(count) * length
    shares = lead.shares(starts, length)
    names = called(names, shares)
    margins = output.margins(packed, logits)
    deviation = lead.values[: count * length].reshape(count, length).std(axis=1)
    seconds, own = lead.clock.seconds(starts), lead.clock.own(starts)
    rows = [
        {"window": i, "sample": int(own[i]), "seconds": round(float(seconds[i]), output.ROUNDED), "class": name}
        | {"margin": None if name == output.NO_CALL else margin}
        | ({"labels": [] if name == output.NO_CALL else bundles.scores(packed, logits[i])} if bundles.with_sets(packed) else {})
        | shares[i]
        | {"deviation": round(float(deviation[i]), 1)}
        for i, (name, margin) in enumerate(zip(names, margins, strict=True))
    ]
    table, data = output.write(opened, "windows", rows)
    marks = output.write_rhythm(opened, own, names)
    picture = draw(opened, rows, samples)
    counted = output.count(packed.classes, names, margins)
    output.show(opened, "windows", counted)
    spans = [(row["seconds"], row["seconds"] + length / tasks.RATE, row["class"]) for row in rows]
    report = page.write(opened, "windows", rows, counted, page.spans(spans, packed.classes))
    cli.say(f"windows: {table}, {data}\nrhythm annotations: {marks}\npicture: {picture}\npage: {report}")
    return {"windows": count, "no call": names.count(output.NO_CALL), **_most(counted)}


def simulated(packed: bundles.Bundle, samples: np.ndarray, harness) -> tuple[np.ndarray, np.ndarray]:
    """Labels ``int64[n]`` and logits ``int64[n, classes]`` of windows ``int16[n, length]`` by the hardware; every layer equals the
    integer model's, else :class:`sim.compare.Mismatch`."""
    labels, logits = [], []
    with cli.progress() as bar:
        line = bar.add_task("simulated hardware, windows", total=len(samples))
        for start in range(0, len(samples), CHUNK):
            seen = harness.run(samples[start : start + CHUNK])
            compare.check(seen, engines.trace(packed, samples[start : start + CHUNK]))
            labels.append(seen.label)
            logits.append(seen.logits)
            bar.update(line, advance=len(seen.label))
    return np.concatenate(labels), np.concatenate(logits)


def called(names: list[str], shares: list[dict[str, float]]) -> list[str]:
    """What windows or beats are called, or that too much of one is missing, flat or clipped for a call."""
    return [output.NO_CALL if of["faulty"] > foreign.MAX_FAULTY else name for name, of in zip(names, shares, strict=True)]


def draw(opened: Opened, rows: list[dict], samples: np.ndarray):
    """A picture of windows spread over the lead, with what each is called."""
    shown = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), MAX_STRIPS)).round().astype(int))
    captions = [(f"{rows[i]['seconds']:.0f} s\n{_caption(rows[i])}", rows[i]["class"] != output.NO_CALL, samples[i]) for i in shown]
    title = f"record {opened.name}, lead {opened.lead.name}: classes by {opened.about['model']} on the simulated hardware"
    return strips.draw(opened.folder / "strips.png", f"{title} (not a medical device)", captions, tasks.RATE)


def _caption(row: dict) -> str:
    """What is written beside a strip: the class, or each label with its score."""
    if row.get("labels"):
        return "\n".join(f"{of['label']} {of['score']:.2f}" for of in row["labels"])
    return row["class"]


def _most(counted: list[tuple[str, int, str]]) -> dict:
    named = [row for row in counted if row[0] != output.NO_CALL]
    if not named:
        return {"most common": output.NO_CALL, "share": 1.0}
    most = max(named, key=lambda row: row[1])
    return {"most common": most[0], "share": round(most[1] / sum(row[1] for row in counted), 3)}
