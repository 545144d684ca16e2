"""What every command line of the project shares: the console, progress bars, and how an error reaches the user."""

import itertools
import os
import sys
from typing import NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from typer.exceptions import TyperException

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
    """Run a typer application; a :class:`PopbeatError`, a file that the system refuses (:class:`OSError`), or an option that typer
    refuses becomes one line on standard error and exit status 2; a user's interrupt ends with 130."""
    try:
        sys.exit(app(standalone_mode=False))
    except TyperException as error:
        _fail(misused(error, sys.argv[1:]))
    except PopbeatError as error:
        _fail(str(error))
    except OSError as error:
        _fail(refused(error))


def misused(error: TyperException, arguments: list[str]) -> str:
    """What was wrong with a command's ``arguments``, in one line. An option's value is named as make has it, too."""
    for option in getattr(getattr(error, "param", None), "opts", None) or []:
        values = [after for before, after in itertools.pairwise(arguments) if before == option]
        values += [one.removeprefix(f"{option}=") for one in arguments if one.startswith(f"{option}=")]
        if values:
            return f"{option.lstrip('-').upper()}={values[-1]} ({option}): {error.message}"
    return f"{error.format_message().rstrip('.')}; --help lists what there is"


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
