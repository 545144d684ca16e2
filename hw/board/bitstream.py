"""``make bitstream``: a classifier behind the host link as a bitstream for a board, and what its clock makes of it."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from hw import verilog
from hw.beats import top as beat_top
from hw.board import boards
from hw.board.boards import Board
from hw.board.clock import Ice40Pll, Pll
from hw.board.top import BoardTop, blink_bits
from hw.fpga import flow
from hw.fpga.measure import LINK_MHZ, Classifier, check_device, check_link, classifier, way_out
from hw.link.wire import BAUD
from hw.mac.top import MacTop
from hw.tiny import params as tiny
from sw import cli, files, report
from sw.errors import PopbeatError
from sw.export import bundle, bundles
from sw.export.array.bundle import GraphBundle

CONSTRAINTS = files.ROOT / "constraints"
NAME = "popbeat_board"
PLL_PIN = "35"  # of an iCE40 UP5K in its package with 48 pins


@dataclass(frozen=True)
class Built:
    """A bitstream with the placement behind it, what it runs at (``mhz``), and the hash of the Verilog that it is of."""

    bitstream: Path
    placement: flow.Placement
    mhz: int
    verilog_sha256: str


def board_verilog(made: Classifier, board: Board, pll: Pll | Ice40Pll | None) -> str:
    """The board's top with a classifier in it, as it is synthesised."""
    mhz = pll.to_mhz if pll else board.clock_mhz
    top = BoardTop(made.top, round(mhz * 1e6 / BAUD), pll, blink_bits(mhz), board.lamps_low, flash="flash_off" in board.places)
    return verilog.convert(top, NAME, board.device.family)


def build(made: Classifier, board: Board, pll: Pll | Ice40Pll | None, seed: int, bar) -> Built:
    """Generate, synthesise, place, route and pack (``pll`` makes the clock, or it is the board's own); a clock that is missed is a
    :class:`PopbeatError` that says by how much."""
    home = made.home("board", f"{board.name}_{made.config}")
    mhz = pll.to_mhz if pll else board.clock_mhz
    step = bar.add_task(f"{made.bundle.model} for {board.name}: synthesis", total=3)
    text = board_verilog(made, board, pll)
    netlist = flow.synthesise(text, NAME, board.device, home / "synthesis")
    what = f"{made.bundle.model} in configuration {made.config} with the host link"
    pins = (CONSTRAINTS / f"{board.name}{board.suffix}").read_text()
    flow.check_room(netlist, board.device, home / "packed", what, way_out(made, board.device), pins)
    bar.update(step, advance=1, description="place and route")
    placed = flow.place(
        netlist,
        board.device,
        home / f"seed{seed}",
        seed,
        float(mhz),
        pins,
        lambda line: bar.update(step, description=line.removeprefix("Info:").strip()[:60] or "place and route"),
    )
    bar.update(step, advance=1, description="bitstream")
    if placed.mhz < mhz:
        slower = int(placed.mhz // board.clock_mhz) * board.clock_mhz
        instead = f"take MHZ={slower}, or another SEED" if slower else "take another SEED"
        raise PopbeatError(f"{made.bundle.model} on {board.name} reaches {placed.mhz:.1f} of {mhz} MHz with seed {seed}; {instead}")
    packed = flow.pack(placed, board.device)
    bitstream = files.write_bytes(home / f"{board.name}_{made.bundle.model}{packed.suffix}", packed.read_bytes())
    bar.update(step, advance=1, description=f"{made.bundle.model} for {board.name}")
    return Built(bitstream, placed, mhz, verilog.digest(text))


def make_pll(board: Board, mhz: int) -> Pll | Ice40Pll | None:
    """What makes a board's clock one of ``mhz``; None where it is that already."""
    if mhz == board.clock_mhz:
        return None
    if board.device.family == "ice40":
        return Ice40Pll(board.clock_mhz, mhz, pad=board.pins()["clock"][0] == PLL_PIN)
    if board.device.family == "gowin":
        raise PopbeatError(f"on {board.name} a classifier runs at the board's {board.clock_mhz} MHz; leave MHZ out")
    return Pll(board.clock_mhz, mhz)


def default_config(packed: bundles.Bundle, board: Board) -> str:
    """What a board gets: a network of beats stands behind the QRS detector, so that it takes raw samples like the others."""
    if packed.network.words:
        return beat_top.NAME
    small = board.device.family in LINK_MHZ and not isinstance(packed, GraphBundle)
    return tiny.NAME if small else "full"


def default_mhz(made: Classifier, board: Board) -> int:
    """The clock that is asked for: what the engines meet with room to spare, a multiple of the board's."""
    if board.device.family in LINK_MHZ:
        return LINK_MHZ[board.device.family]
    most = {MacTop: 75, beat_top.BeatTop: 25}.get(type(made.top), 100)
    return max(most - most % board.clock_mhz, board.clock_mhz)


app = cli.new_app(__doc__)


@app.command()
def main(
    board: Annotated[str, typer.Option(help="Board: " + ", ".join(boards.BOARDS))] = "ulx3s-85f",
    model: Annotated[str, typer.Option(help="Shipped model")] = "bnn17",
    config: Annotated[str, typer.Option(help="Folding, array, tiny or record; default what suits board and model")] = "",
    mhz: Annotated[int, typer.Option(help="Clock, a multiple of the board's; 0: one that is known to be met")] = 0,
    seed: Annotated[int, typer.Option(help="nextpnr's seed")] = 1,
    path: Annotated[str, typer.Option("--bundle", help="Folder of a bundle instead of a shipped model")] = "",
) -> None:
    """Build a bitstream. The same inputs give the same bytes."""
    chosen = boards.get(board)
    packed = bundles.read(bundle.locate(model, path))
    made = classifier(packed, config or default_config(packed, chosen))
    check_device(made, chosen.device)
    check_link(made)
    pll = make_pll(chosen, mhz or default_mhz(made, chosen))
    with cli.progress() as bar:
        built = build(made, chosen, pll, seed, bar)
    digest = files.sha256(built.bitstream.read_bytes())
    used = {name: built.placement.used.get(cell, 0) for name, cell in flow.CELLS[chosen.device.family].items()}
    table = Table(title=f"{packed.model} ({made.config}) on {chosen.name}")
    table.add_column("")
    table.add_column("", justify="right")
    for name, value in used.items():
        table.add_row(name, f"{value:,}")
    table.add_row("MHz, reached", f"{built.placement.mhz:.1f}")
    table.add_row("MHz, used", str(built.mhz))
    if made.cycles:
        table.add_row("µs a classification (latency)", f"{made.cycles.latency / built.mhz:.2f}")
        table.add_row("µs from window to window", f"{made.cycles.interval / built.mhz:.2f}")
    cli.console.print(table)
    cli.say(f"bitstream: {built.bitstream}\nSHA-256 {digest}")
    asked = {"CONFIG": config, "MHZ": mhz, "SEED": seed if seed != 1 else 0}
    figures = {
        "config": made.config,
        "seed": seed,
        "mhz": built.mhz,
        "reached_mhz": round(built.placement.mhz, 1),
        **used,
        **({n: round(v / built.mhz, 2) for n, v in asdict(made.cycles).items() if n != "program"} if made.cycles else {}),
        "bitstream_sha256": digest,
        "bundle_sha256": packed.sha256,
        "verilog_sha256": built.verilog_sha256,
        "command": f"make bitstream BOARD={chosen.name} MODEL={packed.model}" + "".join(f" {k}={v}" for k, v in asked.items() if v),
    }
    report.add(packed.model, "board", chosen.name, figures)
    loader = "iceprog" if chosen.device.family == "ice40" else f"openFPGALoader --board {chosen.loader}"
    cli.say(f"load it: {loader} {built.bitstream}")
    cli.say(
        f"then:    make replay MODEL={packed.model} RECORD=200 PORT=/dev/ttyUSB0"
        + (f" CONFIG={made.config}   (it loads the network first)" if isinstance(packed, GraphBundle) else "")
    )


if __name__ == "__main__":
    cli.run(app)
