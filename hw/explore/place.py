"""``make explore PLACE=1``: the fastest folding of the front that is really placed and routed.

An estimate says what a folding takes, not whether nextpnr finds a place for it. So the front's foldings are tried, the fastest
first, with one seed each, until one is routed. What was tried goes into ``docs/placed.json`` where the bundle is a shipped one.
"""

from rich.progress import Progress

from hw.binary.folding import Config
from hw.explore import calibrate
from hw.explore.solver import Point
from hw.fpga import devices
from hw.fpga.measure import classifier, measure
from sw import files
from sw.errors import PopbeatError
from sw.export import bundle

STORED = files.ROOT / "docs" / "placed.json"


def fastest(packed: bundle.Bundle, points: list[Point], device: devices.Device, bar: Progress) -> tuple[Point, dict, list[dict]]:
    """The first of ``points`` that is routed, its figures as of ``make fpga SEEDS=1``, and what was tried before it: foldings,
    interval, and why not. Where none is routed it is a :class:`PopbeatError` with the last reason."""
    tried: list[dict] = []
    for point in points:
        blocks = " ".join(map(calibrate.short, point.foldings))
        made = classifier(packed, Config(f"cycles{point.cycles.interval}", point.foldings))
        try:
            figures = measure(made, device, made.config, 1, bar)
        except PopbeatError as error:
            tried.append({"blocks": blocks, "interval": point.cycles.interval, "error": str(error).split(": ", 1)[-1][:200]})
            continue
        return point, figures | {"blocks": blocks}, tried
    raise PopbeatError(f"none of {len(tried)} foldings of {packed.model} was placed on {device.name}: {tried[-1]['error']}")


def keep(packed: bundle.Bundle, device: devices.Device, figures: dict, tried: list[dict]) -> None:
    """Store what was placed and what was tried before, of a shipped bundle."""
    home = bundle.SHIPPED / packed.model
    if not home.is_dir() or bundle.read(home).sha256 != packed.sha256:
        return
    known = files.read_json(STORED, "placed foldings") if STORED.is_file() else {}
    command = f"make explore MODEL={packed.model} DEVICE={device.name} PLACE=1"
    files.write_json(STORED, known | {f"{packed.model} {device.name}": figures | {"tried": tried, "command": command}})
