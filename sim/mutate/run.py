"""``make mutate``: mutants of a shipped top, judged on the conditions of its benches; what survives is proved equivalent,
explained in ``reasons.json``, or left over. The figures go into ``docs/mutants.json``, the table into ``docs/mutants.md``.

``reasons.json`` has for each mutant ``why`` it can't matter and, where that rests on a state that the design never comes to,
``never``: the module and an expression of its wires. What was judged once, of the same Verilog with the same stimulus, is not
judged again; neither are proofs."""

import re
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from hw import verilog
from sim.mutate import equivalence, judge, never, source
from sim.mutate.judge import CanaryMissed
from sim.mutate.netlist import Mutant
from sw import campaign, cli, files
from sw.data import source as recordings

STORED = files.ROOT / "docs" / "mutants.json"
REASONS = Path(__file__).with_name("reasons.json")
BATCH = 50
CANARIES = 9
OUTCOMES = ("killed", "equivalent", "explained", "left")


def component(top: str, module: str) -> str:
    """The part of a top that a module is, without numbers: ``block.matrix.popcount``."""
    path = module.removeprefix(top).strip("_").replace("__", ".")
    return re.sub(r"\d+", "", path).removeprefix("datapath.") or "top"


def judged(model: str, config: str, count: int, seed: int, bar) -> list[dict]:
    """Verdicts on all mutants, in the order of their numbers; those that the bed's segments let live have gone through the further
    ones, too."""
    named = {"model": model, "config": config, "count": count, "seed": seed}
    parts = judge.parts(**named)

    def judge_all(numbers: list[int], what: str, **more) -> list[dict]:
        wanted = judge.inputs(*parts, **more)
        batches = [numbers[at : at + BATCH] for at in range(0, len(numbers), BATCH)]
        jobs = [
            campaign.Job("sim.mutate.judge:batch", named | {"numbers": some, "wanted": wanted} | more, f"{some[0]} to {some[-1]}")
            for some in batches
        ]
        return [one for result in campaign.run(jobs, bar, f"{model} {config}: {what}") for one in result["verdicts"]]

    first = {one["number"]: one for one in judge_all(list(range(1, count + 1)), "mutants")}
    again = judge_all([number for number, one in first.items() if not one["killed"]], "survivors", further=True)
    return list((first | {one["number"]: one for one in again if one["killed"] or one["seen"]}).values())


def proofs(model: str, config: str, count: int, seed: int, survivors: list[int], killed: list[int], bar) -> dict[int, dict]:
    """Where each survivor is ``proved`` to change nothing, and in which ``way``; both empty where it is not. Some that were
    ``killed`` are the canaries, which may not be proved."""
    named = {"model": model, "config": config, "count": count, "seed": seed}
    _, made = judge.parts(**named)
    given = {"netlist": files.sha256(made.original.encode()), "proofs": equivalence.digest()}
    jobs = [
        campaign.Job("sim.mutate.equivalence:job", named | given | {"number": number}, made.mutants[number - 1].key)
        for number in (*killed, *survivors)
    ]
    found = dict(zip((*killed, *survivors), campaign.run(jobs, bar, f"{model} {config}: proofs"), strict=True))
    for number in killed:
        if found[number]["proved"]:
            raise CanaryMissed(f"{made.mutants[number - 1].key} was killed, and proved to change nothing")
    return {number: found[number] for number in survivors}


def canaries(top: str, mutants: list[Mutant], verdicts: list[dict]) -> list[int]:
    """Killed mutants that may not be proved: of each of :data:`CANARIES` components the last one to be noticed."""
    last: dict[str, tuple[int, int]] = {}
    for mutant, one in zip(mutants, verdicts, strict=True):
        if one["killed"]:
            part = component(top, mutant.module)
            last[part] = max(last.get(part, (0, 0)), (one["cycle"], mutant.number))
    return [number for _, number in sorted(last.values())[:: max(1, len(last) // CANARIES)]]


def checked(model: str, config: str, count: int, seed: int, reasons: dict[str, dict], bar) -> None:
    """That the design never comes to the states that these reasons rest on; an error where it does."""
    states = sorted({(one["never"]["module"], one["never"]["when"]) for one in reasons.values() if "never" in one})
    if not states:
        return
    named = {"model": model, "config": config, "count": count, "seed": seed}
    given = {"states": [list(one) for one in states], "wanted": never.inputs(*judge.parts(**named))}
    campaign.run([campaign.Job("sim.mutate.never:job", named | given, "states")], bar, f"{model} {config}: reasons")


def outcome(mutant: Mutant, verdict: dict, proved: str, reasons: dict[str, dict]) -> str:
    """Which of :data:`OUTCOMES` a mutant has."""
    if verdict["killed"]:
        return "killed"
    return "equivalent" if proved else "explained" if mutant.key in reasons else "left"


def figures(model: str, config: str, count: int, seed: int, bar) -> dict:
    """Everything of a top's mutants: counts by component and by mode, which segment killed, and each survivor."""
    bed, made = judge.parts(model, config, count, seed)
    verdicts = judged(model, config, count, seed, bar)
    survivors = [one["number"] for one in verdicts if not one["killed"]]
    noticed = canaries(bed.name, made.mutants, verdicts)
    proved = proofs(model, config, count, seed, survivors, noticed, bar)
    keys = {made.mutants[number - 1].key for number in survivors}
    reasons = {key: one for key, one in files.read_json(REASONS, "reasons").items() if key in keys}
    checked(model, config, count, seed, reasons, bar)
    components: dict[str, Counter] = {}
    modes: dict[str, Counter] = {}
    left = []
    for mutant, verdict in zip(made.mutants, verdicts, strict=True):
        proof = proved.get(mutant.number, {"proved": "", "way": ""})
        became = outcome(mutant, verdict, proof["proved"], reasons)
        part = component(bed.name, mutant.module)
        components.setdefault(part, Counter())[became] += 1
        modes.setdefault(mutant.mode, Counter())[became] += 1
        if became != "killed":
            told = {"outcome": became, "mutant": mutant.key, "source": mutant.source, "seen": verdict["seen"]}
            why = {} if proof["proved"] else reasons.get(mutant.key, {})
            left.append(told | {"proved_in": proof["proved"], "way": proof["way"], "reason": why})
    return {
        "command": f"make mutate MODEL={model} CONFIG={config} MUTANTS={count} SEED={seed}",
        "verilog_sha256": verilog.digest(bed.verilog),
        "data": recordings.find(download=False).kind,
        "mutants": count,
        "components": {name: dict(components[name]) for name in sorted(components)},
        "modes": {name: dict(modes[name]) for name in sorted(modes)},
        "killed_by": dict(Counter(one["segment"] for one in verdicts if one["killed"])),
        "survivors": left,
    }


def store(model: str, config: str, told: dict) -> Path:
    """Put a top's figures into the stored ones."""
    stored = files.read_json(STORED) if STORED.is_file() else {"netlists": {}, "source": {}}
    stored["netlists"][f"{model} {config}"] = told
    return files.write_json(STORED, stored)


def _of_source(count: int, seed: int) -> None:
    """Judge mutants of the Amaranth source."""
    with cli.progress() as bar:
        told = source.figures(count, seed, bar, files.read_json(REASONS, "reasons"))
    stored = (files.read_json(STORED) if STORED.is_file() else {}) | {"source": told}
    path = files.write_json(STORED, stored)
    total = sum((Counter(one) for one in told["folders"].values()), Counter())
    cli.say(f"Amaranth source: {count} mutants, " + ", ".join(f"{n} {name}" for name, n in total.items()) + f" ({path})")
    for one in told["survivors"]:
        if one["outcome"] == "left":
            cli.say(f"left: {one['mutant']}")
    raise typer.Exit(1 if total["left"] else 0)


app = cli.new_app(__doc__)


@app.command()
def main(
    model: Annotated[str, typer.Option(help="Shipped model")] = "bnn17",
    config: Annotated[str, typer.Option(help="Configuration of a binary network: full, half, two, tiny")] = "full",
    mutants: Annotated[int, typer.Option(help="How many", min=1)] = 1000,
    seed: Annotated[int, typer.Option(help="Of their choice", min=0)] = 1,
    in_source: Annotated[int, typer.Option("--source", help="Instead: so many mutants of the Amaranth source", min=0)] = 0,
) -> None:
    """Judge mutants of a top's Verilog, or of the Amaranth source by the tests of the file; ends with status 1 where one is left
    that neither a bench kills nor a proof or reason excuses."""
    if in_source:
        _of_source(in_source, seed)
        return
    with cli.progress() as bar:
        told = figures(model, config, mutants, seed, bar)
    path = store(model, config, told)
    total = sum((Counter(one) for one in told["components"].values()), Counter())
    cli.say(f"{model} {config}: {mutants} mutants, " + ", ".join(f"{total[name]} {name}" for name in OUTCOMES) + f" ({path})")
    for one in told["survivors"]:
        if one["outcome"] == "left":
            cli.say(f"left: {one['mutant']}, line {one['source']}" + ", outputs differ and no check says so" * one["seen"])
    raise typer.Exit(1 if total["left"] else 0)


if __name__ == "__main__":
    cli.run(app)
