"""An array with a network for it as one design: Verilog, compiled image, listing of the program, description as JSON."""

from dataclasses import asdict, dataclass
from pathlib import Path

from amaranth.lib import wiring
from rich.table import Table

from hw import verilog
from hw.mac.params import CONFIGS, ArrayParams
from hw.mac.top import Cycles, MacTop, cycles
from hw.package.description import common
from hw.stream import result
from sw import cli, files
from sw.data.mitbih import RATE
from sw.errors import PopbeatError
from sw.export.array import compiler
from sw.export.array.bundle import IMAGE, GraphBundle
from sw.export.array.program import image, sections
from sw.export.front.normaliser import NormaliserSpec
from sw.networks import INPUT_FRACTION

DEFAULT = "mac128"
# What ``full`` stands for: the first of these that a network fits.
LARGE = (DEFAULT, "mac128l")


def config(name: str, bundle: GraphBundle) -> ArrayParams:
    """The array configuration called ``name``; ``full`` is the :func:`largest` for the bundle."""
    name = largest(bundle) if name == "full" else name
    if name not in CONFIGS:
        raise PopbeatError(f"unknown configuration {name!r}; the array has {', '.join(CONFIGS)}")
    return CONFIGS[name]


def largest(bundle: GraphBundle) -> str:
    """The array that ``full`` stands for: the first of :data:`LARGE` that the bundle fits, else the last."""
    for name in LARGE[:-1]:
        try:
            compile_bundle(bundle, CONFIGS[name])
        except PopbeatError:
            continue
        return name
    return LARGE[-1]


@dataclass(frozen=True)
class MacDesign:
    """A generated array with a network for it: ``name`` (the Verilog module), ``params``, the ``verilog`` file, the ``compiled``
    network with its ``image``, its exact ``cycles`` and the ``description``."""

    name: str
    params: ArrayParams
    bundle: GraphBundle
    verilog: Path
    compiled: compiler.Compiled
    image: bytes
    cycles: Cycles
    description: dict


def compile_bundle(bundle: GraphBundle, params: ArrayParams) -> compiler.Compiled:
    """Map a bundle onto an array; what does not fit is a :class:`PopbeatError`."""
    if bundle.front == IMAGE and not params.images:
        raise PopbeatError(f"{bundle.model} takes images of beats, and {params.name} has no front that makes them; take mac128l")
    if bundle.front != IMAGE and bundle.input_fraction != INPUT_FRACTION:
        raise PopbeatError(f"{bundle.model} takes inputs in units of 2^-{bundle.input_fraction}; the top's are 2^-{INPUT_FRACTION}")
    compiled = compiler.compile_graph(bundle.graph, params.groups, params.half, params.memory, params.windows)
    params.check({name: len(words) for name, words in sections(compiled.program).items()})
    return compiled


def normaliser(bundle: GraphBundle) -> NormaliserSpec:
    """The normaliser of the array's top: the bundle's own, for image networks that of the other networks."""
    return NormaliserSpec() if bundle.front == IMAGE else bundle.normaliser


def describe(
    bundle: GraphBundle, params: ArrayParams, top: wiring.Component, name: str, text: str, image_name: str, data: bytes
) -> dict:
    """What every top with the array says of itself, its Verilog ``text`` and the network's image beside it."""
    return common(top, name, text, bundle, loaded=True) | {
        "image": image_name,
        "image_sha256": files.sha256(data),
        "image_bytes": len(data),
        "array": asdict(params),
    }


def generate(bundle: GraphBundle, params: ArrayParams, folder: Path | None = None, name: str = "") -> MacDesign:
    """Write ``popbeat_<array>.v`` (the same for every network of one normaliser; ``name`` is another name of module and file),
    ``<model>_<array>.image`` and ``.json`` into ``folder`` (default ``build/<model>/verilog``)."""
    compiled = compile_bundle(bundle, params)
    name = name or verilog.module(params.name)
    top = MacTop(params, normaliser(bundle))
    # The same bytes for every network: the command names one that all arrays hold.
    what = f"multi-bit array of {params.lanes} lanes, for any network that fits, of windows of {top.spec.window} samples"
    command = f"make verilog MODEL=alq17 CONFIG={params.name}"
    text = verilog.header(what, command) + verilog.convert(top, name)
    folder = folder or files.BUILD / bundle.model / "verilog"
    path = files.write_bytes(folder / f"{name}.v", text.encode())
    data = image(compiled.program)
    stem = folder / f"{bundle.model}_{params.name}"
    files.write_bytes(stem.with_suffix(".image"), data)
    exact = cycles(params, normaliser(bundle), compiled.program)
    description = describe(bundle, params, top, name, text, f"{stem.name}.image", data) | {
        "input": {"window": bundle.normaliser.window, "raw_bits": bundle.normaliser.raw_bits, "rate_hz": RATE},
        "output": {
            "beats": 1 + len(bundle.classes),
            "header": result.header(loaded=True),
        },
        "cycles": asdict(exact),
        "utilisation": round(compiled.utilisation, 4),
        "listing": compiled.listing(),
    }
    files.write_json(stem.with_suffix(".json"), description)
    return MacDesign(name, params, bundle, path, compiled, data, exact, description)


def show(design: MacDesign) -> None:
    """The program's listing: what each operation costs, and how busy the lanes are."""
    table = Table(title=f"{design.bundle.model} on {design.params.lanes} lanes")
    columns = ("operation", "cycles", "additions", "utilisation", "slots", "passes", "taps", "weight_bytes")
    for name in columns:
        table.add_column(name.replace("_", " "), justify="left" if name == "operation" else "right")
    for row in design.description["listing"]:
        table.add_row(
            *(f"{100 * row[c]:.1f} %" if c == "utilisation" else f"{row[c]:,}" if c != "operation" else row[c] for c in columns)
        )
    cli.console.print(table)
    cli.say(
        f"{design.cycles.program:,} cycles a window, {100 * design.description['utilisation']:.1f} % of the lanes busy; "
        f"image {len(design.image):,} bytes"
    )
