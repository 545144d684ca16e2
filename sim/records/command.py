"""What ``make classify``, ``make beats RECORD=`` and ``make detect RECORD=`` share: options, the way through several recordings."""

from collections.abc import Callable
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from sim.records import opening
from sim.records.opening import Opened, Wish
from sw import cli, files, honesty
from sw.errors import PopbeatError
from sw.export.bundles import Bundle

Lead = Annotated[str, typer.Option(help="Lead by name or number; default MLII, II, then other leads of an ECG")]
Invert = Annotated[bool, typer.Option(help="Turn the lead upside down")]
Strict = Annotated[bool, typer.Option(help="Samples that contradict their header's checksum are an error")]
Rate = Annotated[str, typer.Option(help="Samples a second of a table (.csv, .tsv, .txt, .npy); other files have their own")]
Start = Annotated[str, typer.Option("--from", help="Where to begin: seconds, minutes:seconds or hours:minutes:seconds")]
Stop = Annotated[str, typer.Option("--to", help="Where to end")]


def refuse(beside: str, **given) -> None:
    """What was ``given`` (empty, if not) and has no meaning ``beside`` something else is an error, not ignored."""
    if wrong := [f"{name}={value}" for name, value in given.items() if value]:
        raise PopbeatError(f"{', '.join(wrong)} has no meaning for {beside}; leave it out")


def answer(asked: str, wish: Wish, packed: Bundle | None, raw_bits: int, model: str, of: Callable[[Opened], dict]) -> None:
    """Take every recording that ``asked`` means through ``of``. Of several, one that fails does not stop the others: a table and
    a ``summary_….json`` say which did, and the command ends with an error."""
    names = opening.listed(asked)
    rows, failed, said = {}, {}, packed is None

    def one(name: str) -> dict:
        nonlocal said
        opened = opening.open_one(name, wish, packed, raw_bits, model)
        opened.folder.mkdir(parents=True, exist_ok=True)  # one that can't be made is told before the work, not behind it
        if not said:
            cli.warn(honesty.reached(packed.model, packed.sha256))
            said = True
        return of(opened)

    if len(names) == 1:
        one(names[0])
        return
    for number, name in enumerate(names, 1):
        cli.say(f"recording {number} of {len(names)}: {name}")
        try:
            rows[name] = one(name)
        except (PopbeatError, OSError) as error:
            failed[name] = cli.refused(error) if isinstance(error, OSError) else str(error)
            cli.warn(f"{name} is left out: {failed[name]}")
    about = {"model": model, "recordings": rows, "failed": failed}
    if packed is not None:
        about["honesty"] = honesty.reached(packed.model, packed.sha256)
    told = files.sha256(repr([asked, wish, model, packed and packed.sha256]).encode())[:8]
    path = files.write_json(files.BUILD / opening.HOME / f"summary_{model}_{told}.json", about)
    _show(rows, failed)
    cli.say(f"summary: {path}")
    if failed:
        raise PopbeatError(
            f"{len(failed)} of {len(names)} recordings could not be read, {next(iter(failed))} first; {path} says why"
        )


def _show(rows: dict[str, dict], failed: dict[str, str]) -> None:
    table = Table(title="all recordings")
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    for name in ("recording", *columns, "failed"):
        table.add_column(name, overflow="fold")
    for name, row in rows.items():
        table.add_row(Text(name), *[Text(str(row.get(column, ""))) for column in columns], "")
    for name, why in failed.items():
        table.add_row(Text(name), *[""] * len(columns), Text(why))
    cli.console.print(table)


class Late:
    """What takes a while to make (a compiled simulator), made when it is first asked for: a faulty recording is told before."""

    def __init__(self, make: Callable):
        self._make, self._made = make, None

    @property
    def made(self):
        """It."""
        if self._made is None:
            self._made = self._make()
        return self._made
