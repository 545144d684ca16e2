"""Fewer bits are less time: the networks of the curve (``make curve``) on one and the same array, cycles against bits a weight.

Every network's image is loaded into the simulated array and runs a few real windows, every layer compared; cycles are measured
there, and equal to the prediction.
"""

from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from sim import compare, engines
from sw import cli, files, networks, pictures
from sw.data import source, tasks
from sw.errors import PopbeatError
from sw.export.array import bundle, packing
from sw.pictures import pyplot
from sw.training import curve

WINDOWS = 4
STORED = files.ROOT / "docs" / "alq_widths.json"
PICTURE = files.ROOT / "docs" / "alq_widths.png"


def measure(model: str, budgets: tuple[int, ...], config: str, bar) -> dict:
    """A point for each budget: widths, measured interval and utilisation."""
    task = tasks.get(networks.get(model).task)
    found = source.find()
    windows = task.windows(found)
    rows = np.linspace(0, len(windows) - 1, WINDOWS).astype(int)
    samples = task.samples(found, windows.take(rows))
    line, points = bar.add_task("networks on the array", total=len(budgets)), []
    for stored_bytes in budgets:
        folder = curve.bundle_folder(model, stored_bytes)
        if not folder.is_dir():
            raise PopbeatError(f"no network at {folder}: run make curve MODEL={model}, which trains it")
        packed = bundle.read(folder)
        try:
            engine = engines.engine(packed, config)
        except PopbeatError as error:
            cli.warn(f"{stored_bytes:,} bytes are left out: {error}")
            continue
        seen = engine.harness().run(samples)
        compare.check(seen, engines.trace(packed, samples))
        intervals = set(np.diff(seen.cycles["header"]).tolist())
        if intervals != {engine.cycles.interval}:
            raise compare.Mismatch(f"{folder}: measured {sorted(intervals)}, predicted {engine.cycles.interval} cycles")
        points.append(
            {
                "stored_bytes": len(packing.pack(packed)),
                "average_width": round(packed.width, 4),
                "mac_width": round(packed.mac_width, 4),
                "interval_cycles": intervals.pop(),
                "utilisation": engine.report["utilisation"],
            }
        )
        bar.update(line, advance=1)
    return {"model": model, "config": config, "data": found.kind, "windows": WINDOWS, "command": "make curve", "points": points}


def draw(figures: dict, path=PICTURE) -> None:
    """Cycles against bits a weight, with the line of lanes that are always busy."""
    width = np.array([p["average_width"] for p in figures["points"]])
    cycles = np.array([p["interval_cycles"] for p in figures["points"]])
    figure, axis = pyplot.subplots(figsize=(7, 4.2))
    axis.plot(width, cycles, marker="o", label=f"{figures['model']}, simulated")
    ideal = cycles * np.array([p["utilisation"] for p in figures["points"]])
    axis.plot(width, ideal, linestyle="--", linewidth=1, label="every lane always busy")
    axis.set_ylim(0)
    axis.set_xlabel("bits a weight")
    axis.set_ylabel("cycles a window")
    axis.set_title(f"One array ({figures['config']}), several widths of one network", fontsize=10)
    axis.legend()
    pictures.save(figure, path)


app = cli.new_app(__doc__)


@app.command()
def main(
    model: Annotated[str, typer.Option(help="Multi-bit model")] = "alq17",
    config: Annotated[str, typer.Option(help="Array")] = "mac128",
) -> None:
    """Simulate the networks of the curve and draw cycles against bits."""
    with cli.progress() as bar:
        figures = measure(model, curve.BUDGETS, config, bar)
    files.write_json(STORED, figures)
    draw(figures)
    table = Table(title=f"{model} on {config}")
    for name in figures["points"][0]:
        table.add_column(name.replace("_", " "), justify="right")
    for point in figures["points"]:
        table.add_row(*(f"{v:,}" for v in point.values()))
    cli.console.print(table)
    cli.say(f"figures: {STORED}\npicture: {PICTURE}")


if __name__ == "__main__":
    cli.run(app)
