"""``make gate``: the netlist that goes to place and route, simulated with the device's cells, through the bench of the top.

The same cocotb test, real windows, exact logits and cycles; then, of foldings, the same windows back to back, while every net's
toggles are counted.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from hw import verilog
from hw.fpga import devices, flow
from hw.fpga.measure import LINK_MHZ, Classifier, check_device, classifier, entry
from sim import canary, engines
from sim.benches import runner, vectors
from sim.gate import toggles
from sim.gate.cells import source_of
from sw import cli, report
from sw.data import source, tasks
from sw.errors import PopbeatError
from sw.export import bundle, bundles

WINDOWS = 3
TEST = "gaps_0_stalls_0"
PORTS = ("clk", "rst", "s_axis_*", "m_axis_*", "c_axis_*", "status", "loaded", "overrun")


def check(netlist: Path, top: str, folder: Path, bench: dict) -> int:
    """Simulate a netlist, Verilog with its cells, on ``bench`` (what :mod:`sim.benches.top` reads); then its canary, a wrong logit,
    must fail. Returns the number of windows."""
    runner.build(netlist, top, folder, visible=PORTS)
    environment = {"POPBEAT_BENCH": str(vectors.write(folder / "bench.npz", bench)), "COCOTB_TEST_FILTER": f"{TEST}$"}
    runner.run(top, "sim.benches.top", folder, environment, tests=1)
    logits = bench["logits"].copy()
    logits[0, 0] += 1
    wrong = vectors.write(folder / "canary.npz", bench | {"logits": logits})
    seen = runner.outcome(top, "sim.benches.top", folder, environment | {"POPBEAT_BENCH": str(wrong)})
    if (seen.ran, seen.failed) != (1, 1) or "window 0: expected [" not in seen.log:
        raise canary.CanaryMissed(f"a netlist's bench with one wrong logit: {seen.ran} tests ran, {seen.failed} failed")
    return len(bench["samples"])


def _toggles(netlist: flow.Netlist, made: Classifier, samples: np.ndarray, logits: np.ndarray, folder: Path) -> dict:
    """Toggles of a binary classifier's netlist, whose logits must be these ``int64[n, classes]``."""
    seen = toggles.count(netlist, made.name, samples, made.top.params.config.samples, folder)
    toggles.check_results(seen.words, logits)
    return {"toggles_a_window": seen.toggles, "nets": seen.nets}


app = cli.new_app(__doc__)


@app.command()
def main(
    model: Annotated[str, typer.Option(help="Shipped model")] = "bnn17",
    device: Annotated[str, typer.Option(help="Device: " + ", ".join(devices.DEVICES))] = "ecp5-25k",
    config: Annotated[str, typer.Option(help="Folding, array, or tiny (for small devices)")] = "full",
) -> None:
    """Synthesise for a device and run real windows through the netlist."""
    chosen, packed = devices.get(device), bundles.read(bundle.locate(model, ""))
    made, found = classifier(packed, config), source.find()
    check_device(made, chosen)
    if made.cycles is None:
        raise PopbeatError(f"the bench of netlists is that of a classifier, not of the configuration {config!r}; take CONFIG=full")
    task = tasks.get(packed.task)
    windows = task.windows(found)
    classes = np.unique(windows.label)
    rows = np.array([np.flatnonzero(windows.label == c)[0] for c in classes[np.linspace(0, len(classes) - 1, WINDOWS).astype(int)]])
    samples = task.samples(found, windows.take(rows))
    image = engines.engine(packed, config).image or b""
    bench = vectors.of(packed, samples, image, words=task.words, **vars(made.cycles))
    home = made.home("fpga", f"{made.config}_{device}")
    with cli.progress() as bar:
        line = bar.add_task("synthesis", total=3)
        text = verilog.convert(made.top, made.name, chosen.family)
        # What is placed is the same but where the host link stands around it.
        netlist = flow.synthesise(text, made.name, chosen, home / ("gate_synthesis" if chosen.family in LINK_MHZ else "synthesis"))
        bar.update(line, advance=1, description="simulation of the netlist")
        count = check(source_of(netlist, home / "gate"), made.name, home / "gate", bench)
        bar.update(line, advance=1, description="toggles")
        # The tiny engine is no folding, and has none to be held against.
        alone = image or made.layerwise
        switching = {} if alone else _toggles(netlist, made, samples, bench["logits"], home / "toggles")
        bar.update(line, advance=1)
    seen = {
        "windows": count,
        "mismatches": 0,
        "canary_caught": True,
        "verilog_sha256": verilog.digest(text),
        "bundle_sha256": packed.sha256,
        **switching,
    }
    report.add(packed.model, "fpga", entry(device, made.config), {"gate_level": seen})
    cli.say(f"{packed.model} on {device}: {count} windows through the netlist, 0 mismatches; a wrong logit was caught")
    if switching:
        cli.say(f"{switching['toggles_a_window']:,} toggles a window on {switching['nets']:,} nets (relative: no energy in joules)")


if __name__ == "__main__":
    cli.run(app)
