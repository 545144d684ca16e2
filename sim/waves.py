"""A waveform of one window through a top, with the signals that a person wants to see at the front."""

from typing import Annotated

import typer

from sim import compare, engines
from sw import cli, files
from sw.data import source, tasks
from sw.errors import PopbeatError
from sw.export import bundle, bundles

app = cli.new_app(__doc__)


@app.command()
def main(
    model: Annotated[str, typer.Option(help="Shipped model; default bnn17")] = "",
    path: Annotated[str, typer.Option("--bundle", help="Folder of a bundle instead")] = "",
    config: Annotated[str, typer.Option(help="Named folding or array, or a JSON file of foldings")] = "full",
    window: Annotated[str, typer.Option(help="Number of the window in its task, or RECORD:START")] = "0",
) -> None:
    """Write a value change dump of one window, and a GTKWave save file that shows its main signals."""
    packed = bundles.read(bundle.locate(model or "bnn17", path))
    found, task = source.find(), bundles.task(packed)
    windows = task.windows(found)
    row = find_window(windows, window)
    samples = task.samples(found, windows.take([row]))
    harness = engines.engine(packed, config).harness(waves=True)
    name = f"{windows.record[row]}_{windows.start[row]}"
    folder = files.BUILD / packed.model / "waves"
    folder.mkdir(parents=True, exist_ok=True)
    dump = folder / f"{name}.vcd"
    temporary = folder / f".{name}.vcd"
    seen = harness.run(samples, waves=temporary)
    compare.check(seen, engines.trace(packed, samples))
    temporary.replace(dump)
    save = files.write_bytes(folder / f"{name}.gtkw", gtkwave(dump.name, harness).encode())
    truth = task.named(int(windows.label[row]))
    told = bundles.told(packed, int(seen.label[0]), seen.logits[0])
    cli.say(f"record {windows.record[row]}, samples from {windows.start[row]}: labelled {truth}, hardware says {told}")
    cli.say(f"{dump} ({dump.stat().st_size >> 20} MiB)\nsurfer {dump}\ngtkwave {save}")


def find_window(windows: tasks.Windows, text: str) -> int:
    """Row of a window given by its number or as RECORD:START."""
    if ":" in text:
        record, start = text.split(":", 1)
        rows = [i for i in range(len(windows)) if windows.record[i] == record and str(windows.start[i]) == start]
        if not rows:
            raise PopbeatError(f"WINDOW={text}: the task has no window of record {record!r} that begins at sample {start!r}")
        return rows[0]
    if not text.isdigit() or int(text) >= len(windows):
        raise PopbeatError(f"WINDOW={text}: give a number from 0 to {len(windows) - 1}, or RECORD:START")
    return int(text)


def gtkwave(dump: str, harness) -> str:
    """A save file: the ports, then every layer's output."""
    datapath = ".".join(("TOP", harness.design.name, *harness.simulator.datapath))
    lines = [f'[dumpfile] "{dump}"', "-AXI4-Stream"]
    for port in harness.design.description["ports"]:
        width = port["width"]
        lines.append(f"TOP.{port['name']}" + (f"[{width - 1}:0]" if width > 1 else ""))
    lines.append("-layers")
    for name, bits in harness.simulator.widths.items():
        lines += [f"{datapath}.tap_{name}_moves", f"{datapath}.tap_{name}[{bits - 1}:0]"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    cli.run(app)
