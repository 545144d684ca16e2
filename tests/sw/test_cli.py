"""How errors reach the user: one line, exit status 2."""

import errno

import pytest

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
    def app():
        raise error

    with pytest.raises(SystemExit) as end:
        cli.run(app)
    said = capsys.readouterr().err
    assert end.value.code == 2 and said.startswith("error:") and told in said
    assert said.count("\n") == 1
