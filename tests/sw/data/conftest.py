"""For tests of the data: the real recordings, without which a test says that it was left out, and two synthetic records."""

from pathlib import Path

import pytest

from sw import files
from sw.data import mitbih, source, synthetic
from sw.data.windows import Windows


@pytest.fixture(scope="session")
def mitdb(recordings) -> source.Source:
    """The real recordings, from wherever the commands take them. The synthesiser can't stand in for published labels."""
    if recordings.kind != mitbih.NAME:
        pytest.skip("needs the real recordings: POPBEAT_DATA, data/mitdb or ../shared/data/mitdb")
    return recordings


def published(name: str) -> Path:
    """A published file or folder that may not be part of the project and stands beside it."""
    path = files.ROOT.parent / "shared" / "data" / name
    if not path.exists():
        pytest.skip(f"needs {name} beside the project, in ../shared/data")
    return path


def digest(windows: Windows) -> str:
    """SHA-256 of where windows lie and what they are labelled: with it the published labels are known without their file."""
    rows = zip(windows.record, windows.start, windows.label, strict=True)
    return files.sha256("\n".join(f"{record},{start},{label}" for record, start, label in rows).encode())


@pytest.fixture(scope="session")
def small(tmp_path_factory) -> Path:
    """Two synthetic records."""
    path = tmp_path_factory.mktemp("small") / "db"
    synthetic.write_database(path, ("100", "207"))
    return path
