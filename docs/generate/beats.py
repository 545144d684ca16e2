"""Tables of beats: found in raw recordings and named, no annotation used."""

from docs.generate.detection import WAYS
from sim import beats as recordings
from sw import document
from sw.beats import score
from sw.data import beats


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
    rtl, protocol = figures["rtl"], figures.get("protocol", beats.INTER_PATIENT)
    simulated = f"{rtl['simulator']}, Verilog SHA-256 {rtl['verilog_sha256'][:16]}"
    said = "" if protocol == beats.INTER_PATIENT else f"**{recordings.caution(model, protocol)}.**\n\n"
    return said + document.table(header, rows) + f"\n\nMeasured by `{figures['command']}`: {recordings.rtl_said(rtl)}; {simulated}."
