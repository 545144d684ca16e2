"""``make networks``: one bitstream, several networks. The array's top in simulation, networks of both fronts loaded one after
another over its stream; every packet must be the integer model's, as after a fresh load. A canary, one wrong logit, must fail."""

import io
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from hw import verilog
from hw.mac import design
from hw.mac.params import CONFIGS, ArrayParams
from hw.mac.top import MacTop
from sim import canary
from sim.benches import runner
from sw import cli, files
from sw.data import source
from sw.export import bundle, bundles
from sw.export.array import integer
from sw.export.array.bundle import GraphBundle
from sw.export.array.program import image
from sw.export.normaliser import NormaliserSpec

ORDER = "lamscn17,gasf5,alq17,lamscn17"
BENCH = "sim.benches.networks"


def packets(packed: GraphBundle, samples: np.ndarray) -> np.ndarray:
    """What the top sends of raw windows, numbered from 0: ``int32[n, 1 + classes]``."""
    trace = integer.run(packed, samples, keep=False)
    header = np.arange(len(samples)) | trace.label << 16 | trace.flat.astype(np.int64) << 24
    return np.concatenate([header[:, None], trace.logits], axis=1).astype("<i4")


def bench_file(path: Path, params: ArrayParams, loads: list[tuple[GraphBundle, np.ndarray]], wrong: int = 0) -> Path:
    """What the bench reads: each load's bytes, raw windows and packets; ``wrong`` is added to the last logit of all."""
    data = {"loads": len(loads)}
    for number, (packed, samples) in enumerate(loads):
        program = design.compile_bundle(packed, params).program
        data[f"image{number}"] = np.frombuffer(image(program), np.uint8)
        data[f"samples{number}"], data[f"packets{number}"] = samples, packets(packed, samples)
    data[f"packets{len(loads) - 1}"][-1, -1] += wrong
    content = io.BytesIO()
    np.savez(content, **data)
    return files.write_bytes(path, content.getvalue())


def run(params: ArrayParams, spec: NormaliserSpec, loads: list[tuple[GraphBundle, np.ndarray]], home: Path) -> None:
    """Build the top in ``home``, run the bench and its canary; any difference raises."""
    name = f"popbeat_{params.name}"
    path = files.write_bytes(home / f"{name}.v", verilog.convert(MacTop(params, spec), name).encode())
    runner.build(path, name, home)
    runner.run(name, BENCH, home, {"POPBEAT_BENCH": str(bench_file(home / "bench.npz", params, loads))}, tests=1)
    data = bench_file(home / "canary.npz", params, loads, wrong=1)
    seen = runner.outcome(name, BENCH, home, {"POPBEAT_BENCH": str(data)})
    if (seen.ran, seen.failed) != (1, 1) or f"load {len(loads) - 1}, window" not in seen.log:
        raise canary.CanaryMissed(f"a bench with one wrong logit: {seen.ran} tests ran, {seen.failed} failed:\n{seen.log}")


app = cli.new_app(__doc__)


@app.command()
def main(
    models: Annotated[str, typer.Option(help="Networks in the order of their loads")] = ORDER,
    config: Annotated[str, typer.Option(help="Array that holds them all")] = "mac128l",
    windows: Annotated[int, typer.Option(help="Windows or beats of each load")] = 1,
) -> None:
    """Load networks one after another into one simulated array."""
    found, loads = source.find(), []
    for number, model in enumerate(models.split(",")):
        packed = bundles.read(bundle.locate(model, None))
        task = bundles.task(packed)
        rows = task.windows(found)
        some = rows.take(np.linspace(0, len(rows) - 1, windows + number + 2).astype(int)[1 : windows + 1])
        loads.append((packed, task.samples(found, some)))
    run(CONFIGS[config], NormaliserSpec(), loads, files.BUILD / config / "networks")
    cli.say(f"{models.replace(',', ', ')}: one after another on {config}, every logit as after a fresh load; canary caught")


if __name__ == "__main__":
    cli.run(app)
