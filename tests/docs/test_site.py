"""The site of the docs: it builds, no link is dead, nothing is loaded from outside."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from sw import files

PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE")


def build(root, site):
    """Run what ``make docs`` runs, in the repository at ``root``."""
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--config-file",
        "docs/site/mkdocs.yml",
        "--site-dir",
        str(site),
    ]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    run = build(files.ROOT, folder)
    assert run.returncode == 0, run.stderr
    return folder


def test_every_page_is_there_and_the_generators_are_not(site):
    for page in (files.ROOT / "docs").glob("**/*.md"):
        assert (site / page.relative_to(files.ROOT / "docs").with_suffix(".html")).is_file(), page
    assert (site / "index.html").is_file() and (site / "contributing.html").is_file()
    assert not (site / "generate").exists()


def test_components_have_their_docstrings(site):
    text = (site / "api" / "binary.html").read_text()
    assert 'id="hw.binary.pool.Pool"' in text
    assert "Max-pool of 7 positions" in text


def test_nothing_is_loaded_from_outside(site):
    for page in site.glob("**/*.html"):
        for tag in re.findall(r"<(?:script|link|img|iframe)[^>]*>", page.read_text()):
            assert not re.search(r"(?:src|href)=\"?(?:https?:)?//", tag), (page, tag)
    assert "fonts.g" not in "".join(sheet.read_text() for sheet in site.glob("assets/stylesheets/*.css"))


def test_a_dead_link_is_an_error(tmp_path):
    """Canary: a page, an anchor and a file outside docs that do not exist, each of them is named."""
    root = tmp_path / "popbeat"
    shutil.copytree(files.ROOT / "docs", root / "docs", ignore=shutil.ignore_patterns("generate", "__pycache__"))
    for name in PAGES:
        shutil.copy(files.ROOT / name, root / name)
    for folder in ("hw", "sw", "sim", "tests", "constraints"):
        (root / folder).symlink_to(files.ROOT / folder)
    with open(root / "docs" / "use.md", "a") as page:
        page.write("\n[a](nowhere.md) [b](array.md#nowhere) [c](../hw/nowhere.py)\n")
    run = build(root, tmp_path / "site")
    assert run.returncode != 0
    for dead in ("'nowhere.md'", "'array.md#nowhere'", "'../hw/nowhere.py'"):
        assert dead in run.stderr, run.stderr
