"""``make verilog``: the Verilog of a bundle in a configuration, and what goes with it into a design of somebody else."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from amaranth.lib import wiring

from hw import configurations, verilog
from hw.beats import top as beat_top
from hw.guard.top import SUFFIX, GuardedParams
from hw.images import top as image_top
from hw.mac import design as mac_design
from hw.package import bench, delivery
from hw.package.description import common
from hw.package.measured import measured
from hw.stream import result
from sw import cli, files
from sw.data import source
from sw.data.mitbih import RATE
from sw.errors import PopbeatError
from sw.export import bundle, bundles
from sw.export.array.bundle import GraphBundle


@dataclass(frozen=True)
class Design:
    """A generated design: its ``name`` (the Verilog module), ``params``, the ``verilog`` file and the ``description`` beside it."""

    name: str
    params: configurations.Params
    verilog: Path
    description: dict


def generate(packed: bundle.Bundle, config: configurations.Config, folder: Path | None = None, name: str = "") -> Design:
    """Generate a bundle's top in ``folder`` (default ``build/<model>/verilog``) as the module ``name``, by default
    ``popbeat_<model>_<config>``, in files of that name: ``.v`` and ``.json``."""
    params = configurations.parameters(packed, config)
    name = name or verilog.module(packed.model, config.name)
    top = configurations.top(params)
    what = f"{packed.model} ({packed.task}, {len(packed.classes)} classes), configuration {config.name}"
    text = verilog.header(what, again(packed, config), packed.sha256) + verilog.convert(top, name)
    folder = folder or files.BUILD / packed.model / "verilog"
    path = files.write_bytes(folder / f"{name}.v", text.encode())
    description = describe(params, top, name, text)
    files.write_json(path.with_suffix(".json"), description)
    return Design(name, params, path, description)


def again(packed: bundle.Bundle, config: configurations.Config) -> str:
    """The command that writes a bundle's top once more; files of one's own are named as they have to be called."""
    shipped = bundle.SHIPPED / packed.model
    own = "" if shipped.is_dir() and bundle.read(shipped).sha256 == packed.sha256 else " BUNDLE=<folder of the bundle below>"
    ending = "" if config.name.removesuffix(SUFFIX) in configurations.NAMES else ".json"
    return f"make verilog MODEL={packed.model}{own} CONFIG={config.name}{ending}"


def describe(params: configurations.Params, top: wiring.Component, name: str, text: str) -> dict:
    """Ports, formats, foldings and cycles of a design, for people and programs that instantiate it."""
    packed, spec = params.bundle, params.bundle.normaliser
    return common(top, name, text, packed) | {
        "config": {
            "name": params.config.name,
            "samples": params.config.samples,
            "blocks": [asdict(f) for f in params.config.blocks],
        },
        "input": {
            "window": spec.window,
            **({"rr_words": packed.network.words} if packed.network.words else {}),
            "raw_bits": spec.raw_bits,
            "samples_a_beat": params.config.samples,
            "rate_hz": RATE,
        },
        "output": {
            "beats": params.head.beats,
            "header": result.header(loaded=False, guarded=isinstance(params, GuardedParams)),
            "logit_bits": params.head.logit_bits,
        },
        "cycles": asdict(configurations.cycles(params)) | {"work_by_block": [block.cycles for block in params.blocks]},
    }


@dataclass(frozen=True)
class Made:
    """What a command wrote first: the ``top`` as a bench knows it, its description in ``json``, the ``config`` under which its
    placements are stored, the ``image`` of the network that is loaded, ``other`` files, and what to say of it."""

    top: delivery.Top
    json: Path
    config: str
    image: bytes = b""
    other: tuple[Path, ...] = ()
    said: str = ""


def _binary(packed: bundle.Bundle, config: str, folder: Path | None, name: str) -> Made:
    design = generate(packed, configurations.get(config), folder, name)
    exact, at_once = design.description["cycles"], design.params.config.samples
    window = (packed.network.words + packed.network.window) // at_once
    what = f"{packed.model}, configuration {design.params.config.name}"
    packet = delivery.Packet(design.params.head.beats, exact=not isinstance(design.params, GuardedParams))
    top = delivery.Top(design.verilog, what, packet, patience=4 * exact["live_latency"], at_once=at_once, window=window)
    said = f"module {design.name}: interval {exact['interval']} cycles a window, latency {exact['latency']} cycles"
    return Made(top, design.verilog.with_suffix(".json"), design.params.config.name, said=said)


def _beats(packed: bundle.Bundle, folder: Path | None, name: str) -> Made:
    path, name = beat_top.generate(params := beat_top.parameters(packed), folder=folder, name=name)
    exact = beat_top.times(params)
    what = f"{packed.model} behind the QRS detector"
    packet = delivery.Packet(params.head.beats + 1, placed=True)
    top = delivery.Top(path, what, packet, patience=60 * exact.result, framed=False)
    said = (
        f"module {name}: {exact.sample} cycles a sample, {exact.beat} a beat; a label {exact.result} cycles after the next beat is "
        f"known; 360 Hz from {exact.lowest_hz / 1000:.1f} kHz on"
    )
    return Made(top, path.with_suffix(".json"), beat_top.NAME, said=said)


def _array(packed: GraphBundle, config: str, folder: Path | None, name: str) -> Made:
    array = mac_design.generate(packed, mac_design.config(config, packed), folder, name)
    what = f"{packed.model} on {array.params.lanes} lanes"
    packet = delivery.Packet(1 + array.params.classes, exact=False)
    top = delivery.Top(array.verilog, what, packet, patience=4 * array.cycles.live_latency)
    stem = array.verilog.parent / array.description["image"]
    mac_design.show(array)
    return Made(top, stem.with_suffix(".json"), array.params.name, array.image, (stem,))


def _images(packed: GraphBundle, folder: Path | None, name: str) -> Made:
    params = image_top.parameters(packed)
    path, name = image_top.generate(packed, params, folder=folder, name=name)
    stem = path.parent / image_top.stem(packed, params)
    described = files.read_json(stem.with_suffix(".json"))
    what = f"{packed.model} behind the QRS detector"
    packet = delivery.Packet(params.classes + 2, exact=False, placed=True)
    top = delivery.Top(path, what, packet, patience=4 * described["cycles"]["beat"], framed=False)
    image = stem.with_suffix(".image")
    return Made(top, stem.with_suffix(".json"), image_top.NAME, image.read_bytes(), (image,))


def make(packed: bundles.Bundle, config: str, folder: Path | None = None, name: str = "") -> Made:
    """Generate the top of a bundle of either kind in a configuration of any name."""
    record = config == beat_top.NAME
    if isinstance(packed, GraphBundle):
        return _images(packed, folder, name) if record else _array(packed, config, folder, name)
    return _beats(packed, folder, name) if record else _binary(packed, config, folder, name)


def deliver(packed: bundles.Bundle, made: Made) -> list[Path]:
    """Write what goes with a top into a design of somebody else: measured figures into its description, bench, assertions, core.
    A network whose task popbeat does not know has no bench: there are no windows for it."""
    files.write_json(made.json, files.read_json(made.json) | measured(packed, made.config))
    try:
        bundles.task(packed)
    except PopbeatError as error:
        cli.warn(f"no bench, no core: {error}")
        return []
    vectors = (bench.of_recording if made.top.packet.placed else bench.of_windows)(packed, source.find(), made.image)
    return delivery.write(made.top, vectors)


app = cli.new_app(__doc__)


@app.command()
def main(
    model: Annotated[str, typer.Option(help="Shipped model")] = "bnn17",
    config: Annotated[
        str,
        typer.Option(
            help="Named folding or tiny, each also as <name>_guarded, JSON file of foldings, or record (beats, also for gasf5); "
            "for alq17 mac128, mac64, mac32"
        ),
    ] = "full",
    path: Annotated[str, typer.Option("--bundle", help="Folder of a bundle instead of a shipped model")] = "",
    out: Annotated[str, typer.Option(help="Folder to write to; default build/<model>/verilog")] = "",
    name: Annotated[str, typer.Option(help="Name of the module and its files; default popbeat_<model>_<configuration>")] = "",
) -> None:
    """Write one file of Verilog-2005 (the same bytes every time) and, beside it, its ports, formats and cycles as JSON, a bench
    with two real windows that needs no Python, assertions, and a core for FuseSoC; for a multi-bit network the array, the image
    that is loaded into it, and the program's listing."""
    verilog.check_name(name)
    packed = bundles.read(bundle.locate(model, path))
    made = make(packed, config, Path(out) if out else None, name)
    written = [made.top.verilog, made.json, *made.other, *deliver(packed, made)]
    cli.say("\n".join(map(str, written)) + (f"\n{made.said}" if made.said else ""))


if __name__ == "__main__":
    cli.run(app)
