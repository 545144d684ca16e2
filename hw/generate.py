"""Write the Verilog of a bundle in a configuration, and its ports as JSON."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from amaranth.lib import wiring

from hw import configurations, verilog
from hw.beats import top as beat_top
from hw.images import top as image_top
from hw.mac import design as mac_design
from hw.stream import result
from sw import cli, files
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
    command = f"make verilog MODEL={packed.model} CONFIG={config.name}"
    text = verilog.header(what, command, packed.sha256) + verilog.convert(top, name)
    folder = folder or files.BUILD / packed.model / "verilog"
    path = files.write_bytes(folder / f"{name}.v", text.encode())
    description = describe(params, top, name, verilog.digest(text))
    files.write_json(path.with_suffix(".json"), description)
    return Design(name, params, path, description)


def describe(params: configurations.Params, top: wiring.Component, name: str, digest: str) -> dict:
    """Ports, formats, foldings and cycles of a design, for people and programs that instantiate it."""
    packed, spec = params.bundle, params.bundle.normaliser
    return {
        "top": name,
        "verilog_sha256": digest,
        "bundle_sha256": packed.sha256,
        "model": packed.model,
        "task": packed.task,
        "classes": list(packed.classes),
        "config": {
            "name": params.config.name,
            "samples": params.config.samples,
            "blocks": [asdict(f) for f in params.config.blocks],
        },
        "clock": "clk",
        "reset": "rst (synchronous, active high)",
        "ports": verilog.ports(top),
        "input": {
            "window": spec.window,
            **({"rr_words": packed.network.words} if packed.network.words else {}),
            "raw_bits": spec.raw_bits,
            "samples_a_beat": params.config.samples,
            "rate_hz": 360,
        },
        "output": {
            "beats": params.head.beats,
            "header": result.header(loaded=False),
            "logit_bits": params.head.logit_bits,
        },
        "cycles": asdict(configurations.cycles(params)) | {"work_by_block": [block.cycles for block in params.blocks]},
    }


app = cli.new_app(__doc__)


@app.command()
def main(
    model: Annotated[str, typer.Option(help="Shipped model")] = "bnn17",
    config: Annotated[
        str,
        typer.Option(
            help="Named folding, JSON file of foldings, tiny, or record (beats, also for gasf5); for alq17 mac128, mac64, mac32"
        ),
    ] = "full",
    path: Annotated[str, typer.Option("--bundle", help="Folder of a bundle instead of a shipped model")] = "",
    out: Annotated[str, typer.Option(help="Folder to write to; default build/<model>/verilog")] = "",
    name: Annotated[str, typer.Option(help="Name of the module and its files; default popbeat_<model>_<configuration>")] = "",
) -> None:
    """Write one Verilog file (the same bytes every time) and its ports as JSON; for a multi-bit network the array, the image that
    is loaded into it, and the program's listing."""
    verilog.check_name(name)
    packed, folder = bundles.read(bundle.locate(model, path)), Path(out) if out else None
    if isinstance(packed, GraphBundle) and config == image_top.NAME:
        params = image_top.parameters(packed)
        made, _ = image_top.generate(packed, params, folder=folder, name=name)
        stem = made.parent / image_top.stem(packed, params)
        cli.say(f"{made}\n{stem}.image\n{stem}.json")
        return
    if isinstance(packed, GraphBundle):
        array = mac_design.generate(packed, mac_design.config(config, packed), folder, name)
        stem = array.verilog.parent / array.description["image"]
        cli.say(f"{array.verilog}\n{stem}\n{stem.with_suffix('.json')}")
        mac_design.show(array)
        return
    if config == beat_top.NAME:
        made, _ = beat_top.generate(beat_top.parameters(packed), folder=folder, name=name)
        cli.say(f"{made}\n{made.with_suffix('.json')}")
        return
    design = generate(packed, configurations.get(config), folder, name)
    exact = design.description["cycles"]
    cli.say(f"{design.verilog}\n{design.verilog.with_suffix('.json')}")
    cli.say(f"module {design.name}: interval {exact['interval']} cycles a window, latency {exact['latency']} cycles")


if __name__ == "__main__":
    cli.run(app)
