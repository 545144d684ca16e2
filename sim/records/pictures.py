"""A recording as cardiologists print it: a minute a line, beats in the colours of their classes, RR intervals above."""

from pathlib import Path

import numpy as np
from matplotlib.lines import Line2D

from sim.records.opening import Opened
from sw import pictures
from sw.data import tasks
from sw.pictures import pyplot

MINUTE = 60 * tasks.RATE
MAX_LINES = 40
COLOURS = {"N": "#4d4d4d", "S": "#e08214", "V": "#d6203a", "F": "#7b3294", "Q": "#2166ac", "no call": "#9e9e9e"}


def colour(name: str) -> str:
    """The colour of a beat's class."""
    return COLOURS.get(name, "#4d4d4d")


def minutes(opened: Opened, position: np.ndarray, names: list[str], classes: tuple[str, ...]) -> Path:
    """Draw a lead with its beats at ``position`` (``int[n]`` at 360 Hz) and their classes; of more than :data:`MAX_LINES` minutes
    some, spread over the lead."""
    lead = opened.lead
    count = -(-len(lead.values) // MINUTE)
    shown = np.unique(np.linspace(0, count - 1, min(count, MAX_LINES)).round().astype(int))
    height = 2.6 + 0.8 * len(shown)
    figure = pyplot.figure(figsize=(20, height))
    edges = {"left": 0.05, "right": 0.995, "top": 1 - 0.45 / height, "bottom": 0.1 / height}
    grid = figure.add_gridspec(len(shown) + 2, 1, **edges, height_ratios=[1.8, 0.5, *[1] * len(shown)], hspace=0)
    seconds, kinds = lead.clock.seconds(position), np.array(names)
    _intervals(figure.add_subplot(grid[0]), seconds, kinds)
    low, high = np.quantile(lead.values, (0.001, 0.999))
    room = max(high - low, 1)
    for row, minute in enumerate(shown, 2):
        axis = figure.add_subplot(grid[row])
        _line(axis, lead, int(minute), position, kinds, (low - 0.15 * room, high + 0.45 * room))
        axis.set_ylabel(_clock(lead.clock.seconds(np.array([minute * MINUTE]))[0]), rotation=0, ha="right", va="center", fontsize=8)
    counts = [(name, int((kinds == name).sum())) for name in dict.fromkeys((*classes, *names))]
    handles = [Line2D([], [], marker="o", linestyle="", color=colour(n), label=f"{n}  {c:,}") for n, c in counts if c]
    figure.legend(handles=handles, loc="upper right", ncols=len(handles), fontsize=10, frameon=False)
    part = "" if len(shown) == count else f", {len(shown)} of {count} minutes"
    title = f"record {opened.name}, lead {lead.name}{part}: beats by {opened.about['model']} (not a medical device)"
    figure.text(0.01, 1 - 0.28 / height, title, fontsize=11)
    return pictures.save(figure, opened.folder / "minutes.png", dpi=80, rect=None)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 3600}:{int(seconds) // 60 % 60:02}:{int(seconds) % 60:02} "


def _intervals(axis, seconds: np.ndarray, kinds: np.ndarray) -> None:
    """RR intervals over time, each in the colour of the beat that ends it."""
    intervals = np.diff(seconds)
    for name in dict.fromkeys(kinds[1:].tolist()):
        own = kinds[1:] == name
        axis.plot(seconds[1:][own] / 60, intervals[own], ".", color=colour(name), markersize=3 if name == "N" else 5)
    axis.set_ylim(0, min(3.0, max(1.5, float(np.quantile(intervals, 0.999)) * 1.1)) if len(intervals) else 1.5)
    axis.set_ylabel("RR, s", fontsize=9)
    axis.set_xlabel("minutes", fontsize=8, labelpad=1)
    axis.tick_params(labelsize=8)
    axis.margins(x=0.005)
    axis.grid(alpha=0.3)


def _line(axis, lead, minute: int, position: np.ndarray, kinds: np.ndarray, limits: tuple[float, float]) -> None:
    """One minute: the samples; at each R peak a mark, and the class's letter where it is not N."""
    start = minute * MINUTE
    values = lead.values[start : start + MINUTE]
    axis.plot(np.arange(len(values)) / tasks.RATE, np.clip(values, *limits), linewidth=0.5, color="black")
    inside = (position >= start) & (position < start + MINUTE)
    for name in dict.fromkeys(kinds[inside].tolist()):
        places = position[inside & (kinds == name)]
        heights = np.clip(lead.values[places], *limits)
        axis.plot((places - start) / tasks.RATE, heights, "o", color=colour(name), markersize=2 if name == "N" else 4)
        if name != "N":
            for place, height in zip(places, heights, strict=True):
                text = "?" if name == "no call" else name
                axis.annotate(
                    text,
                    ((place - start) / tasks.RATE, height),
                    (0, 3),
                    textcoords="offset points",
                    ha="center",
                    fontsize=7,
                    color=colour(name),
                )
    axis.set_xlim(0, 60)
    axis.set_ylim(*limits)
    axis.set_xticks(range(0, 61, 5), labels=[])
    axis.set_yticks([])
    axis.grid(axis="x", alpha=0.25)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
