"""What every command line of the project shares: the console, progress bars, and how an error reaches the user."""

import os
import sys
from typing import NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from sw.errors import PopbeatError

console = Console()
errors = Console(stderr=True)


def progress() -> Progress:
    """A progress bar with count, time elapsed and time left."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=errors,
    )


def say(text: str) -> None:
    """A line on standard output, as it is: no colours, no wrapping of paths."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def warn(text: str) -> None:
    """A notice on standard error that does not stop the work."""
    errors.print("[bold yellow]notice:[/]", end=" ")
    errors.print(text, markup=False, highlight=False, soft_wrap=True)


def run(app: typer.Typer) -> None:
    """Run a typer application; a :class:`PopbeatError`, or a file that the system refuses (:class:`OSError`), becomes one line on
    standard error and exit status 2."""
    try:
        app()
    except PopbeatError as error:
        _fail(str(error))
    except OSError as error:
        _fail(refused(error))


def refused(error: OSError) -> str:
    """What the system said of a file, in one line: the file, shortened in the middle where it is long, and the reason."""
    reason = error.strerror or " ".join(str(error).split()) or type(error).__name__
    if error.filename is None:
        return f"the system refused a file or a connection: {reason}"
    name = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else str(error.filename)
    name = name if len(name) <= 200 else f"{name[:80]}...{name[-80:]}"
    return f"{name} can't be used: {reason}; name another path, or change this one"


def _fail(text: str) -> NoReturn:
    errors.print("[bold red]error:[/]", end=" ")
    errors.print(text, markup=False, highlight=False, soft_wrap=True)
    sys.exit(2)


def new_app(text: str) -> typer.Typer:
    """A typer application without shell completion and without local variables in tracebacks."""
    return typer.Typer(help=text, add_completion=False, pretty_exceptions_enable=False, no_args_is_help=False)
