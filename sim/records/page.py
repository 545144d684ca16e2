"""The page of a recording: what was found, over time; the strip, to look into; a table whose rows lead to their place in it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bokeh.layouts import column
from bokeh.models import (
    BoxZoomTool,
    ColumnDataSource,
    CustomJS,
    DataTable,
    HoverTool,
    NumberFormatter,
    PanTool,
    Range1d,
    ResetTool,
    TableColumn,
    TapTool,
    WheelZoomTool,
)
from bokeh.palettes import Category20_20
from bokeh.plotting import figure

from sim import page
from sim.records import pictures
from sim.records.opening import Opened
from sw.data import tasks

# Of a longer recording samples are in the page only where they are worth a look; elsewhere the range of each second is.
MAX_SAMPLES = 45 * 60 * tasks.RATE
CHOSEN = 10 * tasks.RATE
GREY = "#9e9e9e"
TEXTS = {
    "windows": "Each bar is a window in the row of its class. Click on one, or on a row of the table, and the strip goes there.",
    "beats": "Each dot is a beat: the RR interval before it, in the colour of its class. Click on one, or on a row of the table.",
    "peaks": "Each dot is an R peak: the RR interval before it. Click on one, or on a row of the table, and the strip goes there.",
}
# Draws what the strip shows: samples where they are in the page and few enough, else the range of each stretch.
DRAW = """
const [start, end] = [range.start, range.end];
const y = samples.data.y, first = pieces.data.first, at = pieces.data.at, size = pieces.data.size;
const xs = [], ys = [];
const inside = (end - start) * rate;
if (inside < 90000) {
  for (let p = 0; p < at.length; p++) {
    const from = Math.max(0, Math.floor((start - at[p]) * rate) - 1), to = Math.min(size[p], Math.ceil((end - at[p]) * rate) + 1);
    for (let i = from; i < to; i++) { xs.push(at[p] + i / rate); ys.push(y[first[p] + i]); }
    if (to > from) { xs.push(NaN); ys.push(NaN); }
  }
}
view.data = {x: xs, y: ys};
band.visible = inside >= 90000 || xs.length < inside / 2;
const near = {x: [], y: [], text: [], colour: []};
const places = marks.data.x;
let low = 0, high = places.length;
while (low < high) { const middle = (low + high) >> 1; if (places[middle] < start) low = middle + 1; else high = middle; }
for (let i = Math.max(0, low - 1); i < places.length && places[i] <= end && near.x.length < 400; i++) {
  near.x.push(Math.max(places[i], marks.data.window ? start : places[i])); near.y.push(top);
  near.text.push(marks.data.text[i]); near.colour.push(marks.data.colour[i]);
}
told.data = near.x.length < 400 ? near : {x: [], y: [], text: [], colour: []};
"""
JUMP = """
const chosen = source.selected.indices;
if (chosen.length) {
  const x = source.data.seconds[chosen[0]], half = Math.min(width, (range.end - range.start)) / 2;
  range.setv({start: x + after - half, end: x + after + half});
}
"""


@dataclass(frozen=True)
class Shown:
    """What stands over a strip: ``start`` and ``stop`` in seconds (of a beat the same), its class and its colour."""

    start: list[float]
    stop: list[float]
    names: list[str]
    colours: list[str]
    classes: list[str]

    @property
    def of_windows(self) -> bool:
        return any(b > a for a, b in zip(self.start, self.stop, strict=True))


def spans(found: list[tuple[float, float, str]], classes: tuple[str, ...]) -> Shown:
    """Windows as (start, stop, class), each class in its colour."""
    names = [name for _, _, name in found]
    every = list(dict.fromkeys((*[c for c in classes if c in names], *names)))
    every = [name for name in every if name != "no call"]
    colour = {name: Category20_20[2 * i % 20 + (2 * i // 20) % 2] for i, name in enumerate(every)} | {"no call": GREY}
    every += ["no call"] * ("no call" in names)
    return Shown([a for a, _, _ in found], [b for _, b, _ in found], names, [colour[n] for n in names], every)


def marks(seconds: np.ndarray, names: list[str], classes: tuple[str, ...]) -> Shown:
    """Beats at ``seconds`` of the record, each in the colour of its class."""
    places = np.round(seconds, 4).tolist()
    return Shown(places, places, names, [pictures.colour(name) for name in names], list(dict.fromkeys((*classes, *names))))


def write(opened: Opened, what: str, rows: list[dict], counted: list[tuple[str, int, str]], shown: Shown) -> Path:
    """Write ``report.html`` into the folder of the result; ``rows`` are those of the table, ``counted`` the classes' counts."""
    about = opened.about
    source = ColumnDataSource({name: [_cell(row[name]) for row in rows] for name in rows[0]} | {"colour": shown.colours})
    view = Range1d(shown.start[0] - 1, shown.start[0] + (31 if shown.of_windows else 16))
    strip = _strip(opened, view, shown)
    over = _bars(source, shown) if shown.of_windows else _intervals(source, rows, shown)
    listing = _listing(source, rows)
    width, after = (30, 5) if shown.of_windows else (10, 0)
    jump = CustomJS(args={"source": source, "range": view, "width": width, "after": after}, code=JUMP)
    source.selected.js_on_change("indices", jump)
    drawn = page.plots(column(over, strip, sizing_mode="stretch_width"), listing)
    facts = [[name.replace("_", " "), _told(value)] for name, value in about.items() if name not in ("honesty", "done")]
    parts = [
        page.paragraph(about.get("honesty", "R peaks by the QRS detector; popbeat is no medical device"), "caution"),
        *[page.paragraph(line) for line in about["done"]],
        page.table(["class", what, "median margin"], [[name, count, margin] for name, count, margin in counted]),
        page.heading("Over time"),
        page.paragraph(TEXTS[what] + " The wheel zooms the strip, dragging moves it."),
        drawn[0],
        page.heading(f"All {len(rows):,} {what}"),
        drawn[1],
        page.heading("What this was made from"),
        page.table([], facts),
    ]
    return page.write(opened.folder / "report.html", f"{opened.name}, lead {opened.lead.name}: {what} by {about['model']}", parts)


def _cell(value):
    """A value as the table shows it."""
    if value is None:
        return np.nan
    return "; ".join(f"{o['label']} {o['score']:.2f}" for o in value) if isinstance(value, list) else value


def _told(value) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name}: {of}" for name, of in value.items())
    return "; ".join(map(str, value)) if isinstance(value, list) else str(value)


def _strip(opened: Opened, view: Range1d, shown: Shown):
    """The strip: grid of an ECG, samples or their range, classes over it."""
    lead = opened.lead
    seconds = float(lead.clock.seconds(np.array([len(lead.values)]))[0])
    unit = lead.gain or 1.0
    values = (lead.values - np.median(lead.values)) / unit
    low, high = (float(v) for v in np.quantile(values, (0.0005, 0.9995)))
    room = max(high - low, 1e-6)
    plot = figure(
        min_border_left=75,
        height=340,
        x_range=view,
        y_range=Range1d(low - 0.1 * room, high + 0.3 * room),
        tools="",
        sizing_mode="stretch_width",
    )
    plot.add_tools(PanTool(dimensions="width"), WheelZoomTool(dimensions="width"), BoxZoomTool(dimensions="width"), ResetTool())
    plot.toolbar.active_scroll = plot.select_one(WheelZoomTool)
    view.bounds = (shown.start[0] - 30, seconds + 30)
    plot.xaxis.axis_label, plot.yaxis.axis_label = "seconds of the record", "mV" if lead.gain else "units"
    if shown.of_windows:
        every = ColumnDataSource({"left": shown.start, "right": shown.stop, "colour": shown.colours})
        plot.vstrip(x0="left", x1="right", fill_color="colour", fill_alpha=0.1, line_color="colour", line_alpha=0.5, source=every)
    envelope, samples, pieces = _samples(opened, values, shown)
    band = plot.varea(x="x", y1="low", y2="high", fill_color="#888888", fill_alpha=0.6, source=envelope)
    band.visible = False
    # What DRAW would draw at first.
    start = float(lead.clock.seconds(np.array([0]))[0])
    begun = values[: int((view.end - start) * tasks.RATE)].astype(np.float32)
    line = ColumnDataSource({"x": np.arange(len(begun)) / tasks.RATE + start, "y": begun})
    plot.line("x", "y", line_color="black", line_width=1, source=line)
    first = [i for i, place in enumerate(shown.start) if place <= view.end]
    over = {"text": [shown.names[i] for i in first], "colour": [shown.colours[i] for i in first]}
    top = high + 0.12 * room
    told = ColumnDataSource({"x": [shown.start[i] for i in first], "y": [top] * len(first)} | over)
    plot.text("x", "y", "text", text_color="colour", text_font_size="11px", x_offset=3, source=told)
    places = {"x": shown.start, "text": shown.names, "colour": shown.colours}
    args = {
        "range": view,
        "rate": tasks.RATE,
        "samples": samples,
        "pieces": pieces,
        "view": line,
        "band": band,
        "told": told,
        "top": top,
        "marks": ColumnDataSource(places | ({"window": [True] * len(shown.start)} if shown.of_windows else {})),
    }
    draw = CustomJS(args=args, code=DRAW)
    view.js_on_change("start", draw)
    view.js_on_change("end", draw)
    return plot


def _samples(opened: Opened, values: np.ndarray, shown: Shown) -> tuple[ColumnDataSource, ColumnDataSource, ColumnDataSource]:
    """The range of each stretch; samples; and the pieces that the samples are of: where each begins there (``first``), in seconds
    (``at``), and its ``size``."""
    rate, start = tasks.RATE, float(opened.lead.clock.seconds(np.array([0]))[0])
    step = rate if len(values) > MAX_SAMPLES else rate // 8
    whole = values[: len(values) // step * step].reshape(-1, step)
    at = np.arange(len(whole)) * step / rate + start
    envelope = {"x": at, "low": whole.min(axis=1).astype(np.float32), "high": whole.max(axis=1).astype(np.float32)}
    if len(values) <= MAX_SAMPLES:
        pieces = {"first": [0], "at": [start], "size": [len(values)]}
        return ColumnDataSource(envelope), ColumnDataSource({"y": values.astype(np.float32)}), ColumnDataSource(pieces)
    count = MAX_SAMPLES // CHOSEN
    # Those that stand out come first: what is rare, then the rest, spread out.
    names, each = np.array(shown.names), {}
    order = np.concatenate([np.flatnonzero(names == name) for name in sorted(set(shown.names), key=shown.names.count)])
    for place in order[:: 1 if len(order) < 4 * count else len(order) // (4 * count)]:
        block = int((shown.start[place] - start) * rate) // CHOSEN
        each[block] = None
        if len(each) >= count:
            break
    blocks = sorted(block for block in each if (block + 1) * CHOSEN <= len(values))
    held = np.concatenate([values[b * CHOSEN : (b + 1) * CHOSEN] for b in blocks]).astype(np.float32)
    pieces = {"first": [i * CHOSEN for i in range(len(blocks))], "at": [b * CHOSEN / rate + start for b in blocks]}
    return ColumnDataSource(envelope), ColumnDataSource({"y": held}), ColumnDataSource(pieces | {"size": [CHOSEN] * len(blocks)})


def _bars(source: ColumnDataSource, shown: Shown):
    """Windows over time, a row a class; and the share of each that is missing, flat or clipped."""
    source.add(shown.stop, "until")
    source.add(shown.names, "shown")
    height = 110 + 22 * len(shown.classes)
    plot = figure(
        min_border_left=75, height=height, y_range=shown.classes[::-1], tools="pan,xwheel_zoom,reset", sizing_mode="stretch_width"
    )
    bars = plot.hbar(y="shown", left="seconds", right="until", height=0.8, fill_color="colour", line_color=None, source=source)
    tips = [
        ("at", "@seconds s"),
        ("class", "@shown"),
        ("margin", "@margin"),
        ("missing", "@missing"),
        ("flat", "@flat"),
        ("clipped", "@clipped"),
    ]
    plot.add_tools(HoverTool(renderers=[bars], tooltips=tips), TapTool(renderers=[bars]))
    share = figure(
        min_border_left=75, height=90, x_range=plot.x_range, y_range=Range1d(0, 1), tools="", sizing_mode="stretch_width"
    )
    share.step("seconds", "faulty", mode="after", line_color="#b00020", source=source)
    share.yaxis.ticker = [0, 1]
    share.yaxis.axis_label, share.xaxis.axis_label = "faulty share", "seconds of the record"
    return column(plot, share, sizing_mode="stretch_width")


def _intervals(source: ColumnDataSource, rows: list[dict], shown: Shown):
    """RR intervals over time, each dot in the colour of its beat's class."""
    source.add(shown.names, "shown")
    plot = figure(
        min_border_left=75, height=240, tools="pan,xwheel_zoom,box_zoom,reset", sizing_mode="stretch_width", output_backend="webgl"
    )
    dots = plot.scatter("seconds", "rr", size=5, fill_color="colour", line_color=None, source=source)
    top = np.quantile([row["rr"] for row in rows if row["rr"]] or [1.0], 0.995)
    plot.y_range = Range1d(0, float(min(3, 1.4 * top)))
    plot.add_tools(HoverTool(renderers=[dots], tooltips=[("at", "@seconds s"), ("class", "@shown"), ("RR", "@rr s")]))
    plot.add_tools(TapTool(renderers=[dots]))
    plot.xaxis.axis_label, plot.yaxis.axis_label = "seconds of the record", "RR, s"
    return plot


def _listing(source: ColumnDataSource, rows: list[dict]) -> DataTable:
    """Every row; sorted by a click on a column's head; a click on a row moves the strip."""
    columns = [
        TableColumn(
            field=name,
            title=name,
            **({"formatter": NumberFormatter(format="0.0[00]")} if isinstance(rows[-1][name], float) else {}),
        )
        for name in rows[0]
    ]
    return DataTable(source=source, columns=columns, height=420, index_position=None, sizing_mode="stretch_width")
