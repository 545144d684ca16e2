"""How errors reach the user: one line, exit status 2."""

import errno
import sys
from typing import Annotated

import pytest
import typer

from sw import cli
from sw.errors import PopbeatError


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PopbeatError("file x has 3; give 4"), "file x has 3; give 4"),
        (PermissionError(errno.EACCES, "Permission denied", "folder/r.dat"), "folder/r.dat can't be used: Permission denied"),
        (OSError(errno.ELOOP, "Too many levels of symbolic links", "l.hea"), "l.hea can't be used: Too many levels of symbolic"),
        (
            OSError(errno.ENAMETOOLONG, "File name too long", "x" * 300),
            "x" * 80 + "..." + "x" * 80 + " can't be used: File name too",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), "the system refused a file or a connection: No space left on device"),
        (IsADirectoryError(errno.EISDIR, "Is a directory", b"r.dat"), "r.dat can't be used: Is a directory"),
        (ConnectionError("line one\nline two"), "refused a file or a connection: line one line two"),
    ],
)
def test_errors_are_one_line(error, told, capsys):
    def app(standalone_mode):
        raise error

    with pytest.raises(SystemExit) as end:
        cli.run(app)
    said = capsys.readouterr().err
    assert end.value.code == 2 and said.startswith("error:") and told in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--upsets", "abc"], 2, "error: UPSETS=abc (--upsets): "),
        (["--upsets=-1"], 2, "error: UPSETS=-1 (--upsets): "),
        (["--upsets", ""], 2, "error: UPSETS= (--upsets): "),
        (["--upsets"], 2, "error: Option '--upsets' requires an argument; --help lists what there is"),
        (["--seed", "1"], 2, "error: No such option: --seed; --help"),
        (["more"], 2, "error: Got unexpected extra argument(s) (more); --help"),
        (["--upsets", "3"], 3, ""),
        (["--upsets", "4"], 130, ""),
        ([], 0, ""),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_options_that_are_refused_and_how_a_command_ends(arguments, code, told, capsys, monkeypatch):
    app = cli.new_app("counts")

    @app.command()
    def main(upsets: Annotated[int, typer.Option(min=1)] = 1) -> None:
        if upsets == 4:
            raise KeyboardInterrupt
        raise typer.Exit(upsets if upsets > 1 else 0)

    monkeypatch.setattr(sys, "argv", ["command", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.run(app)
    said = capsys.readouterr().err
    assert end.value.code == code and said.strip().startswith(told)
    assert said.strip().count("\n") == 0
