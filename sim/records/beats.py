"""The beats of a recording that the QRS detector finds, labelled; the first of them through the RTL."""

from dataclasses import dataclass

import numpy as np

from sim.bulk import record as bulk
from sim.records import output, page, pictures, windows
from sim.records.opening import Opened
from sw import cli, honesty
from sw.beats import annotations, chain, images, score
from sw.data import beats
from sw.errors import PopbeatError
from sw.export import bundles

# Beats of a record that go through the RTL at least; the rest is told by the integers that it equals.
RTL_BEATS = 30


@dataclass(frozen=True)
class Found:
    """Beats inside a recording, in order: ``position`` at 360 Hz and ``sample`` of the record, ``int64[n]``; ``names`` of their
    classes, ``margins``, ``shares`` of faulty samples; of the first ``simulated`` ones the RTL was heard."""

    made: chain.Labelled
    sample: np.ndarray
    names: list[str]
    margins: list[int]
    shares: list[dict[str, float]]
    simulated: int

    @property
    def position(self) -> np.ndarray:
        return self.made.position


def hardware(packed: bundles.Bundle) -> bulk.Harness:
    """The compiled top that finds beats."""
    return bulk.harness(packed)


def classify(packed: bundles.Bundle, opened: Opened, harness: bulk.Harness) -> dict:
    """Label the beats of a lead. One of whose samples more than :data:`sw.data.foreign.MAX_FAULTY` are missing, flat or clipped is
    no call. Leaves files, prints a table, and returns one row for a table of several recordings."""
    lead = opened.lead
    cli.warn(honesty.caution(packed.model, packed.training.get("protocol"), scored=False))
    found = find(packed, opened, harness)
    seconds = lead.clock.seconds(found.position)
    intervals = np.diff(seconds, prepend=np.nan)
    rows = [
        {"beat": i, "sample": int(found.sample[i]), "seconds": round(float(seconds[i]), output.ROUNDED), "class": name}
        | {"rr": round(float(intervals[i]), output.ROUNDED) if i else None}
        | {"margin": None if name == output.NO_CALL else found.margins[i], "simulated": i < found.simulated}
        | found.shares[i]
        for i, name in enumerate(found.names)
    ]
    marks = mark(packed, opened, found)
    table, data = output.write(opened, "beats", rows, {"simulated_beats": found.simulated, "beats_found": len(rows)})
    picture = pictures.minutes(opened, found.position, found.names, packed.classes)
    counted = output.count(packed.classes, found.names, found.margins)
    output.show(opened, "beats", counted)
    report = page.write(opened, "beats", rows, counted, page.marks(seconds, found.names, packed.classes))
    cli.say(
        f"the first {found.simulated} of {len(rows)} beats went through the simulated hardware: R peaks, logits and labels are "
        "those of the integer model, which told the others"
    )
    cli.say(f"beats: {table}, {data}{marks and f', {marks}'}\npicture: {picture}\npage: {report}")
    return {"beats": len(rows), **{name: found.names.count(name) for name in (*packed.classes, output.NO_CALL)}}


def find(packed: bundles.Bundle, opened: Opened, harness: bulk.Harness) -> Found:
    """Beats by the integer model, and the first :data:`RTL_BEATS` of them by the RTL, which must agree; its canary: a logit."""
    lead = opened.lead
    values = lead.stream()
    with cli.progress() as bar:
        line = bar.add_task("beats found and told, in integers", total=None)
        made = chain.run(packed, values, told=lambda done, count: bar.update(line, completed=done, total=count))
        inside = made.position < len(values)
        if not inside.any():
            raise PopbeatError(f"no beat was found in lead {lead.name} of record {lead.path}; take another lead: LEAD=")
        line = bar.add_task("simulated hardware", total=1)
        least = min(RTL_BEATS, len(made.position))
        seen = harness.stretch(bulk.first_beats(harness, values, made, least))
        simulated = bulk.check_first(seen, made, least)
        bulk.canary_logit(seen, made, least)
        bar.update(line, advance=1)
    made = chain.Labelled(made.position[inside], made.label[inside], made.logits[inside])
    # The samples of the network, round the R peak.
    before, length = (images.BEFORE, packed.network.window) if chain.of_images(packed) else (beats.BEFORE, beats.WINDOW)
    shares = lead.shares(made.position - before, length)
    names = [bundles.told(packed, label, logits) for label, logits in zip(made.label, made.logits, strict=True)]
    names, sample = windows.called(names, shares), lead.clock.own(made.position)
    return Found(made, sample, names, output.margins(packed, made.logits), shares, min(simulated, len(names)))


def mark(packed: bundles.Bundle, opened: Opened, found: Found) -> str:
    """The beats as an annotation file in the record's own samples, those without a call as Q; its name, empty for a network whose
    classes have no annotation symbols."""
    if not set(packed.classes) <= set(score.CLASSES):
        return ""
    symbols = np.where(np.array(found.names) == output.NO_CALL, "Q", found.made.symbols(packed.classes))
    # At a low rate two beats may fall on one sample of the record: the first stays.
    apart = np.diff(found.sample, prepend=-1) > 0
    rate = opened.lead.clock.rate
    return str(annotations.write(opened.folder, opened.name, found.sample[apart], symbols[apart], rate=rate))
