"""``make fuzz``: broken inputs to everything that reads something from outside, each target in a process with bounded memory.

A case is made from a seed and its number, so that it can be made again. A case that ends otherwise than in one line, takes longer
than :data:`SECONDS` or more memory than :data:`BYTES` is a find; its input stays in ``build/fuzz``. Figures go to
``docs/fuzz.json``.
"""

import multiprocessing
import resource
import shutil
import signal
import tempfile
import traceback
import warnings
from pathlib import Path
from random import Random
from typing import Annotated

import typer
from rich.table import Table

from sim.fuzz.targets import TARGETS
from sw import cli, files
from sw.errors import PopbeatError

CASES = 10_000
SECONDS = 10  # for a case
BYTES = 6 << 30  # of address space, libraries among it
HOME = files.BUILD / "fuzz"
STORED = files.ROOT / "docs" / "fuzz.json"
STEP = 100


class TooLong(Exception):
    """A case took longer than it may."""


def _late(*_) -> None:
    raise TooLong(f"more than {SECONDS} s")


def one(name: str, valid: Path, folder: Path, seed: int, number: int) -> str:
    """Feed one case; what went wrong, empty where nothing did."""
    signal.signal(signal.SIGALRM, _late)
    signal.alarm(SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            TARGETS[name].case(valid, folder, Random(f"{name} {seed} {number}"))
    except Exception:  # everything that is no message to the user is what is looked for
        return traceback.format_exc()
    finally:
        signal.alarm(0)
    return ""


def feed(name: str, seed: int, first: int, last: int, home: Path, told) -> list[tuple[int, str]]:
    """Feed the cases ``first`` to ``last``; those that went wrong, with what was said. ``told`` hears how many are done."""
    finds = []
    with tempfile.TemporaryDirectory() as temporary:
        valid, folder = Path(temporary) / "valid", Path(temporary) / "case"
        valid.mkdir()
        TARGETS[name].make(valid)
        TARGETS[name].feed(valid)  # what is not broken is read
        for number in range(first, last):
            if wrong := one(name, valid, folder, seed, number):
                finds.append((number, wrong))
                kept = home / name.replace(", ", "-").replace(" ", "-") / f"{seed}-{number}"
                shutil.rmtree(kept, ignore_errors=True)
                shutil.copytree(folder, kept)
            if (number + 1 - first) % STEP == 0 or number + 1 == last:
                told(min(STEP, (number - first) % STEP + 1))
    return finds


def _process(name: str, seed: int, cases: int, home: Path, pipe) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    cli.errors.quiet = True  # notices of ten thousand inputs
    pipe.send(("finds", feed(name, seed, 0, cases, home, lambda count: pipe.send(("done", count)))))


def campaign(names: list[str], seed: int, cases: int, home: Path = HOME) -> dict[str, list[tuple[int, str]]]:
    """All targets, one process after the other; the finds of each. A process that dies is a find of its own."""
    finds, context = {}, multiprocessing.get_context("spawn")
    with cli.progress() as bar:
        for name in names:
            line = bar.add_task(name, total=cases)
            mine, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_process, args=(name, seed, cases, home, theirs))
            process.start()
            theirs.close()
            finds[name] = None
            while finds[name] is None:
                try:
                    kind, value = mine.recv()
                except EOFError:
                    process.join()
                    finds[name] = [(-1, f"the process died with status {process.exitcode}")]
                    break
                if kind == "done":
                    bar.update(line, advance=value)
                else:
                    finds[name] = value
            process.join()
    return finds


def show(finds: dict[str, list[tuple[int, str]]], cases: int) -> None:
    """The table that a person reads."""
    table = Table(title="broken inputs")
    for column in ("input", "cases", "finds"):
        table.add_column(column, justify="left" if column == "input" else "right")
    for name, found in finds.items():
        table.add_row(name, f"{cases:,}", str(len(found)))
    cli.console.print(table)


app = cli.new_app(__doc__)


@app.command()
def main(
    cases: Annotated[int, typer.Option(help="Inputs for each target")] = CASES,
    seed: Annotated[int, typer.Option(help="Another seed makes other inputs")] = 1,
    only: Annotated[str, typer.Option(help="One target instead of all: " + "; ".join(TARGETS))] = "",
) -> None:
    """Feed broken inputs to everything that reads something from outside."""
    if only and only not in TARGETS:
        raise PopbeatError(f"unknown target {only!r}; there are {'; '.join(TARGETS)}")
    if cases < 1:
        raise PopbeatError(f"CASES={cases} must be 1 or more")
    finds = campaign([only] if only else list(TARGETS), seed, cases)
    show(finds, cases)
    if not only:
        told = {"command": f"make fuzz CASES={cases} SEED={seed}", "cases": cases, "seed": seed}
        files.write_json(STORED, told | {"finds": {name: len(found) for name, found in finds.items()}})
    if wrong := {name: found for name, found in finds.items() if found}:
        name, found = next(iter(wrong.items()))
        raise PopbeatError(f"{sum(map(len, wrong.values()))} finds, in {HOME}; the first, {name} {found[0][0]}:\n{found[0][1]}")


if __name__ == "__main__":
    cli.run(app)
