"""Recordings for tests of the data: the real ones where they are, and two synthetic records."""

from pathlib import Path

import pytest

from sw import files
from sw.data import source, synthetic

SHARED = files.ROOT.parent / "shared" / "data"
real = pytest.mark.skipif(source.missing(SHARED / "mitdb") != [], reason="needs the real recordings beside the project")


@pytest.fixture(scope="session")
def small(tmp_path_factory) -> Path:
    """Two synthetic records."""
    path = tmp_path_factory.mktemp("small") / "db"
    synthetic.write_database(path, ("100", "207"))
    return path
