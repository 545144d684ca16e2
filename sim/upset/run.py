"""``make upset``: single bits of a shipped top flip while real windows go through it, each in a run of its own; what comes out is
judged packet by packet. The figures go into ``docs/upsets.json``, the tables into ``docs/upsets.md``.

What was run once, of the same Verilog with the same windows, is not run again."""

from collections import Counter
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from sim.upset import outcome
from sim.upset.bed import WINDOWS, Bed, shipped
from sim.upset.cells import FIXED, KINDS
from sw import campaign, cli, files
from sw.data import source
from sw.errors import PopbeatError

STORED = files.ROOT / "docs" / "upsets.json"
# For a share at +-3 % with 95 %.
ENOUGH = 1068
BATCH = 89
STARTS = 30  # from random states
LONG = 2  # more windows wrong than this is too many


@cache
def prepared(model: str, config: str) -> Bed:
    """The bed of a shipped top, compiled."""
    return shipped(model, config)


def batch(model: str, config: str, kind: str, count: int, seed: int, start: int, stop: int, wanted: dict[str, str]) -> dict:
    """The job: outcomes of some upsets of a kind, in the order of their cycles."""
    bed = prepared(model, config)
    here = bed.inputs
    campaign.demand("inputs", [wanted[name] for name in here], list(here.values()))
    upsets = bed.drawn(kind, count, seed)[start:stop]
    told = zip(upsets, bed.run(upsets), strict=True)
    return {"outcomes": [asdict(one) | {"cell": f"{upset.cell.module} {upset.cell.name}"} for upset, one in told]}


def starts(model: str, config: str, seeds: list[int], wanted: dict[str, str]) -> dict:
    """The job: how many starts from random states gave the right windows in the right cycles after one cycle of reset; without the
    reset, which is the canary, one must not."""
    bed = prepared(model, config)
    campaign.demand("inputs", [wanted[name] for name in bed.inputs], list(bed.inputs.values()))
    if _right_without_reset(bed, seeds):
        raise PopbeatError(f"{bed.name} starts from random states without a reset as if it had one")
    return {"seeds": len(seeds), "right": sum(one == outcome.NONE for one in bed.starts(seeds))}


def _right_without_reset(bed: Bed, seeds: list[int]) -> bool:
    """Whether every start is right without a reset. Where an array does not take its network, the simulation stops; were it for
    another reason, those with a reset would stop, too."""
    try:
        return all(one.effect == "none" for one in bed.starts(seeds, reset=False))
    except PopbeatError:
        return False


def counted(kind: str, outcomes: list[dict]) -> dict:
    """Counts of a kind: by effect; by effect and recovery, of constants none, which nothing but a new configuration rights; most
    windows wrong in a row of those that recover by themselves; of how many some result told that a constant has changed, and of how
    many a wrong result did not; and each cell whose upset stopped the stream or took more than :data:`LONG` windows."""
    effects, recoveries, grave = Counter(), {}, Counter()
    for one in outcomes:
        effects[one["effect"]] += 1
        if one["effect"] == "none":
            continue
        recovery = outcome.RECOVERIES[2] if kind in FIXED else one["recovery"]
        recoveries.setdefault(one["effect"], Counter())[recovery] += 1
        if kind not in FIXED and (recovery != outcome.RECOVERIES[0] or one["wrong"] > LONG):
            grave[f"{one['cell']}: {one['effect']}, {one['wrong']} windows, {recovery}"] += 1
    healed = [one["wrong"] for one in outcomes if one["recovery"] == outcome.RECOVERIES[0] and kind not in FIXED]
    return {
        "upsets": len(outcomes),
        "effects": {name: effects[name] for name in outcome.EFFECTS},
        "late": sum(one["late"] for one in outcomes),
        "recoveries": {effect: dict(found) for effect, found in recoveries.items()},
        "most_wrong": max(healed, default=0),
        "told": sum(one["told"] for one in outcomes),
        "silent": sum(one["silent"] > 0 for one in outcomes),
        "grave": dict(grave.most_common()),
    }


def figures(model: str, config: str, upsets: int, seed: int, bar) -> dict:
    """Everything of a top's upsets."""
    line = bar.add_task(f"{model} {config}: compiling", total=1)
    bed = prepared(model, config)
    bar.update(line, advance=1)
    wanted, kinds = bed.inputs, {}
    for kind in KINDS:
        bits = sum(cell.size for cell in bed.cells if cell.kind == kind)
        if not bits:
            continue
        named = {"model": model, "config": config, "kind": kind, "count": upsets, "seed": seed, "wanted": wanted}
        places = [(at, min(at + BATCH, upsets)) for at in range(0, upsets, BATCH)]
        jobs = [
            campaign.Job("sim.upset.run:batch", named | {"start": start, "stop": stop}, f"{start} to {stop}")
            for start, stop in places
        ]
        done = [one for result in campaign.run(jobs, bar, f"{model} {config}: {kind}") for one in result["outcomes"]]
        kinds[kind] = {"bits": bits} | counted(kind, done)
    named = {"model": model, "config": config, "seeds": list(range(1, STARTS + 1)), "wanted": wanted}
    (starts,) = campaign.run([campaign.Job("sim.upset.run:starts", named, "random states")], bar, f"{model} {config}: starts")
    return {
        "command": f"make upset MODEL={model} CONFIG={config} UPSETS={upsets} SEED={seed}",
        **{name: value for name, value in wanted.items() if name != "bed"},
        "data": source.find(download=False).kind,
        "windows": WINDOWS,
        "kinds": kinds,
        "starts": starts,
    }


def store(model: str, config: str, told: dict) -> Path:
    """Put a top's figures into the stored ones."""
    stored = files.read_json(STORED) if STORED.is_file() else {}
    return files.write_json(STORED, stored | {f"{model} {config}": told})


app = cli.new_app(__doc__)


@app.command()
def main(
    model: Annotated[str, typer.Option(help="Shipped model that takes windows")] = "bnn17",
    config: Annotated[str, typer.Option(help="Configuration: full, half, two, tiny, or an array")] = "full",
    upsets: Annotated[int, typer.Option(help="How many of each kind of cell", min=1)] = ENOUGH,
    seed: Annotated[int, typer.Option(help="Of their choice", min=0)] = 1,
) -> None:
    """Flip single bits in flip-flops and in each kind of memory, and count what becomes of the results."""
    with cli.progress() as bar:
        told = figures(model, config, upsets, seed, bar)
    path = store(model, config, told)
    table = Table("cells", "bits", "upsets", *outcome.EFFECTS, title=f"{model} {config}: upsets ({path})")
    for kind, found in told["kinds"].items():
        table.add_row(kind, f"{found['bits']:,}", str(found["upsets"]), *(str(found["effects"][name]) for name in outcome.EFFECTS))
    cli.console.print(table)
    cli.say(f"starts from random states: {told['starts']['right']} of {told['starts']['seeds']} right")
    for kind, found in told["kinds"].items():
        for cell, count in found["grave"].items():
            cli.say(f"{kind}: {count} x {cell}")


if __name__ == "__main__":
    cli.run(app)
