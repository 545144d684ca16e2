"""Cycles of every layer of all networks on the array, as a page and as a picture."""

from pathlib import Path

from docs.generate import cycles_picture as picture
from hw.mac.params import LARGE
from sw import cli, document, files, networks
from sw.export import bundle
from sw.export.array import bundle as array
from sw.export.array import compiler, systems
from sw.export.array.program import LANES, cycles, sections
from sw.metrics import percent

PAGE = files.ROOT / "docs" / "array_cycles.md"
COMMAND = "make cycles"


def compiled() -> list[compiler.Compiled]:
    """Every network on :data:`hw.mac.params.LARGE`: the shipped ones, then those of one random base a channel."""
    shipped = [bundle.SHIPPED / name for name in networks.on_array()]
    graphs = [array.read(path).graph for path in shipped if path.is_dir()]
    graphs += [make() for make in systems.SYSTEMS.values()]
    return [compiler.compile_graph(g, LARGE.groups, LARGE.half, LARGE.memory) for g in graphs]


def page(made: list[compiler.Compiled]) -> str:
    """The tables in Markdown."""
    lines = [
        "# Cycles on the array, layer by layer",
        "",
        "This page shows how many cycles each layer takes on the multi-bit array, and how busy its lanes are meanwhile.",
        "",
        f"Written by `{COMMAND}`, for {LARGE.groups * LANES} lanes."
        " `alq17`, `lamscn17` and `gasf5` are the trained networks; `lamscn` and",
        "`gasf` are their graphs with random weights of one base a channel (`sw/export/array/systems.py`): the fewest cycles.",
        "",
        "![](array_cycles.png)",
        "",
    ]
    needs = [sections(c.program) for c in made]
    rows: dict[str, list] = {
        "multiply-accumulates": [systems.macs(c.graph) for c in made],
        "cycles": [cycles(c.program) for c in made],
        "operations": [len(c.nodes) for c in made],
        "bytes of activation memory": [c.bytes for c in made],
    } | {f"words of {name}": [len(n[name]) for n in needs] for name in needs[0]}
    rows["lanes busy"] = [percent(c.utilisation) for c in made]
    lines.append(document.table(["", *[c.graph.name for c in made]], [[name, *values] for name, values in rows.items()]))
    for each in made:
        cells = [
            [
                row["operation"],
                row["cycles"],
                percent(row["utilisation"]) if row["additions"] else "",
                row["slots"],
                row["passes"],
                row["taps"],
            ]
            for row in each.listing()
        ]
        lines += ["", f"## {each.graph.name}", ""]
        lines.append(document.table(["operation", "cycles", "lanes busy", "slots", "passes", "taps"], cells))
    return "\n".join(lines) + "\n"


app = cli.new_app(__doc__)


@app.command()
def main() -> None:
    """Write docs/array_cycles.md and .png."""
    made = compiled()
    path: Path = files.write_bytes(PAGE, page(made).encode())
    picture.draw([each for each in made if each.graph.name not in systems.SYSTEMS], PAGE.with_suffix(".png"))
    for each in made:
        cli.say(f"{each.graph.name}: {cycles(each.program):,} cycles, {100 * each.utilisation:.1f} % of the lanes busy")
    cli.say(f"layer by layer: {path}")


if __name__ == "__main__":
    cli.run(app)
