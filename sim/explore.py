"""``make explore FULL=1``: the front of area against cycles with points that were built and simulated, and what is published.

Points of the front and the named foldings are synthesised and packed, which says how far the estimates are off, and some are
simulated on real windows, every layer compared, which says that their cycles are the predicted ones. Stored as
``explore.json``, drawn as ``explore.png`` in ``build/<model>/explore``; of the model that the documents speak of in ``docs``, with
a table in ``docs/explore.md``.
"""

import re
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from matplotlib import ticker
from rich import box
from rich.progress import Progress
from rich.table import Table

from hw import generate
from hw.binary import folding, top
from hw.binary.datapath import DatapathParams
from hw.binary.folding import Config, Folding
from hw.explore import __main__ as solve
from hw.explore import build, calibrate
from hw.explore.area import AreaModel
from hw.fpga import devices
from sim import compare, verilator
from sim.bulk.runner import Harness
from sw import campaign, cli, document, files, pictures, published
from sw.data import source, tasks
from sw.errors import PopbeatError
from sw.export import bundle
from sw.export.binary import integer
from sw.pictures import pyplot

JSON, PICTURE, PAGE = (files.ROOT / "docs" / f"explore.{kind}" for kind in ("json", "png", "md"))
# The model that the documents speak of.
SHOWN = "bnn17"
# Windows of each simulated point, of as many classes.
WINDOWS = 4
# The estimate of a whole top may be off by so much.
WITHIN = 0.10


def spread(points: list, count: int) -> list:
    """``count`` of a front's points, both ends among them, evenly in their order."""
    if count <= 0:
        return []
    rows = np.unique(np.linspace(0, len(points) - 1, min(count, len(points))).round().astype(int))
    return [points[row] for row in rows]


def simulation(packed: bundle.Bundle, config: Config, kind: str) -> campaign.Job:
    """The job that simulates a configuration of a shipped bundle on windows of ``kind`` (recordings or synthetic)."""
    design = generate.generate(packed, config, build.HOME / "verilog" / config.name)
    arguments = {
        "model": packed.model,
        "bundle_sha256": packed.sha256,
        "blocks": [asdict(f) for f in config.blocks],
        "verilog_sha256": design.description["verilog_sha256"],
        "simulator": verilator.VERSION,
        "data": kind,
        "windows": WINDOWS,
    }
    return campaign.Job("sim.explore:simulated", arguments, f"{packed.model} {config.name} in simulation")


def simulated(
    model: str, bundle_sha256: str, blocks: list[dict], verilog_sha256: str, simulator: str, data: str, windows: int
) -> dict:
    """Simulate a configuration back to back and one window alone: every layer equal to the integer model, ``interval`` and
    ``latency`` as measured and equal to the predicted ones; anything else raises."""
    packed = bundle.read(bundle.SHIPPED / model)
    found = source.find(download=False)
    here = [packed.sha256, verilator.VERSION, found.kind]
    campaign.demand("inputs", [bundle_sha256, simulator, data], here)
    task = tasks.for_network(
        packed.task, packed.normaliser.window, packed.normaliser.raw_bits, packed.classes, packed.network.words
    )
    chosen = task.windows(found)
    rows = np.unique(chosen.label, return_index=True)[1][:windows]
    samples = task.samples(found, chosen)[rows]
    verilator.prepare()
    config = Config("explored", tuple(Folding(**block) for block in blocks))
    home = build.HOME / "simulations" / verilog_sha256[:16]
    return cycles(packed, config, samples, home)


def cycles(packed: bundle.Bundle, config: Config, samples: np.ndarray, home) -> dict:
    """Measured ``interval`` and ``latency`` of a configuration on raw windows, compiled in ``home``; see :func:`simulated`."""
    design = generate.generate(packed, config, home / "verilog")
    harness = Harness(design, home / "bulk", brief=True)
    trace, exact = integer.run(packed, samples), top.cycles(design.params)
    burst, alone = harness.run(samples, "burst"), harness.run(samples, "isolated")
    layers = {compare.check(seen, trace) for seen in (burst, alone)}
    predicted = design.params.predict(len(samples))
    compare.equal(
        "cycles of the results back to back",
        burst.cycles["offered"] - burst.cycles["normalised"][0],
        np.array(predicted.header) - predicted.first_sample[0],
    )
    compare.equal(
        "latencies of windows alone",
        alone.cycles["header"] - alone.cycles["normalised"],
        np.full(len(samples), exact.latency),
    )
    interval = int(burst.cycles["offered"][-1] - burst.cycles["offered"][-2])
    return {
        "interval": interval,
        "latency": int(alone.cycles["header"][0] - alone.cycles["normalised"][0]),
        "windows": len(samples),
        "layers": layers.pop(),
    }


def published_points() -> list[dict]:
    """Published designs as points: their LUTs, and cycles as clock times microseconds."""
    points = []
    for name, _, area, mhz, latency, *_ in published.DESIGNS:
        luts, kind = re.match(r"([\d,]+) (LUT\d)", area).groups()
        cycles = float(mhz) * float(latency.replace(",", ""))
        points.append({"name": name, "luts": int(luts.replace(",", "")), "kind": kind, "cycles": round(cycles)})
    return points


def _draw_published(axis, points: list[dict]) -> None:
    """Published designs, named beside their marks."""
    for p in points:
        axis.plot(p["cycles"], p["luts"], "s", markerfacecolor="none", color="tab:red")
        axis.annotate(
            f"{p['name'].replace('`', '')}\n{p['luts']:,} {p['kind']}, latency",
            (p["cycles"], p["luts"]),
            textcoords="offset points",
            xytext=(8, -4) if p["cycles"] < 50_000 else (-8, 8),
            ha="left" if p["cycles"] < 50_000 else "right",
            fontsize=7,
            color="tab:red",
        )


def _label_axes(axis, stored: dict) -> None:
    """What the device has, scales and names."""
    axis.axhline(stored["available"]["lut4"], color="grey", linewidth=0.7, linestyle="--")
    axis.annotate(
        f"{stored['device']}: {stored['available']['lut4']:,} LUT4",
        (0.995, stored["available"]["lut4"]),
        xycoords=("axes fraction", "data"),
        ha="right",
        va="bottom",
        fontsize=7,
        color="grey",
    )
    axis.set_xscale("log")
    axis.set_yscale("log")
    for ticks, side in (
        ([4000, 7000, 10_000, 20_000, 40_000, 100_000, 200_000], axis.xaxis),
        ([5000, 10_000, 20_000, 40_000, 80_000], axis.yaxis),
    ):
        side.set_major_locator(ticker.FixedLocator(ticks))
        side.set_major_formatter("{x:,.0f}")
        side.set_minor_formatter(ticker.NullFormatter())
    axis.set_xlabel("cycles a window")
    axis.set_ylabel("LUT4, as nextpnr counts them (published: LUT6)")
    axis.set_title(f"{stored['model']}: smallest folding for every interval; at built points the estimate's error", fontsize=9)


def draw(stored: dict, path: Path) -> None:
    """The picture: the front as a line, built points filled, published ones beside it."""
    figure, axis = pyplot.subplots(figsize=(9.5, 5.6))
    front, built = stored["front"], stored["built"]
    luts = [p["lut4"] for p in front]
    axis.step(
        [p["interval"] for p in front], luts, where="post", color="tab:blue", linewidth=1.2, label="front, interval (estimate)"
    )
    axis.step(
        [p["latency"] for p in front], luts, where="post", color="tab:blue", linewidth=0.8, linestyle=":", label="the same, latency"
    )
    for named, marker, label in ((False, "o", "built: on the front"), (True, "D", "built: named foldings")):
        shown = [b for b in built if (b["name"] in folding.CONFIGS) == named]
        axis.plot(
            [b["interval"] for b in shown],
            [b["lut4"] for b in shown],
            marker,
            color="tab:blue" if not named else "black",
            label=label,
        )
    for b in built:
        axis.annotate(
            f"{b['name'] + ' ' if b['name'] in folding.CONFIGS else ''}{100 * b['error']:+.1f} %",
            (b["interval"], b["lut4"]),
            textcoords="offset points",
            xytext=(5, 5),
            fontsize=7,
        )
    _draw_published(axis, stored["published"])
    _label_axes(axis, stored)
    axis.grid(True, which="both", linewidth=0.3)
    axis.legend(fontsize=7, loc="center right")
    pictures.save(figure, path)


def measure(packed: bundle.Bundle, device: devices.Device, fill: float, count: int, few: int, bar: Progress) -> dict:
    """The front with ``count`` of its points and all named foldings built, ``few`` of them and of these simulated."""
    model = AreaModel.load(device.family)
    points = solve.solve(packed, model, solve.limits(model, device, fill), 0, bar)
    # The front is of one sample a clock.
    named = [c for c in folding.CONFIGS.values() if len(c.blocks) == len(packed.network.blocks) and c.samples == 1]
    explored = [Config(f"cycles{p.cycles.interval}", p.foldings) for p in spread(points, count)]
    configs = [*named, *explored]
    params = [DatapathParams(packed, config) for config in configs]
    jobs = [build.job(top.Top(p), device, f"{packed.model} {p.config.name}") for p in params]
    taken = campaign.run(jobs, bar, "synthesis", job_bytes=build.JOB_BYTES)
    kind = source.find().kind
    subjects = spread(explored, few)
    runs = campaign.run([simulation(packed, c, kind) for c in subjects], bar, "simulation", job_bytes=build.JOB_BYTES)
    seen = {config.name: run for config, run in zip(subjects, runs, strict=True)}
    built = []
    for p, used in zip(params, taken, strict=True):
        estimate, exact = model.top(p), top.cycles(p)
        built.append(
            {
                "name": p.config.name,
                "blocks": " ".join(map(calibrate.short, p.config.blocks)),
                "interval": exact.interval,
                "latency": exact.latency,
                **used,
                "estimate": asdict(estimate),
                "error": round(estimate.lut4 / used["lut4"] - 1, 4),
                "in_fit": p.config.name == "full",
                **({"simulated": seen[p.config.name]} if p.config.name in seen else {}),
            }
        )
    return {
        "model": packed.model,
        "device": device.name,
        "available": model.fitted["devices"][device.name],
        "fill": fill,
        "command": f"make explore MODEL={packed.model} DEVICE={device.name} FULL=1",
        "tools": [tool for tool in build.versions(device) if " " in tool],
        "data": kind,
        "fit": model.fitted["errors"],
        "bundle_sha256": packed.sha256,
        "front": [solve.describe(p) for p in points],
        "built": built,
        "published": published_points(),
    }


def show(stored: dict) -> None:
    """What was built and simulated."""
    table = Table(title=f"{stored['model']} on {stored['device']}: built points", box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1))
    for name in ("PE/parts by block", "cycles", "LUT4", "error", "FF", "RAMs", "seen"):
        table.add_column(name, justify="left" if name.startswith("PE") else "right", no_wrap=True)
    for b in stored["built"]:
        named = f" ({b['name']})" if b["name"] in folding.CONFIGS else ""
        area = f"{b['lut4']:,}", f"{100 * b['error']:+.1f} %", f"{b['ff']:,}", str(b["bram"])
        said = str(b["simulated"]["windows"]) if "simulated" in b else ""
        table.add_row(f"{b['blocks']}{named}", f"{b['interval']:,}", *area, said)
    cli.console.print(table)


def render(text: str, stored: dict) -> str:
    """The page's text with its table drawn anew."""
    rows = []
    for b in stored["built"]:
        e, seen = b["estimate"], b.get("simulated")
        rows.append(
            [
                f"{b['name']}: {b['blocks']}",
                f"{b['interval']:,}",
                f"{b['latency']:,}",
                f"{b['lut4']:,}",
                f"{e['lut4']:,} ({100 * b['error']:+.1f} %{', in the fit' if b['in_fit'] else ''})",
                f"{b['ff']:,}",
                f"{e['ff']:,}",
                str(b["bram"]),
                f"{seen['windows']} windows, {seen['layers']} layers each" if seen else "",
            ]
        )
    header = [
        "PE/parts of each block (m: in block RAM)",
        "interval",
        "latency",
        "LUT4",
        "estimated",
        "FF",
        "estimated",
        "block RAMs",
    ]
    fresh = [abs(b["error"]) for b in stored["built"] if not b["in_fit"]]
    tops = f"largest error {100 * max(fresh):.1f} %, mean {100 * np.mean(fresh):.1f} %"
    lut4, ff = (f"{100 * stored['fit'][n]['max']:.1f} % and {100 * stored['fit'][n]['mean']:.1f} %" for n in ("lut4", "ff"))
    body = (
        f"`{stored['model']}` on {stored['device']}: {len(stored['front'])} points on the front. Below: those that were built and"
        f" the named foldings. LUT4 estimate: {tops}, over the {len(fresh)} of these tops that were not in the fit; {lut4} over the"
        f" blocks of the fit (flip-flops {ff}). Where windows were simulated, every layer was as in the integer model and the"
        f" cycles as predicted.\n\n"
        f"{document.table([*header, 'simulated'], rows)}\n\nMeasured by `{stored['command']}`, {', '.join(stored['tools'])}."
    )
    return document.fill(text, {"explore": body}, PAGE.name)


app = cli.new_app(__doc__)


@app.command()
def main(
    model: Annotated[str, typer.Option(help="Shipped model")] = "bnn17",
    device: Annotated[str, typer.Option(help="Device of ECP5")] = "ecp5-25k",
    fill: Annotated[float, typer.Option(help="Share of the device that may be taken", min=0.01, max=1)] = 0.9,
    count: Annotated[int, typer.Option("--points", help="Points of the front to build (a minute each)", min=2)] = 8,
    few: Annotated[int, typer.Option("--simulate", help="Of these, points to simulate", min=1)] = 3,
) -> None:
    """Build and simulate points of the front, hold estimates and cycles against them, store and draw them. Resumes where it was
    interrupted."""
    packed = solve.read(model, "")
    with cli.progress() as bar:
        stored = measure(packed, devices.get(device), fill, count, few, bar)
    show(stored)
    fresh = [abs(b["error"]) for b in stored["built"] if not b["in_fit"]]
    worst = 100 * max(fresh)
    cli.say("Seen: windows that were simulated, every layer as in the integer model, interval and latency as predicted.")
    cli.say(f"LUT4 of {len(fresh)} tops that were not in the fit: largest error {worst:.1f} %, mean {100 * np.mean(fresh):.1f} %")
    if max(fresh) > WITHIN:
        raise PopbeatError(
            f"an estimate is off by {worst:.1f} %, more than {100 * WITHIN:.0f} %: mend hw.explore.area, calibrate anew"
        )
    shown = packed.model == SHOWN
    table, picture = (JSON, PICTURE) if shown else (files.BUILD / packed.model / "explore" / path.name for path in (JSON, PICTURE))
    files.write_json(table, stored)
    draw(stored, picture)
    cli.say(f"{table}\n{picture}")
    if shown:
        files.write_bytes(PAGE, render(PAGE.read_text(), stored).encode())
        cli.say(str(PAGE))


if __name__ == "__main__":
    cli.run(app)
