"""``make coverage``: lines, branches and bits of the generated Verilog that the benches' conditions reach, counted by Verilator.
The figures go into ``docs/coverage.json``, the tables into ``docs/coverage.md``."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from sim import verilator
from sim.cover import beds, crosses, decisions, descriptors, points
from sim.cover.points import KINDS, Point
from sw import campaign, cli, files, metrics
from sw.data import source
from sw.errors import PopbeatError

STORED = files.ROOT / "docs" / "coverage.json"
GOAL = 0.9  # of OpenTitan's V2
# What is counted, by the name that ONLY gives.
TOPS: dict[str, Callable[[], beds.Reached]] = {
    "bnn17 full": lambda: beds.of_windows("bnn17", "full"),
    "bnn17 half": lambda: beds.of_windows("bnn17", "half"),
    "bnn17 tiny": lambda: beds.of_windows("bnn17", "tiny"),
    "bnn5 full": lambda: beds.of_windows("bnn5", "full"),
    "bnnbeat5 full": lambda: beds.of_windows("bnnbeat5", "full"),
    "bnnbeat5 record": lambda: beds.of_records("bnnbeat5"),
    "array": beds.of_array,
}
# Whose crosses are told: in `tiny`, and of short windows, others can occur than in streaming tops with long windows.
CROSSES = dict.fromkeys(("bnn17 full", "bnn17 half", "bnn5 full"), crosses.STREAMING)
CROSSES |= {"bnnbeat5 record": decisions.DETECTOR, "array": descriptors.ARRAY}
CODE = (".py", ".cpp", ".h", ".json", ".safetensors")  # what figures depend on


def component(scope: str) -> str:
    """The part of a top that an instance is: its path below the top."""
    return ".".join(scope.removeprefix("TOP.").split(".")[1:]) or "top"


def figures(counts: Counter[Point]) -> dict:
    """Points reached and in all, by kind; the same by component, where one lacks some; and what was never reached."""
    parts: dict[str, Counter[Point]] = {}
    for point, count in counts.items():
        parts.setdefault(component(point.scope), Counter())[point] = count
    by_part = {name: points.shares(of) for name, of in sorted(parts.items())}
    lacking = {name: shares for name, shares in by_part.items() if any(hit < total for hit, total in shares.values())}
    return {"shares": points.shares(counts), "components": lacking, "missed": points.missed(counts)}


def counted(name: str, data: str, simulator: str, code: str) -> dict:
    """The job: the figures of one of :data:`TOPS`; the other arguments are what they depend on."""
    campaign.demand("inputs", [data, simulator, code], list(_inputs().values()))
    reached = TOPS[name]()
    told = {"verilog_sha256": reached.verilog_sha256} | figures(reached.points)
    return told | ({"crosses": CROSSES[name].figures(reached.crosses)} if name in CROSSES else {})


def _inputs() -> dict[str, str]:
    """What the figures depend on: gateware, benches with their judge in C++, and the weights of the bundles among them."""
    listed = [path for part in ("hw", "sim", "sw") for path in sorted((files.ROOT / part).rglob("*")) if path.suffix in CODE]
    code = b"".join(path.read_bytes() for path in listed)
    return {"data": source.find(download=False).kind, "simulator": verilator.VERSION, "code": files.sha256(code)}


app = cli.new_app(__doc__)


@app.command()
def main(only: Annotated[str, typer.Option(help=f"One of: {', '.join(TOPS)}")] = "") -> None:
    """Count what the benches' conditions reach; ends with status 1 where a kind is below 90 % or a cross is missing."""
    if only and only not in TOPS:
        raise PopbeatError(f"ONLY={only!r} is none of {', '.join(TOPS)}")
    names = [only] if only else list(TOPS)
    inputs = _inputs()
    with cli.progress() as bar:
        jobs = [campaign.Job("sim.cover.run:counted", {"name": name} | inputs, name) for name in names]
        found = dict(zip(names, campaign.run(jobs, bar, "coverage"), strict=True))
    path = store(found, {name: inputs[name] for name in ("data", "simulator")})
    table = Table("top", *KINDS, "crosses", title=f"coverage ({path})")
    low = []
    for name, told in found.items():
        shares = [*told["shares"].values(), told["crosses"]["shares"]] if "crosses" in told else told["shares"].values()
        table.add_row(name, *(f"{metrics.percent(hit / total)} of {total:,}" for hit, total in shares))
        low += [f"{name}: {kind} below {100 * GOAL:.0f} %" for kind, (hit, total) in told["shares"].items() if hit < GOAL * total]
        low += [f"{name}: never occurred: {cross}" for cross in told.get("crosses", {}).get("missed", [])]
    cli.console.print(table)
    for one in low:
        cli.say(one)
    raise typer.Exit(1 if low else 0)


def store(found: dict[str, dict], inputs: dict[str, str]) -> Path:
    """Put figures into the stored ones."""
    stored = files.read_json(STORED) if STORED.is_file() else {}
    return files.write_json(STORED, stored | {name: {"command": "make coverage"} | inputs | told for name, told in found.items()})


if __name__ == "__main__":
    cli.run(app)
