"""What ``make sim`` says at its end: a table in the terminal, and a page with all of it."""

from pathlib import Path

import numpy as np
from bokeh.models import ColumnDataSource, FactorRange, HoverTool
from bokeh.plotting import figure
from rich.table import Table

from sim import page as pages
from sim.subject import Subject
from sw import cli, files, honesty, metrics, report
from sw.data import mitbih
from sw.export import bundles

CLOCK_MHZ = 100
MOVES = 1500  # of one part that a timeline shows at most
SAID = (
    "Cycles are measured, and equal to the predicted ones. interval: window to window, back to back. latency: first\n"
    "normalised sample to class, one window alone. live: last raw sample to class. Accuracy: on windows\n"
    "or beats that the bundle's training never saw; of patients that it never saw where its protocol is inter-patient."
)


def rows(subjects: list[Subject]) -> list[tuple[str, list[str]]]:
    """The table's rows: what stands there, and a value for each subject."""
    out = []

    def row(name: str, value) -> None:
        out.append((name, [value(subject) for subject in subjects]))

    row("task", lambda s: s.task.name)
    row("configuration", lambda s: s.engine.config)
    row("windows compared", lambda s: f"{s.rtl['windows']} of {len(s.windows)}")
    row("layers compared in each", lambda s: str(s.rtl["layers_compared"]))
    if any("layers_not_written" in s.rtl for s in subjects):
        # Their names, dozens in large graphs, are in the report.
        row("  layers that the program never writes", lambda s: str(len(s.rtl.get("layers_not_written", []))))
    row("mismatches", lambda s: str(s.rtl["mismatches"]))
    row("unseen windows among them", lambda s: str(s.rtl["unseen"]["windows"]) if s.test is not None else "0")
    row("accuracy on these (95 %)", _accuracy)
    row("  record's most common class", lambda s: _baseline(s, "record_majority"))
    row("  most common class", lambda s: _baseline(s, "class_majority"))
    row("interval, cycles a window", lambda s: f"{s.rtl['interval_cycles']:,}")
    if any(s.engine.image for s in subjects):
        row("  lanes busy (utilisation)", lambda s: f"{100 * s.rtl['utilisation']:.1f} %" if s.engine.image else "")
    if any(s.rtl["steady_windows"] for s in subjects):
        row("windows with a sample every cycle, none lost", lambda s: str(s.rtl["steady_windows"] or ""))
    row("latency, cycles", lambda s: f"{s.rtl['latency_cycles']:,}")
    row("live latency, cycles", lambda s: f"{s.rtl['live_latency_cycles']:,}")
    row(f"latency at {CLOCK_MHZ} MHz", lambda s: f"{s.rtl['latency_cycles'] / CLOCK_MHZ:.1f} us")
    row("seed of gaps and pauses", lambda s: str(s.rtl["seed"]))
    row("stored bytes", lambda s: f"{bundles.stored_bytes(s.bundle):,}")
    return out


def _accuracy(subject: Subject) -> str:
    if subject.source.kind != mitbih.NAME:
        return "SYNTHETIC: MEANINGLESS"
    if subject.task.sets:
        return "micro-F1 {micro_f1:.3f}, macro-F1 {macro_f1:.3f}".format(**subject.rtl["unseen"])
    return metrics.with_interval(subject.rtl["unseen"]) if subject.test is not None else "no fold in the bundle"


def _baseline(subject: Subject, name: str) -> str:
    known = subject.test is not None and subject.source.kind == mitbih.NAME and name in subject.rtl["unseen"]
    return metrics.percent(subject.rtl["unseen"][name]) if known else ""


def show(subjects: list[Subject]) -> None:
    """The table that a person reads: a column for each model."""
    table = Table(title="RTL against the integer model")
    table.add_column("")
    for subject in subjects:
        table.add_column(subject.model, justify="right")
    for name, values in rows(subjects):
        table.add_row(name, *values)
    cli.console.print(table)
    cli.say(SAID)
    for subject in subjects:
        cli.say(honesty.reached(subject.model, subject.bundle.sha256))
    cli.say(f"report:  {report.REPORT}")
    for subject in subjects:
        cli.say(f"picture: {files.BUILD / subject.model / 'strips.png'}")


def page(subjects: list[Subject]) -> Path:
    """All of it as ``build/sim.html``: the table; of each model a timeline of one window, strips, confusion, benches, canaries."""
    parts = [
        pages.paragraph("Trained networks as Verilog, simulated on recordings: every integer of every layer equals the model's."),
        *(
            []
            if all(s.source.kind == mitbih.NAME for s in subjects)
            else [pages.paragraph("SYNTHETIC ECG: EVERY ACCURACY IS MEANINGLESS", "loud")]
        ),
        *[pages.paragraph(honesty.reached(s.model, s.bundle.sha256), "caution") for s in subjects],
        pages.table(["", *[s.model for s in subjects]], [[name.strip(), *values] for name, values in rows(subjects)]),
        pages.paragraph(SAID.replace("\n", " ")),
    ]
    for subject, drawn in zip(subjects, pages.plots(*[timeline(s) for s in subjects]), strict=True):
        parts += _one(subject, drawn)
    return pages.write(files.BUILD / "sim.html", "popbeat: hardware against model", parts)


def _one(subject: Subject, drawn: str) -> list[str]:
    rtl = subject.rtl
    parts = [
        pages.heading(f"{subject.model}: one window, cycle by cycle"),
        pages.paragraph(
            "A mark is a cycle in which that part handed something on, in the simulated hardware; the bar reaches from its first "
            "to its last one. Cycle 0 takes the window's first sample. The wheel zooms."
        ),
        drawn,
        pages.heading(f"{subject.model}: one window of each class, and what the hardware says"),
        pages.picture(files.BUILD / subject.model / "strips.png", f"{subject.model}: a strip of each class"),
    ]
    if subject.confusion is not None and subject.source.kind == mitbih.NAME:
        names = list(subject.task.classes)
        listed = [[name, *map(int, line)] for name, line in zip(names, subject.confusion, strict=True)]
        parts += [
            pages.heading(f"{subject.model}: classes (rows) and what the hardware says (columns), unseen windows"),
            pages.table(["", *names, "no call"][: len(listed[0])], listed),
        ]
    canaries = [[i, text] for i, text in enumerate(rtl["canaries"], 1)]
    return [
        *parts,
        pages.heading(f"{subject.model}: what would have ended this run"),
        pages.paragraph(f"{rtl['benches']} benches of the top under cocotb passed, and each fault planted on purpose was noticed:"),
        pages.table(["", "what the comparison said"], canaries),
    ]


def timeline(subject: Subject):
    """Which part of the hardware moves in which cycle of one window."""
    active = {name: cycles for name, cycles in subject.activity.items() if len(cycles)}
    names = list(active)
    plot = figure(
        height=90 + 24 * len(names) if len(names) < 20 else 90 + 12 * len(names),
        y_range=FactorRange(*names[::-1]),
        tools="xpan,xwheel_zoom,reset",
        active_scroll="xwheel_zoom",
        sizing_mode="stretch_width",
        output_backend="webgl",
    )
    bars = {
        "name": names,
        "first": [int(c[0]) for c in active.values()],
        "last": [int(c[-1]) + 1 for c in active.values()],
        "moves": [len(c) for c in active.values()],
    }
    shown = plot.hbar(y="name", left="first", right="last", height=0.75, alpha=0.25, source=ColumnDataSource(bars))
    places = [(int(c), name) for name, cycles in active.items() for c in _some(cycles)]
    marks = ColumnDataSource({"x": [p for p, _ in places], "name": [name for _, name in places]})
    plot.scatter("x", "name", marker="dash", angle=np.pi / 2, size=9 if len(names) < 20 else 6, source=marks)
    tips = [("part", "@name"), ("cycles", "@first{0,0} to @last{0,0}"), ("moves", "@moves{0,0}")]
    plot.add_tools(HoverTool(renderers=[shown], tooltips=tips))
    plot.xaxis.axis_label = "cycles"
    plot.xaxis.formatter.use_scientific = False
    return plot


def _some(cycles: np.ndarray) -> np.ndarray:
    """Of many cycles some, spread evenly."""
    return cycles if len(cycles) <= MOVES else cycles[np.linspace(0, len(cycles) - 1, MOVES).astype(int)]
