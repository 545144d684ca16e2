"""Write the Verilog of a classifier whose results are read through AXI4-Lite registers, and its ports and registers as JSON."""

from pathlib import Path
from typing import Annotated

import typer

from hw import verilog
from hw.axilite import top
from sw import cli
from sw.export import bundle, bundles

app = cli.new_app(__doc__)


@app.command()
def main(
    model: Annotated[str, typer.Option(help="Shipped model")] = "bnn17",
    config: Annotated[str, typer.Option(help="Configuration, as of hw.generate")] = "full",
    path: Annotated[str, typer.Option("--bundle", help="Folder of a bundle instead of a shipped model")] = "",
    out: Annotated[str, typer.Option(help="Folder to write to; default build/<model>/verilog")] = "",
    name: Annotated[str, typer.Option(help="Name of the module and its files; default popbeat_<model>_<config>_axilite")] = "",
    depth: Annotated[int, typer.Option(help="Words of results that wait at most")] = top.DEPTH,
) -> None:
    """Write one Verilog file (the same bytes every time), its ports and registers as JSON, and for a multi-bit network the image
    that is loaded."""
    verilog.check_name(name)
    packed = bundles.read(bundle.locate(model, path))
    made, _ = top.generate(packed, config, Path(out) if out else None, name, depth)
    cli.say("\n".join(str(one) for suffix in (".v", ".json", ".image") if (one := made.with_suffix(suffix)).is_file()))


if __name__ == "__main__":
    cli.run(app)
