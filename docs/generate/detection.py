"""The tables of ``docs/detection.md``, from the stored figures of ``make detect FULL=1``."""

from hw.qrs.detector import INTERVAL, LATENCY
from sw import document
from sw.beats.annotations import ANNOTATOR
from sw.data import mitbih
from sw.qrs import evaluate
from sw.qrs.detector import PARAMS
from sw.qrs.params import QrsParams

ABSENT = "Not measured yet: `make detect FULL=1`, then `make report`."
WAYS = {
    "ec57": "EC57: without the first five minutes",
    "whole": "whole records",
    "flutter": "whole records, flutter waves of 207 are beats",
}
SETS = {"all": "48 records", "unpaced": "44, without paced", "DS1": "DS1 (chosen on)", "DS2": "DS2 (unseen)"}


def share(value: float) -> str:
    """A share in percent, two digits: detectors differ behind the point."""
    return f"{100 * value:.2f}"


def presentable(figures: dict) -> bool:
    """Whether a run's figures may be stored: all recordings, all of them through the RTL."""
    return figures.get("data") == mitbih.NAME and bool(figures.get("full"))


def gross(figures: dict, ways: tuple[str, ...] = tuple(WAYS), average: bool = True) -> str:
    """Sensitivity and positive predictivity of every detector, by way of counting and set of records."""
    names = list(figures["gross"])
    rows = []
    for way in ways:
        for group, own in figures["gross"][ANNOTATOR][way].items():
            cells = []
            for name in names:
                one = figures["gross"][name][way][group]
                cell = f"{share(one['sensitivity'])} / {share(one['positive_predictivity'])}"
                if average:
                    cell += f" ({share(one['average_sensitivity'])} / {share(one['average_positive_predictivity'])})"
                cells.append(cell)
            rows.append([WAYS[way], SETS[group], own["beats"], own["missed"], own["extra"], *cells])
    others = [f"wfdb's {name}" for name in names if name != ANNOTATOR]
    header = ["counted", "records", "beats", "missed", "extra", f"**`{ANNOTATOR}`**", *others]
    return document.table(header, rows)


def records(figures: dict) -> str:
    """Every record by EC57."""
    names = list(figures["gross"])
    header = ["record", "lead", "beats", "missed", "extra", "Se", "+P"]
    header += [f"{name}: missed, extra" for name in names if name != ANNOTATOR]
    rows = []
    for record, row in figures["records"].items():
        own = row[ANNOTATOR]["ec57"]
        mark = " (paced)" if record in evaluate.PACED else ""
        shares = [share(own["sensitivity"]), share(own["positive_predictivity"])]
        others = [f"{row[n]['ec57']['missed']:,}, {row[n]['ec57']['extra']:,}" for n in names if n != ANNOTATOR]
        rows.append([record + mark, row["lead"], own["beats"], own["missed"], own["extra"], *shares, *others])
    return document.table(header, rows)


def hardware(figures: dict) -> str:
    """What it takes and how it was compared."""
    rtl, area, delay, position = (figures[name] for name in ("rtl", "area", "delay", "position"))
    ms = 1000 / mitbih.RATE
    rows = [
        ["records, samples through the RTL", f"{rtl['records']}, {rtl['samples']:,}"],
        ["values compared", f"{rtl['values']:,}: {', '.join(rtl['stages'])}"],
        ["values that differ", str(rtl["mismatches"])],
        ["cycles a sample", str(rtl["interval_cycles"])],
        ["R peak to its report", f"{delay['usual']} samples ({delay['usual'] * ms:.0f} ms)"],
        [
            "... by search-back, at most seen",
            f"{delay['largest']} samples ({delay['largest'] * ms:.0f} ms); {delay['search_back']:,} of {delay['beats']:,} beats",
        ],
        [
            "detected less annotated position",
            f"median {position['median']:g}, standard deviation {position['standard_deviation']} samples; "
            f"{100 * position['within_5']:.1f} % within 5, {100 * position['within_10']:.1f} % within 10",
        ],
        [
            f"alone on {area['device']}, as nextpnr packs it",
            f"{area['lut4']:,} LUT4, {area['ff']:,} FF, {area['bram']} block RAM, {area['dsp']} multipliers",
        ],
        ["`bxb`", figures["bxb"]],
    ]
    return document.table(["", ""], rows)


def measured(figures: dict) -> str:
    """Which command and what Verilog."""
    return (
        f"Measured by `{figures['command']}`, {figures['rtl']['simulator']}, {', '.join(figures['area']['tools'])}, "
        f"Verilog SHA-256 {figures['rtl']['verilog_sha256'][:16]}."
    )


def delays(params: QrsParams = PARAMS) -> str:
    """Delays of the parameters as they are."""

    def samples(count: int) -> str:
        return f"{count} samples ({1000 * count / mitbih.RATE:.0f} ms)"

    rows = [
        ["R peak to the envelope's top", samples(params.delay)],
        ["nothing may exceed a top for; beats are at least so far apart", samples(params.hold)],
        ["R peak to its report", samples(params.usual_delay)],
        ["... by a search-back, at most", samples(params.max_delay)],
        ["learning", samples(params.learning)],
        ["cycles from sample to sample", str(INTERVAL)],
        ["cycles from the sample that makes a beat known to its offer", str(LATENCY)],
    ]
    return document.table(["", ""], rows)


def _shown(draw):
    """A section that is drawn from the detector's figures, where there are any."""
    return lambda stored: draw(stored["detection"]) if "detection" in stored else ABSENT


_DRAWN = {"gross": gross, "records": records, "hardware": hardware, "measured": measured}
SECTIONS = {name: _shown(draw) for name, draw in _DRAWN.items()}
SECTIONS["delays"] = lambda stored: delays()
