"""``make explore``: the folding of each block for a device or a budget, and the whole front of area against cycles."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from hw.explore import area, calibrate, place, solver
from hw.explore.area import AreaModel
from hw.explore.solver import Limits, Point
from hw.fpga import devices
from sw import cli, files
from sw.errors import PopbeatError
from sw.export import bundle, bundles
from sw.export.array.bundle import GraphBundle

ROWS = 24
# Beyond this interval a front is only looked at for a request that nothing quicker meets: much time, few LUT4.
FILL = 0.9  # share of a device that may be taken
SLOW = 1 << 15


def read(model: str, path: str) -> bundle.Bundle:
    """A bundle of the binary datapath."""
    packed = bundles.read(bundle.locate(model, path))
    if isinstance(packed, GraphBundle):
        raise PopbeatError(f"{packed.model} runs on the array, which is not folded by blocks; take CONFIG=mac128, mac64 or mac32")
    if packed.network.rhythm:
        raise PopbeatError(f"{packed.model} takes rhythm bits, which the area model does not know; take CONFIG=full or half")
    return packed


def limits(model: AreaModel, device: devices.Device, fill: float, brams: int | None = None) -> Limits:
    """What a design may take of a device; ``fill``: share of its LUT4 and flip-flops that placement still copes with; ``brams``:
    block RAMs at most."""
    if device.name not in model.fitted["devices"]:
        raise PopbeatError(f"what {device.name} holds is not stored: make explore CALIBRATE=1 asks nextpnr")
    there = model.fitted["devices"][device.name]
    rams = there["bram"] if brams is None else min(brams, there["bram"])
    return Limits(int(there["lut4"] * fill), int(there["ff"] * fill), rams, there["dsp"])


class Impossible(PopbeatError):
    """A request that no folding meets; ``nearest`` is the point that comes nearest."""

    def __init__(self, text: str, nearest: Point):
        super().__init__(text)
        self.nearest = nearest


def choose(points: list[Point], cycles: int, luts: int) -> Point:
    """The point of a front that a request asks for: the smallest with an interval of ``cycles`` at most, the fastest with ``luts``
    at most, the fastest of all where both are 0. An impossible one is an error that says by how much."""
    if cycles:
        quick = [p for p in points if p.cycles.interval <= cycles]
        if not quick:
            over = points[0].cycles.interval - cycles
            raise Impossible(f"no folding that fits has an interval of {cycles:,} cycles: {over:,} more at least", points[0])
        if luts and quick[-1].area.lut4 > luts:
            over = quick[-1].area.lut4 - luts
            raise Impossible(
                f"within {cycles:,} cycles, {luts:,} LUT4 are too few: {over:,} more at least, as estimated", quick[-1]
            )
        return quick[-1]
    small = [p for p in points if p.area.lut4 <= (luts or p.area.lut4)]
    if not small:
        over = points[-1].area.lut4 - luts
        raise Impossible(f"no folding takes {luts:,} LUT4 or less: {over:,} more at least, as estimated", points[-1])
    return small[0]


def solve(packed: bundle.Bundle, model: AreaModel, within: Limits, cycles: int, bar) -> list[Point]:
    """The front of a bundle within limits, with ``cycles`` only up to that interval where something that quick fits. Limits that
    are too narrow for every folding are an error that says by how much."""
    line = bar.add_task(f"{packed.model}: front", total=100)

    def advance(share: float) -> None:
        bar.update(line, completed=round(100 * share))

    points = solver.front(packed, model, within, cycles, advance)
    if not points and cycles:
        points = solver.front(packed, model, within, progress=advance)
    if points:
        return points
    near = solver.nearest(packed, model, within)
    lacks = [
        f"{a - b:,} {name} more than {b:,}"
        for name, a, b in zip(("LUT4", "flip-flops", "block RAMs", "multipliers"), near.area.values, within.values, strict=True)
        if a > b
    ]
    raise Impossible(f"{packed.model} fits in no folding: the nearest takes {', '.join(lacks)}, as estimated", near)


def write(point: Point, model: str, name: str = "") -> Path:
    """The point's foldings as a file that ``CONFIG`` takes."""
    entries = [{k: v for k, v in asdict(f).items() if v or k == "pe"} for f in point.foldings]
    return files.write_json(files.BUILD / model / "explore" / f"{name or f'cycles{point.cycles.interval}'}.json", entries)


def describe(point: Point) -> dict:
    """A point for JSON."""
    return {
        "blocks": " ".join(map(calibrate.short, point.foldings)),
        **asdict(point.area),
        "interval": point.cycles.interval,
        "latency": point.cycles.latency,
        "bound": point.bound,
    }


def show(packed: bundle.Bundle, points: list[Point], chosen: Point, model: AreaModel) -> None:
    """The front, thinned out where it is long, and the chosen point."""
    table = Table(title=f"{packed.model}: smallest estimated area for every interval")
    for name in ("interval", "latency", "LUT4", "FF", "RAMs"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("PE/parts by block", no_wrap=True)
    step = -(-len(points) // ROWS)
    for number, p in enumerate(points):
        if p is chosen or number % step == 0 or p is points[-1]:
            row = f"{p.cycles.interval:,}", f"{p.cycles.latency:,}", f"{p.area.lut4:,}", f"{p.area.ff:,}", str(p.area.bram)
            table.add_row(*row, " ".join(map(calibrate.short, p.foldings)), style="bold" if p is chosen else "")
    cli.console.print(table)
    worst = {name: f"{100 * e['max']:.1f} % (mean {100 * e['mean']:.1f} %)" for name, e in model.fitted["errors"].items()}
    cli.say(
        "Interval and latency in cycles, exact; RAMs: block RAMs; m: a block's weights are in block RAM.\n"
        f"{len(points)} points. LUT4 and FF are estimates of what nextpnr counts after packing; largest error over\n"
        f"{len(model.fitted['blocks'])} blocks that were synthesised: LUT4 {worst['lut4']}, FF {worst['ff']}."
    )


def calibration(device: devices.Device) -> None:
    """Synthesise blocks, fit the area model, store it, and show how well it fits."""
    with cli.progress() as bar:
        fitted = calibrate.store(device, bar)
    table = Table(title=f"Area model of {device.family}: blocks as synthesised, and as estimated")
    for name in ("block", "LUT4", "estimate", "", "FF", "estimate", ""):
        table.add_column(name, justify="left" if name == "block" else "right", no_wrap=True)
    for b in fitted["blocks"]:
        cells = [(b[name], b[f"{name}_estimate"]) for name in ("lut4", "ff")]
        table.add_row(b["block"], *[c for m, e in cells for c in (f"{m:,}", f"{e:,}", f"{100 * (e / m - 1):+.1f} %")])
    cli.console.print(table)
    for name, error in fitted["errors"].items():
        cli.say(f"{name}: largest error {100 * error['max']:.1f} %, mean {100 * error['mean']:.1f} %")


app = cli.new_app(__doc__)


@app.command()
def main(
    model: Annotated[str, typer.Option(help="Shipped model")] = "bnn17",
    device: Annotated[
        str, typer.Option(help="Device: " + ", ".join(d.name for d in devices.DEVICES.values() if area.path(d.family).is_file()))
    ] = "ecp5-25k",
    cycles: Annotated[int, typer.Option(help="Largest interval, window to window; the smallest folding is taken", min=0)] = 0,
    luts: Annotated[int, typer.Option(help="Most LUT4 (as nextpnr counts them); the fastest folding is taken", min=0)] = 0,
    brams: Annotated[int | None, typer.Option(help="Most block RAMs; default all that the device has", min=0)] = None,
    fill: Annotated[float, typer.Option(help="Share of the device that may be taken", min=0.01, max=1)] = FILL,
    path: Annotated[str, typer.Option("--bundle", help="Folder of a bundle instead of a shipped model")] = "",
    really: Annotated[bool, typer.Option("--place", help="Place and route, the fastest first, until one is routed")] = False,
    recalibrate: Annotated[bool, typer.Option("--calibrate", help="Synthesise blocks and fit the estimate anew")] = False,
) -> None:
    """Find the folding of each block: the fastest that fits the device, the smallest within an interval, or the fastest within a
    number of LUT4. It is written as a file for CONFIG."""
    target = devices.get(device)
    if recalibrate:
        asked = {"CYCLES": cycles, "LUTS": luts, "BRAMS": brams is not None, "BUNDLE": path, "PLACE": really}
        if wrong := [name for name, value in asked.items() if value]:
            raise PopbeatError(f"{', '.join(wrong)} has no meaning for CALIBRATE=1, which fits the estimate anew; leave it out")
        calibration(target)
        return
    estimate = AreaModel.load(target.family)
    packed = read(model, path)
    try:
        with cli.progress() as bar:
            within = limits(estimate, target, fill, brams)
            points = solve(packed, estimate, within, cycles or SLOW, bar)
            if luts and not cycles and points[-1].area.lut4 > luts:
                points = solve(packed, estimate, within, 0, bar)
        chosen = choose(points, cycles, luts)
    except Impossible as error:
        near = error.nearest
        shape = " ".join(map(calibrate.short, near.foldings))
        raise PopbeatError(
            f"{error}; nearest is {shape} ({write(near, packed.model, 'nearest')}): {near.cycles.interval:,} cycles, "
            f"{near.area.lut4:,} LUT4, {near.area.bram} block RAMs"
        ) from None
    if really:
        with cli.progress() as bar:
            chosen, figures, tried = place.fastest(packed, points[points.index(chosen) :], target, bar)
        if not (cycles or luts or path or brams is not None) and fill == FILL:
            place.keep(packed, target, figures, tried)
    show(packed, points, chosen, estimate)
    files.write_json(files.BUILD / packed.model / "explore" / "front.json", [describe(p) for p in points])
    file = write(chosen, packed.model)
    where = file.relative_to(files.ROOT)
    if really:
        cli.say(f"{len(tried)} faster ones were not placed; this one reaches {figures['fmax_mhz']:.1f} MHz with seed 1")
    cli.say(f"{where}: {chosen.cycles.interval:,} cycles, {chosen.area.lut4:,} LUT4, {chosen.area.bram} block RAMs")
    cli.say(f"make fpga MODEL={packed.model} DEVICE={target.name} CONFIG={where}")


if __name__ == "__main__":
    cli.run(app)
