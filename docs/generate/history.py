"""The history of figures: ``docs/history.json``, an entry a day and version on which figures were stored, and ``docs/history.md``
and ``.png``, where a regression is seen as a line."""

import json
import subprocess
import tomllib
from pathlib import Path

from docs.generate.common import best, shipped_under
from sw import cli, document, files, pictures
from sw.pictures import pyplot

STORED = files.ROOT / "docs" / "history.json"
PICTURE = files.ROOT / "docs" / "history.png"
REPORT = "docs/report.json"
# What is drawn of each model: name in the entries, and what the axis says.
DRAWN = {
    "accuracy": "accuracy or micro-F1, %",
    "interval_cycles": "interval, cycles",
    "lut4": "LUT4",
    "fmax_mhz": "clock, MHz",
}


def version() -> str:
    """The project's version."""
    return tomllib.loads((files.ROOT / "pyproject.toml").read_text())["project"]["version"]


def figures(model: dict, protocol: str) -> dict:
    """What an entry keeps of a model's figures: accuracy under the protocol of the shipped network, cycles, and the area and worst
    clock of the placement that README shows."""
    accuracy = model.get("accuracy", {}).get(protocol, {})
    kept = {"protocol": protocol, "accuracy": accuracy.get("accuracy", accuracy.get("micro_f1"))}
    if "rtl" in model:
        kept["interval_cycles"] = model["rtl"]["interval_cycles"]
    if placed := best(model):
        where = f"{placed['device']}/{placed['config']}"
        kept |= {"placed": where, "lut4": placed["lut4"], "fmax_mhz": round(placed["fmax_mhz"], 1), "seeds": placed["seeds"]}
    return {name: value for name, value in kept.items() if value is not None}


def entry(stored: dict, label: str) -> dict:
    """The entry of a stored report."""
    models = {name: figures(model, _protocol(name, model)) for name, model in stored["models"].items()}
    return {"version": label, "date": stored["written"], "models": models}


def _protocol(name: str, model: dict) -> str:
    """The shipped network's, or where figures of long ago have not got it, their first."""
    shipped, known = shipped_under(name), list(model.get("accuracy", {}))
    return shipped if shipped in known or not known else known[0]


def append(entries: list[dict], new: dict) -> list[dict]:
    """The entries with a new one, which replaces that of the same day and version; the oldest first."""
    kept = [e for e in entries if (e["date"], e["version"]) != (new["date"], new["version"])]
    return sorted([*kept, new], key=lambda e: (e["date"], e["version"]))


def load(path: Path = STORED) -> list[dict]:
    """The stored entries."""
    return files.read_json(path, "history of figures")["entries"] if path.is_file() else []


def past() -> list[dict]:
    """Entries of every report that the repository's past holds, the last of each day, each with the version of its commit."""
    git = ["git", "-C", str(files.ROOT)]
    commits = subprocess.run([*git, "log", "--reverse", "--format=%h", "--", REPORT], capture_output=True, text=True, check=True)
    entries: list[dict] = []
    for commit in commits.stdout.split():
        text, project = (
            subprocess.run([*git, "show", f"{commit}:{path}"], capture_output=True, text=True).stdout
            for path in (REPORT, "pyproject.toml")
        )
        if text:
            entries = append(entries, entry(json.loads(text), tomllib.loads(project)["project"]["version"]))
    return entries


def table(entries: list[dict]) -> str:
    """A row for each model and entry in which anything of it changed."""
    rows = []
    for name in sorted({name for e in entries for name in e["models"]}):
        before = None
        for e in entries:
            found = e["models"].get(name)
            if not found or found == before:
                continue
            before = found
            cells = [f"{100 * found['accuracy']:.1f}, *{found['protocol']}*" if "accuracy" in found else ""]
            cells += [f"{found[key]:,}" if key in found else "" for key in ("interval_cycles", "lut4")]
            clock = f"{found['fmax_mhz']} ({found['seeds']} seed{'s' * (found['seeds'] > 1)})" if "fmax_mhz" in found else ""
            rows.append([f"`{name}`", e["date"], e["version"], *cells, clock, found.get("placed", "")])
    header = ["model", "date", "version", "accuracy or micro-F1, %, protocol", "interval, cycles", "LUT4", "MHz", "placed"]
    return document.table(header, rows)


def draw(entries: list[dict], path: Path = PICTURE) -> Path:
    """A line for each model in each of the figures."""
    figure, axes = pyplot.subplots(2, 2, figsize=(11, 6.5))
    names = sorted({name for e in entries for name in e["models"]})
    for axis, (key, told) in zip(axes.flat, DRAWN.items(), strict=True):
        for number, name in enumerate(names):
            points = [(e["date"], e["models"][name][key]) for e in entries if key in e["models"].get(name, {})]
            if points:
                scale = 100 if key == "accuracy" else 1
                days, values = [d for d, _ in points], [scale * v for _, v in points]
                # A model's own colour: one without points here must not pass its colour on to the next.
                axis.plot(days, values, marker="o", markersize=3, label=name, color=f"C{number}")
        axis.set_title(told, fontsize=10)
        axis.tick_params(axis="x", rotation=30, labelsize=8)
        axis.grid(alpha=0.3)
        if key == "interval_cycles":
            axis.set_yscale("log")
    figure.legend(*axes.flat[0].get_legend_handles_labels(), loc="lower center", ncols=len(names), fontsize=9)
    return pictures.save(figure, path, rect=(0, 0.05, 1, 1))


def write(stored: dict) -> list[dict]:
    """Put today's figures into the history, and draw it."""
    entries = append(load(), entry(stored, version()))
    files.write_json(STORED, {"entries": entries})
    draw(entries)
    return entries


app = cli.new_app(__doc__)


@app.command()
def main() -> None:
    """Write the history anew from the reports that the repository's past holds."""
    entries = past()
    files.write_json(STORED, {"entries": entries})
    cli.say(f"{STORED}: {len(entries)} entries")


if __name__ == "__main__":
    cli.run(app)
