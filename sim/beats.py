"""``make beats``: raw recordings through detector and beat network, no annotation used; then scored against the annotations.

The reference chain runs on every record that is asked for, the RTL on some (with ``FULL=1`` on all) and must agree on every beat.
Scores are those of EC57: a beat counts as found within 150 ms; the first five minutes are a learning period. Leaves WFDB annotation
files of its own annotator in ``build/beats/annotations``.
"""

from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from hw import beat_top
from sim import canary, detection_tables, verilator
from sim.bulk.record import RecordHarness, check
from sim.compare import Mismatch
from sw import cli, document, files, report
from sw.beats import annotations, chain, score
from sw.data import beats, mitbih, source
from sw.errors import PopbeatError
from sw.export import bundle
from sw.qrs import evaluate

MODEL = "bnnbeat5"
HOME = files.BUILD / "beats"
# Through the RTL where not all are: pauses and nearly all of the S beats; ventricular beats and fusions.
FEW = ("232", "213")
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


def run_rtl(harness: RecordHarness, found: source.Source, made: dict[str, chain.Labelled], names: list[str], bar) -> dict:
    """Whole records through the RTL; every beat's place, logits and label must be those of the reference. The canary: one logit."""
    line = bar.add_task("RTL = integers, every beat", total=len(names))
    count = samples = 0
    for number, record in enumerate(names):
        signal = found.signal(record, beats.lead(found, record))
        seen = harness.run(signal, "burst" if number else "random")
        count += check(seen, made[record])
        samples += len(signal)
        bar.update(line, advance=1)
    seen.logits[len(seen.logits) // 2, 0] += 1
    try:
        check(seen, made[names[-1]])
    except Mismatch as error:
        said = str(error)
    else:
        raise canary.CanaryMissed("the comparison did not notice a changed logit")
    return {
        "simulator": f"Verilator {verilator.VERSION}",
        "records": len(names),
        "samples": samples,
        "beats": count,
        "mismatches": 0,  # the first one would have ended the run
        "canary": said,
        "verilog_sha256": files.sha256_file(harness.verilog),
    }


def show(figures: dict) -> None:
    """The tables that a person reads."""
    table = Table(title="raw samples to labelled beats (EC57): sensitivity / positive predictivity in %")
    for column in score.HEADER:
        table.add_column(column, justify="left" if not column else "right")
    for name, row in (figures["records"] | figures["gross"]["ec57"]).items():
        table.add_row(*score.row(name, row))
    cli.console.print(table)
    rtl = figures["rtl"]
    cli.say(f"RTL: {rtl['records']} whole records, {rtl['samples']:,} samples, {rtl['beats']:,} beats, {rtl['mismatches']} differ")


def presentable(figures: dict, shipped: bundle.Bundle) -> bool:
    """Whether a run's figures may be stored: DS2 of the real recordings, all of it through the RTL of the shipped bundle."""
    wanted = {"data": mitbih.NAME, "full": True, "bundle_sha256": shipped.sha256}
    return {name: figures.get(name) for name in wanted} == wanted


def readme(stored: dict) -> str:
    """README's table: detected and classified, of all of DS2 by way of counting."""
    if "end_to_end" not in stored:
        return "Not measured yet: `make beats FULL=1`, then `make report`."
    figures = stored["end_to_end"]
    rows = []
    for way in ("ec57", "whole"):  # there is no flutter in DS2
        for name, row in figures["gross"][way].items():
            *cells, right = score.row(name, row)
            cells += [score.percent(row[k]["false_positive_rate"]) for k in "SV"]
            rows.append([detection_tables.WAYS[way], *cells, right])
    header = ["counted", "records", "beats", "R peaks: Se / +P", "S: Se / +P", "V: Se / +P", "S: FPR", "V: FPR", "right class"]
    rtl = figures["rtl"]
    return document.table(header, rows) + (
        f"\n\nMeasured by `{figures['command']}`: {rtl['records']} whole records, {rtl['samples']:,} samples, {rtl['beats']:,} "
        f"beats through the RTL, {rtl['mismatches']} differ; {rtl['simulator']}, Verilog SHA-256 {rtl['verilog_sha256'][:16]}."
    )


app = cli.new_app(__doc__)


@app.command()
def main(
    records: Annotated[str, typer.Option(help="Records with commas between them; default DS2")] = "",
    full: Annotated[bool, typer.Option(help="Every record through the RTL")] = False,
    path: Annotated[str, typer.Option("--bundle", help="Folder of a bundle instead of the shipped one")] = "",
) -> None:
    """Detect and classify the beats of whole records, in the reference and in the RTL, and score them."""
    found, packed = source.find(), bundle.read(bundle.locate(MODEL, path))
    names = tuple(filter(None, records.split(","))) or beats.DS2
    if unknown := [name for name in names if name not in mitbih.RECORDS]:
        raise PopbeatError(f"record {unknown[0]!r} is none of the database; there are {', '.join(mitbih.RECORDS)}")
    if found.kind != mitbih.NAME:
        cli.warn("SYNTHETIC ECG: NO FIGURE BELOW SAYS ANYTHING ABOUT ACCURACY")
    made, counted = {}, {}
    with cli.progress() as bar:
        line = bar.add_task("detector, words, network in integers", total=len(names))
        for record in names:
            signal = found.signal(record, beats.lead(found, record))
            made[record] = one = chain.run(packed, signal)
            counted[record] = matrices(found, record, one, packed.classes)
            inside = one.position < len(signal)
            annotations.write(HOME / "annotations", record, one.position[inside], one.symbols(packed.classes)[inside])
            bar.update(line, advance=1)
        harness = RecordHarness(beat_top.parameters(packed))
        chosen = list(names) if full else [name for name in FEW if name in names] or list(names[:1])
        figures = {
            "data": found.kind,
            "full": full and names == beats.DS2,
            "command": "make beats FULL=1" if full else "make beats",
            "bundle_sha256": packed.sha256,
            "records": {record: score.figures(counted[record]["ec57"]) for record in names},
            "gross": {way: gross({r: c[way] for r, c in counted.items()}) for way in evaluate.WAYS},
            "rtl": run_rtl(harness, found, made, chosen, bar),
        }
    files.write_json(HOME / "beats.json", figures)
    if names == beats.DS2:
        report.put("end_to_end", figures)
    show(figures)
    cli.say(f"{HOME / 'beats.json'}\nannotation files of {annotations.ANNOTATOR} in {HOME / 'annotations'}")


if __name__ == "__main__":
    cli.run(app)
