"""Tables of ``docs/beats.md``: beats between patients, by record, and from raw recordings, no annotation used."""

from docs.generate.common import pair
from docs.generate.detection import WAYS
from sim import beats as recordings
from sw import document, honesty, published
from sw.beats import score
from sw.data import beats as task
from sw.metrics import percent
from sw.training import beat_levers, beat_seeds


def _with_range(rates: dict, name: str) -> str:
    low, high = rates["intervals"][name]
    return f"{percent(rates[name])} ({100 * low:.0f} to {100 * high:.0f})"


def _pair(rates: dict, name: str) -> str:
    return " / ".join(_with_range(rates, f"{name}_{what}") for what in ("sensitivity", "positive_predictivity"))


def _plain(rates: dict) -> list[str]:
    """Of S, then of V: sensitivity / positive predictivity, and false-positive rate, without intervals."""
    return [cell for k in "SV" for cell in (pair(rates, k), percent(rates[f"{k}_false_positive_rate"]))]


def _beats_between(stored: dict) -> list[tuple[str, dict]]:
    """Networks of beats with their figures between patients; those that tell sets of labels have pages of their own."""
    found = [(name, model["accuracy"].get("inter-patient", {})) for name, model in stored["models"].items()]
    return [(name, figures) for name, figures in found if "rates" in figures]


def between_patients(stored: dict) -> str:
    """Beats between patients: this network, with and without record 232, and what is published."""
    rows = []
    for name, found in _beats_between(stored):
        parts = [(f"`{name}`, {found['windows']:,} beats", found["rates"], f"{found['macro_f1']:.3f}")]
        parts += [(f"... without record {record}", rates, "") for record, rates in found["without"].items()]
        rows += [
            [
                text,
                _with_range(rates, "accuracy"),
                *[cell for k in "SV" for cell in (_pair(rates, k), percent(rates[f"{k}_false_positive_rate"]))],
                macro,
            ]
            for text, rates, macro in parts
        ]
        twin = found["float"]
        rows.append(["... of the float twin", percent(twin["accuracy"]), *_plain(twin), ""])
        rows.append(["... of guessing N", percent(found["class_majority"]), "", "", "", "", ""])
        if "validation" in found:
            held = found["validation"]
            rows.append(["... on patients of DS1 held out in turn", percent(held["accuracy"]), *_plain(held), ""])
    rows += [list(row) for row in published.BEATS]
    header = ["DS1 to DS2", "accuracy", "S: Se / +P", "S: FPR", "V: Se / +P", "V: FPR", "macro-F1"]
    return document.table(header, rows)


def seeds(stored: dict) -> str:
    """The recipe with several seeds: mean and spread, on patients held out and on DS2."""
    found = beat_levers.stored().get("seeds")
    if not found:
        return "Not measured yet: `make train MODEL=bnnbeat5 SEEDS=1,2,3,4,5,6,7,8,9,10`."

    def cell(values: tuple[float, float, float]) -> str:
        mean, low, high = (100 * value for value in values)
        return f"{mean:.1f} ({low:.1f} to {high:.1f})"

    rows = []
    for name, part in ((f"{len(found['seeds'])} seeds, patients of DS1 held out", "held_out"), ("the same on DS2", "DS2")):
        rows.append([name, *[cell(values) for values in beat_seeds.spread(found, part).values()]])
    chosen = found["chosen"]
    for part in ("held_out", "DS2"):
        rates = found[part][str(chosen)]
        where = "held out" if part == "held_out" else "on DS2"
        rows.append(
            [f"seed {chosen}, the best on patients held out: {where}", *[f"{100 * rates[n]:.1f}" for n in beat_seeds.RATES]]
        )
    header = ["in %, mean (least to most)", "accuracy", "S: Se", "S: +P", "V: Se", "V: +P"]
    return (
        document.table(header, rows) + f"\n\nMeasured by `{found['command']}`. "
        "The seed was chosen on patients of DS1 held out, before any of these networks was tested on DS2; earlier recipes had been "
        "tested on it ([what is weak](#what-is-weak))."
    )


def records(stored: dict) -> str:
    """The same by record."""
    parts = []
    for name, found in _beats_between(stored):
        rows = []
        for record, r in found["by_record"].items():
            pairs = [pair(r, k) if r[k] else "" for k in "SV"]
            rows.append([record, r["beats"], percent(r["accuracy"]), *[r[k] for k in "NSVF"], *pairs])
        parts.append(f"`{name}`\n\n" + document.table(["record", "beats", "accuracy", *"NSVF", "S: Se / +P", "V: Se / +P"], rows))
    return "\n\n".join(parts)


def end_to_end(stored: dict, model: str = recordings.MODEL) -> str:
    """A network's table: detected and classified, of all of DS2 by way of counting."""
    if recordings.key(model) not in stored:
        command = "make beats FULL=1" if model == recordings.MODEL else f"make beats MODEL={model} FULL=1"
        return f"Not measured yet: `{command}`, then `make report`."
    figures = stored[recordings.key(model)]
    rows = []
    for way in ("ec57", "whole"):  # there is no flutter in DS2
        for name, row in figures["gross"][way].items():
            *cells, right = score.row(name, row)
            cells += [score.percent(row[k]["false_positive_rate"]) for k in "SV"]
            rows.append([WAYS[way], *cells, right])
    header = ["counted", "records", "beats", "R peaks: Se / +P", "S: Se / +P", "V: Se / +P", "S: FPR", "V: FPR", "right class"]
    rtl, protocol = figures["rtl"], figures.get("protocol", task.INTER_PATIENT)
    simulated = f"{rtl['simulator']}, Verilog SHA-256 {rtl['verilog_sha256'][:16]}"
    said = "" if protocol == task.INTER_PATIENT else f"**{honesty.caution(model, protocol)}.**\n\n"
    return said + document.table(header, rows) + f"\n\nMeasured by `{figures['command']}`: {recordings.rtl_said(rtl)}; {simulated}."
