"""``make netlists``: small random networks through the synthesis of each family of FPGAs, and as gates; each netlist, with the
cells of its family, runs the bench of the top: every logit and cycle. Faults of synthesis show here, and what the Verilog leaves
to it.

Families that are placed here are synthesised as for placement, block RAMs and multipliers among it. Of the others yosys has no
models of these, so there everything is logic. Figures go to ``docs/netlists.json``, the table to ``docs/fpga.md``.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from hw import configurations, verilog
from hw.binary.datapath import DatapathParams
from hw.binary.folding import Config, Folding
from hw.binary.top import Top
from hw.fpga import devices, flow
from sim.benches import vectors
from sim.drawn import random_bundle, random_rhythm, random_windows
from sim.gate import netlist as gate
from sim.gate.cells import models, source_of
from sw import campaign, cli, files

STORED = files.ROOT / "docs" / "netlists.json"
TOP = "drawn"
WINDOWS = 6
CASES = 4
PLACED = {"ecp5": "ecp5-25k", "ice40": "ice40-up5k", "gowin": "gw2ar-18"}
LOGIC = {
    "xc7": "synth_xilinx -family xc7 -flatten -noiopad -noclkbuf -nobram -nodsp -nosrl",
    "nexus": "synth_nexus -family lifcl -noiopad -nobram -nodsp -nolutram",
    "cyclonev": "synth_intel_alm -family cyclonev -noiopad -noclkbuf -nobram -nodsp -nolutram",
    "gates": "synth -flatten",
}
FAMILIES = (*PLACED, *LOGIC)


def drawn(seed: int) -> tuple[DatapathParams, np.ndarray]:
    """A random network in a random folding, every second one with rhythm bits, and windows for it."""
    rng = np.random.default_rng(seed)
    channels, window = [int(c) for c in rng.integers(2, 7, 2 + seed % 2)] + [3], int(rng.integers(140, 180))
    rhythm = random_rhythm(seed, 2, 3, 5, (0, 4), True, int(rng.integers(0, 2)) * 6) if seed % 2 else None
    packed = random_bundle(seed, channels, window, rhythm=rhythm)
    blocks = []
    for number, (count, geometry) in enumerate(zip(channels, packed.network.blocks, strict=True)):
        parts = int(rng.choice([p for p in (1, 2, 4) if geometry.taps % p == 0])) if number else 1
        pe = 1 if number == len(channels) - 1 or (rhythm and not number) else int(rng.integers(1, count + 1))
        blocks.append(Folding(pe, parts, bool(rng.integers(0, 2))))
    samples = random_windows(seed, WINDOWS, window)
    if rhythm:
        samples = np.concatenate([rng.integers(0, 2048, (WINDOWS, rhythm.words)), samples], axis=1).astype(np.int16)
    return DatapathParams(packed, Config(TOP, tuple(blocks))), samples


def _source(text: str, family: str, folder: Path) -> Path:
    """One Verilog file of the netlist and its cells."""
    if family in PLACED:
        return source_of(flow.synthesise(text, TOP, devices.get(PLACED[family]), folder / "synthesis"), folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "top.v").write_text(text)
    plain = "read_verilog top.v; setattr -unset ram_style -unset rom_style */*"
    verilog.yosys(f"{plain}; {LOGIC[family]} -top {TOP}; write_verilog -noattr mapped.v", folder)
    return files.write_bytes(folder / "netlist.v", f"{models(family)}\n{(folder / 'mapped.v').read_text()}".encode())


def job(seed: int, family: str, inputs: str) -> dict:
    """The job: a network's netlist on its windows; a wrong logit must be noticed."""
    campaign.demand("inputs", [inputs], [digest(seed, family)])
    params, samples = drawn(seed)
    folder = files.BUILD / "netlists" / f"{seed}_{family}"
    text = verilog.convert(Top(params), TOP, family if family in PLACED else "")
    bench = vectors.of(params.bundle, samples, **vars(configurations.cycles(params)))
    return {"windows": gate.check(_source(text, family, folder), TOP, folder / "gate", bench)}


def digest(seed: int, family: str) -> str:
    """Hash of the Verilog that a job synthesises, and of this file."""
    text = verilog.convert(Top(drawn(seed)[0]), TOP, family if family in PLACED else "")
    return files.sha256((verilog.digest(text) + files.sha256(Path(__file__).read_bytes())).encode())


app = cli.new_app(__doc__)


@app.command()
def main(
    cases: Annotated[int, typer.Option(help="How many networks", min=1)] = CASES,
    seed: Annotated[int, typer.Option(help="Of the first one", min=0)] = 1,
) -> None:
    """Synthesise random networks for each family and hold their netlists against the integer model."""
    pairs = [(family, number) for number in range(seed, seed + cases) for family in FAMILIES]
    jobs = [
        campaign.Job("sim.gate.families:job", {"seed": n, "family": f, "inputs": digest(n, f)}, f"network {n} of {f}")
        for f, n in pairs
    ]
    with cli.progress() as bar:
        results = campaign.run(jobs, bar, "netlists")
    told = {family: {"networks": 0, "windows": 0} for family in FAMILIES}
    for (family, _), result in zip(pairs, results, strict=True):
        told[family]["networks"] += 1
        told[family]["windows"] += result["windows"]
    path = files.write_json(STORED, {"command": f"make netlists CASES={cases} SEED={seed}", "families": told})
    table = Table(title=f"random networks behind synthesis, 0 values differ ({path})")
    for heading in ("family", "networks", "windows"):
        table.add_column(heading, justify="left" if heading == "family" else "right")
    for family, one in told.items():
        table.add_row(family, str(one["networks"]), str(one["windows"]))
    cli.console.print(table)


if __name__ == "__main__":
    cli.run(app)
