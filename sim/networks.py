"""``make networks``: one bitstream, several networks. Networks of both fronts are loaded one after another, over the stream of the
simulated array's top, then by the host's program through the bytes of a simulated board's serial line; every answer must be the
integer model's, as after a fresh load. Canaries, one wrong logit, and one wrong sign in a network that is loaded, must fail."""

import io
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from hw import verilog
from hw.board.host import Host, Result
from hw.mac import design
from hw.mac.params import CONFIGS, ArrayParams
from hw.mac.top import MacTop
from sim import canary, compare
from sim.benches import runner
from sim.bulk import board
from sw import cli, files, report
from sw.data import source
from sw.export import bundle, bundles
from sw.export.array import integer
from sw.export.array.bundle import GraphBundle
from sw.export.array.program import image
from sw.export.front.normaliser import NormaliserSpec

ORDER = "lamscn17,gasf5,alq17,lamscn17"
BENCH = "sim.benches.mac.networks"
Loads = list[tuple[GraphBundle, np.ndarray]]  # a network and its raw windows or beats int16[n, window]


def packets(packed: GraphBundle, samples: np.ndarray, load: int = 0) -> np.ndarray:
    """What the top sends of raw windows, numbered from 0, of the network that is the ``load``-th after reset, from 0 on: ``int32[n,
    1 + classes]``."""
    trace = integer.run(packed, samples, keep=False)
    header = np.arange(len(samples)) | trace.label << 16 | trace.flat.astype(np.int64) << 24 | (load + 1) << 26
    return np.concatenate([header[:, None], trace.logits], axis=1).astype("<i4")


def bench_file(path: Path, params: ArrayParams, loads: Loads, wrong: int = 0) -> Path:
    """What the bench reads: each load's bytes, raw windows and packets; ``wrong`` is added to the last logit of all."""
    data = {"loads": len(loads)}
    for number, (packed, samples) in enumerate(loads):
        program = design.compile_bundle(packed, params).program
        data[f"image{number}"] = np.frombuffer(image(program), np.uint8)
        data[f"samples{number}"], data[f"packets{number}"] = samples, packets(packed, samples, number)
    data[f"packets{len(loads) - 1}"][-1, -1] += wrong
    content = io.BytesIO()
    np.savez(content, **data)
    return files.write_bytes(path, content.getvalue())


def run(params: ArrayParams, spec: NormaliserSpec, loads: Loads, home: Path) -> None:
    """Build the top in ``home``, run the bench and its canary; any difference raises."""
    name = verilog.module(params.name)
    path = files.write_bytes(home / f"{name}.v", verilog.convert(MacTop(params, spec), name).encode())
    runner.build(path, name, home)
    runner.run(name, BENCH, home, {"POPBEAT_BENCH": str(bench_file(home / "bench.npz", params, loads))}, tests=1)
    data = bench_file(home / "canary.npz", params, loads, wrong=1)
    seen = runner.outcome(name, BENCH, home, {"POPBEAT_BENCH": str(data)})
    if (seen.ran, seen.failed) != (1, 1) or f"load {len(loads) - 1}, window" not in seen.log:
        raise canary.CanaryMissed(f"a bench with one wrong logit: {seen.ran} tests ran, {seen.failed} failed:\n{seen.log}")


@dataclass(frozen=True)
class Board:
    """What went over a board's line: ``cycles`` of its clock, bytes ``sent`` to it, ``answers`` that were compared, those of boards
    that held no other network (``fresh``), what was wrong in the canary's network, and the hash of the Verilog."""

    cycles: int
    sent: int
    answers: int
    fresh: int
    canary: str
    verilog_sha256: str


def check_answers(load: int, results: list[Result], wanted: np.ndarray) -> int:
    """Raise :class:`sim.compare.Mismatch` unless the answers to a load's windows are the packets ``int32[n, 1 + classes]``; returns
    how many there are."""
    seen = np.array([[r.number | r.label << 16, *r.logits] for r in results])
    # The host's program keeps no flag: without a call a label is 255.
    compare.equal(f"load {load}", seen, np.concatenate([wanted[:, :1] & 0xFFFFFF, wanted[:, 1:]], axis=1))
    return len(results)


def must_fail(load: int, results: list[Result], wanted: np.ndarray, what: str) -> None:
    """Raise :class:`sim.canary.CanaryMissed` unless the answers differ from the packets."""
    try:
        check_answers(load, results, wanted)
    except compare.Mismatch:
        return
    raise canary.CanaryMissed(f"answers of a board were compared with {what} changed, and no difference was noticed")


def load_and_classify(host: Host, packed: GraphBundle, params: ArrayParams, samples: np.ndarray) -> list[Result]:
    """Load a network into a board's array, whatever is there, and classify raw windows; then half a window is sent, which the next
    load loses."""
    host.load(image(design.compile_bundle(packed, params).program))
    results = [host.classify(window) for window in samples]
    host.stream(samples[0][: len(samples[0]) // 2])
    return results


def run_board(params: ArrayParams, spec: NormaliserSpec, loads: Loads, home: Path) -> Board:
    """Build a board's top in ``home`` and load the networks one after another over its line, with a restart before the first one
    alone; each again into a board that holds none. Then the canaries: a logit that is expected wrongly, and one wrong sign in the
    last network, which a last load brings."""
    program = board.compiled(MacTop(params, spec), home)
    answers = fresh = 0
    with board.SimulatedBoard(program) as line:
        host = Host(line)
        host.restart()
        for number, (packed, samples) in enumerate(loads):
            results, wanted = load_and_classify(host, packed, params, samples), packets(packed, samples)
            answers += check_answers(number, results, wanted)
            with board.SimulatedBoard(program) as other:
                alone = Host(other)
                alone.restart()
                fresh += check_answers(number, load_and_classify(alone, packed, params, samples), wanted)
        cycles, sent = line.cycle, line.sent
        wrong = wanted.copy()
        wrong[-1, -1] += 1
        must_fail(number, results, wrong, "an expected logit")
        flip = canary.flip_weight(packed, samples, integer.run(packed, samples), len(packed.convolutions) - 1)
        results = load_and_classify(host, flip.bundle, params, samples)
        check_answers(number + 1, results, packets(flip.bundle, samples))
        must_fail(number + 1, results, wanted, flip.what)
    return Board(cycles, sent, answers, fresh, flip.what, verilog.digest((home / "top.v").read_text()))


app = cli.new_app(__doc__)


@app.command()
def main(
    models: Annotated[str, typer.Option(help="Networks in the order of their loads")] = ORDER,
    config: Annotated[str, typer.Option(help="Array that holds them all")] = "mac128l",
    windows: Annotated[int, typer.Option(help="Windows or beats of each load over the stream", min=0)] = 1,
    board_windows: Annotated[int, typer.Option(help="Windows or beats of each load through the board's line", min=0)] = 3,
) -> None:
    """Load networks one after another into one simulated array, over its stream and through a board's serial line; with 0 windows
    a way is left out."""
    found, loads = source.find(), []
    for number, model in enumerate(models.split(",")):
        packed = bundles.read(bundle.locate(model, None))
        task = bundles.task(packed)
        rows = task.windows(found)
        most = max(windows, board_windows, 1)
        some = rows.take(np.linspace(0, len(rows) - 1, most + number + 2).astype(int)[1 : most + 1])
        loads.append((packed, task.samples(found, some)))
    home, named = files.BUILD / config, models.replace(",", ", ")
    figures = {
        "data": found.kind,
        "config": config,
        "models": models.split(","),
        "bundle_sha256": {packed.model: packed.sha256 for packed, _ in loads},
        "command": "make networks",
    }
    if windows:
        run(CONFIGS[config], NormaliserSpec(), [(packed, samples[:windows]) for packed, samples in loads], home / "networks")
        figures["stream"] = {"answers": windows * len(loads), "mismatches": 0, "canary_caught": True}
        cli.say(f"{named}: one after another on {config}, every logit as after a fresh load; canary caught")
    if board_windows:
        begun, some = time.monotonic(), [(packed, samples[:board_windows]) for packed, samples in loads]
        seen = run_board(CONFIGS[config], NormaliserSpec(), some, home / "board_line")
        figures["board"] = asdict(seen) | {"divisor": board.DIVISOR, "mismatches": 0, "canary_caught": True}
        cli.say(
            f"{named}: one after another through a board's line with {config}: {seen.sent:,} bytes, {seen.cycles:,} cycles, "
            f"{seen.answers} answers, 0 values differ from the integer model's and from fresh boards'; canaries caught (a logit; "
            f"{seen.canary}); {time.monotonic() - begun:.0f} s"
        )
    report.put("networks", figures)


if __name__ == "__main__":
    cli.run(app)
