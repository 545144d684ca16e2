"""Cycles of every layer of all networks on the array, as a page and as a picture."""

from pathlib import Path

from docs.generate import cycles_picture as picture
from sw import cli, files, networks
from sw.export import bundle
from sw.export.array import bundle as array
from sw.export.array import compiler, systems
from sw.export.array.program import cycles, sections

# The configuration mac128l of ``hw/mac/params.py``.
GROUPS = 8
HALF = 4096
MEMORY = 1 << 16
PAGE = files.ROOT / "docs" / "array_cycles.md"
COMMAND = "make cycles"


def compiled() -> list[compiler.Compiled]:
    """Every network on :data:`GROUPS` x 16 lanes with windows: the shipped ones, then those of one random base a channel."""
    shipped = [bundle.SHIPPED / name for name in networks.on_array()]
    graphs = [array.read(path).graph for path in shipped if path.is_dir()]
    graphs += [make() for make in systems.SYSTEMS.values()]
    return [compiler.compile_graph(g, GROUPS, HALF, MEMORY) for g in graphs]


def page(made: list[compiler.Compiled]) -> str:
    """The tables in Markdown."""
    lines = [
        "# Cycles on the array, layer by layer",
        "",
        "This page shows how many cycles each layer takes on the multi-bit array, and how busy its lanes are meanwhile.",
        "",
        f"Written by `{COMMAND}`, for {GROUPS * 16} lanes. `alq17`, `lamscn17` and `gasf5` are the trained networks; `lamscn` and",
        "`gasf` are their graphs with random weights of one base a channel (`sw/export/array/systems.py`): the fewest cycles.",
        "",
        "![](array_cycles.png)",
        "",
        "| | " + " | ".join(c.graph.name for c in made) + " |",
        "| --- |" + " --- |" * len(made),
    ]
    needs = [sections(c.program) for c in made]
    rows = {
        "multiply-accumulates": [systems.macs(c.graph) for c in made],
        "cycles": [cycles(c.program) for c in made],
        "operations": [len(c.nodes) for c in made],
        "bytes of activation memory": [c.bytes for c in made],
    } | {f"words of {name}": [len(n[name]) for n in needs] for name in needs[0]}
    lines += [f"| {name} | " + " | ".join(f"{v:,}" for v in values) + " |" for name, values in rows.items()]
    lines.append("| lanes busy | " + " | ".join(f"{100 * c.utilisation:.1f} %" for c in made) + " |")
    for each in made:
        lines += ["", f"## {each.graph.name}", "", "| operation | cycles | lanes busy | slots | passes | taps |"]
        lines.append("| --- |" + " --- |" * 5)
        for row in each.listing():
            busy = f"{100 * row['utilisation']:.1f} %" if row["additions"] else ""
            lines.append(
                f"| {row['operation']} | {row['cycles']:,} | {busy} | {row['slots']} | {row['passes']:,} | {row['taps']} |"
            )
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
