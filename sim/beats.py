"""``make beats``: raw recordings through detector and beat network, no annotation used; then scored against the annotations.

The reference chain runs on every record that is asked for, the RTL on some (with ``FULL=1`` on all) and must agree on every beat;
a network of images, which takes hundreds of thousands of cycles a beat, goes through the RTL on the first beats of each. Scores are
those of EC57: a beat counts as found within 150 ms; the first five minutes are a learning period. Leaves WFDB annotation files of
its own annotator in ``build/beats/annotations`` (of another network than bnnbeat5 in ``build/beats/<model>/annotations``).
"""

from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from hw import verilog
from sim import canary, verilator
from sim.bulk import record as bulk
from sim.bulk.record import Harness
from sim.compare import Mismatch
from sw import cli, files, report
from sw.beats import annotations, chain, score
from sw.data import beats, mitbih, protocols, source
from sw.errors import PopbeatError
from sw.export import bundle, bundles
from sw.qrs import evaluate

MODEL = "bnnbeat5"
MODELS = (MODEL, "gasf5")
HOME = files.BUILD / "beats"
# Through the RTL where not all are: pauses and nearly all of the S beats; ventricular beats and fusions.
FEW = ("232", "213")
# Of a network of images that many beats at least go through the RTL: altogether; with ``FULL=1``, of each record.
IN_ALL, OF_EACH = 40, 20
# Without the one record that holds most of DS2's S beats.
SETS = {"DS2": beats.DS2, "DS2 without 232": tuple(r for r in beats.DS2 if r != "232")}


def matrices(found: source.Source, record: str, made: chain.Labelled, classes: tuple[str, ...]) -> dict[str, np.ndarray]:
    """EC57's confusion matrix of a record for each way of counting."""
    label = score.labels(made.symbols(classes))
    sample, symbol, _ = found.annotations(record)
    out = {}
    for name, way in evaluate.WAYS.items():
        truth = score.reference(sample, symbol, way.exempt_flutter)
        out[name] = score.confusion(truth, score.compare(truth, made.position, way.start), label)
    return out


def gross(counted: dict[str, np.ndarray]) -> dict[str, dict]:
    """Figures of all beats of each set whose records are all there."""
    return {
        name: score.figures(sum(counted[record] for record in members))
        for name, members in SETS.items()
        if set(members) <= counted.keys()
    }


def between_patients(packed: bundles.Bundle) -> bool:
    """Whether scores on DS2 are those of patients whom the training of a bundle did not see."""
    return packed.training.get("protocol") == beats.INTER_PATIENT


def caution(model: str, protocol: str | None, scored: bool = True) -> str:
    """What has to be said beside every score of a network on the database's records, or beside the labels of any record, from the
    protocol of its training."""
    if protocol == beats.INTER_PATIENT:
        said = f"{model} was trained on the patients of DS1 of MIT-BIH"
        return f"{said}: scores on records of DS2, and of DS2 alone, are between patients" if scored else said
    if protocol is None:
        return f"NOTHING IS KNOWN OF THE TRAINING OF {model}: it may have had these very beats"
    split = "a random split" if protocol == protocols.COMPARABLE else "a split"
    said = f"{model} was trained under {protocol!r}, {split} of the beats of all records of MIT-BIH"
    if scored:
        return f"NOT BETWEEN PATIENTS: {said}. It has seen these patients, and most of the very beats that are scored here"
    return f"{said}: it has seen the patients of that database, and nothing is known of how well it does on others"


def first_beats(harness: Harness, signal: np.ndarray, made: chain.Labelled, least: int) -> np.ndarray:
    """The samples of a recording ``int16[n]`` after which its first ``least`` beats have left the hardware, at most
    :func:`sw.beats.chain.whole`."""
    samples = chain.whole(harness.bundle, signal)
    after = len(samples) - len(signal)
    return samples[: made.position[least - 1] + after] if least <= len(made.position) else samples


def canary_logit(seen: chain.Labelled, made: chain.Labelled, least: int) -> str:
    """Change one logit that the hardware gave: the comparison must fail; returns what it said."""
    seen.logits[len(seen.logits) // 2, 0] += 1
    try:
        bulk.check_first(seen, made, least)
    except Mismatch as error:
        return str(error)
    raise canary.CanaryMissed("the comparison did not notice a changed logit")


def run_rtl(
    harness: Harness, found: source.Source, made: dict[str, chain.Labelled], names: list[str], least: int | None, bar
) -> dict:
    """Records through the RTL, whole ones, or with ``least`` the beginning of each with so many beats; every beat's place, logits
    and label must be those of the reference. The canary: one logit."""
    line = bar.add_task("RTL = integers, every beat", total=len(names))
    count = samples = 0
    for number, record in enumerate(names):
        signal, mode = found.signal(record, beats.lead(found, record)), "burst" if number else "random"
        wanted = len(made[record].position) if least is None else min(least, len(made[record].position))
        sent = signal if least is None else first_beats(harness, signal, made[record], wanted)
        seen = harness.run(signal, mode) if least is None else harness.stretch(sent, mode)
        count += bulk.check_first(seen, made[record], wanted)
        samples += len(sent)
        bar.update(line, advance=1)
    said = canary_logit(seen, made[names[-1]], wanted)
    return {
        "simulator": f"Verilator {verilator.VERSION}",
        "records": len(names),
        "whole": least is None,
        "samples": samples,
        "beats": count,
        "mismatches": 0,  # the first one would have ended the run
        "canary": said,
        "verilog_sha256": verilog.digest(harness.verilog.read_text()),
        **({"image_sha256": files.sha256(harness.image)} if harness.image else {}),
    }


def rtl_said(rtl: dict) -> str:
    """How much went through the RTL, in words."""
    records = f"{rtl['records']} record" if rtl["records"] == 1 else f"{rtl['records']} records"
    part = records.replace(" ", " whole ") if rtl.get("whole", True) else f"the first beats of {records}"
    return f"{part}, {rtl['samples']:,} samples, {rtl['beats']:,} beats through the RTL, {rtl['mismatches']} differ"


def show(figures: dict) -> None:
    """The tables that a person reads."""
    table = Table(title="raw samples to labelled beats (EC57): sensitivity / positive predictivity in %")
    for column in score.HEADER:
        table.add_column(column, justify="left" if not column else "right")
    for name, row in (figures["records"] | figures["gross"]["ec57"]).items():
        table.add_row(*score.row(name, row))
    cli.console.print(table)
    cli.say(caution(figures["model"], figures["protocol"]))
    cli.say(f"RTL: {rtl_said(figures['rtl'])}; canary caught: {figures['rtl']['canary']}")


def presentable(figures: dict, shipped: bundles.Bundle) -> bool:
    """Whether a run's figures may be stored: all of DS2 of the real recordings, every record through the RTL of the shipped bundle
    (of a network of images its first beats)."""
    wanted = {"data": mitbih.NAME, "full": True, "bundle_sha256": shipped.sha256}
    return {name: figures.get(name) for name in wanted} == wanted


def key(model: str) -> str:
    """Where a network's figures stand in the report."""
    return "end_to_end" if model == MODEL else f"end_to_end_{model}"


app = cli.new_app(__doc__)


@app.command()
def main(
    records: Annotated[str, typer.Option(help="Records with commas between them; default DS2")] = "",
    full: Annotated[bool, typer.Option(help="Every record through the RTL (images: its first beats)")] = False,
    model: Annotated[str, typer.Option(help="Shipped model: " + " or ".join(MODELS))] = MODEL,
    path: Annotated[str, typer.Option("--bundle", help="Folder of a bundle instead of the shipped one")] = "",
) -> None:
    """Detect and classify the beats of whole records, in the reference and in the RTL, and score them."""
    packed = bundles.read(bundle.locate(model, path))
    images = chain.of_images(packed)
    names = tuple(filter(None, records.split(","))) or beats.DS2
    if unknown := [name for name in names if name not in mitbih.RECORDS]:
        raise PopbeatError(f"record {unknown[0]!r} is none of the database; there are {', '.join(mitbih.RECORDS)}")
    found, home = source.find(), HOME if packed.model == MODEL else HOME / packed.model
    if found.kind != mitbih.NAME:
        cli.warn("SYNTHETIC ECG: NO FIGURE BELOW SAYS ANYTHING ABOUT ACCURACY")
    if not between_patients(packed):
        cli.warn(caution(packed.model, packed.training.get("protocol")))
    made, counted = {}, {}
    with cli.progress() as bar:
        line = bar.add_task(f"detector, {'images' if images else 'words'}, network in integers", total=len(names))
        for record in names:
            signal = found.signal(record, beats.lead(found, record))
            made[record] = one = chain.run(packed, signal)
            counted[record] = matrices(found, record, one, packed.classes)
            inside = one.position < len(signal)
            annotations.write(home / "annotations", record, one.position[inside], one.symbols(packed.classes)[inside])
            bar.update(line, advance=1)
        chosen = list(names) if full else [name for name in FEW if name in names] or list(names[:1])
        least = None if not images else OF_EACH if full else IN_ALL // len(chosen)
        figures = {
            "data": found.kind,
            "model": packed.model,
            "protocol": packed.training.get("protocol"),
            "full": full and names == beats.DS2,
            "command": "make beats" + (f" MODEL={packed.model}" if packed.model != MODEL else "") + " FULL=1" * full,
            "bundle_sha256": packed.sha256,
            "records": {record: score.figures(counted[record]["ec57"]) for record in names},
            "gross": {way: gross({r: c[way] for r, c in counted.items()}) for way in evaluate.WAYS},
            "rtl": run_rtl(bulk.harness(packed), found, made, chosen, least, bar),
        }
    files.write_json(home / "beats.json", figures)
    if names == beats.DS2:
        report.put(key(packed.model), figures)
    show(figures)
    cli.say(f"{home / 'beats.json'}\nannotation files of {annotations.ANNOTATOR} in {home / 'annotations'}")


if __name__ == "__main__":
    cli.run(app)
