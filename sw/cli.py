"""What every command line of the project shares: the console, progress bars, and how an error reaches the user."""

import sys

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
    """Run a typer application; a :class:`PopbeatError` becomes one line on standard error and exit status 2."""
    try:
        app()
    except PopbeatError as error:
        errors.print("[bold red]error:[/]", end=" ")
        errors.print(str(error), markup=False, highlight=False, soft_wrap=True)
        sys.exit(2)


def new_app(text: str) -> typer.Typer:
    """A typer application without shell completion and without local variables in tracebacks."""
    return typer.Typer(help=text, add_completion=False, pretty_exceptions_enable=False, no_args_is_help=False)
