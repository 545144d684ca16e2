"""The code of a tutorial, taken out of its page and run in a copy of the tree.

What counts on a page are its fenced blocks. A comment in the line above one says what it is for:

- ``<!-- file: hw/stream/decimator.py -->``: the block is that file; ``<!-- more of: ... -->``: it goes behind what stands there;
- a block of ``console`` is run, line by line where it begins with ``$``; what such a line printed must be what follows it.
  ``<!-- fails: why -->``: its last command must end with another status than 0, the other ones with 0;
- a block of ``pycon`` is run as a doctest, in a process of its own;
- ``<!-- shown: why -->``: the block is neither written nor run. Other blocks without a language are ignored.

Output is compared as doctest does it: ``...`` stands for anything, white space for any white space.
"""

import doctest
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sw import files

FENCED = re.compile(r"(?:^<!-- (file|more of|fails|shown): (.+?) -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
COPIED = ("hw", "sw", "sim", "tests", "Makefile", "pyproject.toml", "requirements.lock")


class Differs(AssertionError):
    """A block does not do what its page says."""


@dataclass(frozen=True)
class Block:
    """A fenced block: its ``language``, the ``mark`` above it with its ``argument``, its ``text``."""

    mark: str
    argument: str
    language: str
    text: str

    @property
    def runs(self) -> bool:
        """Whether it is run."""
        return self.language in ("console", "pycon") and self.mark != "shown"


def blocks(page: str) -> list[Block]:
    """The blocks of a page, in order."""
    return [Block(*found) for found in FENCED.findall(page)]


def copy_tree(folder: Path) -> Path:
    """A copy of what the commands need in ``folder``, with this environment: what a page writes and builds stays there."""
    for name in COPIED:
        here = files.ROOT / name
        if here.is_dir():
            shutil.copytree(here, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(here, folder / name)
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (folder / ".venv" / "ready").touch()  # so that make does not make it
    # Verilator's own part is compiled once for all designs.
    shared = files.BUILD / "verilated"
    shared.mkdir(parents=True, exist_ok=True)
    (folder / "build").mkdir()
    (folder / "build" / "verilated").symlink_to(shared)
    return folder


def do(block: Block, tree: Path) -> None:
    """Write or run a block in the tree."""
    if block.mark in ("file", "more of"):
        path = tree / block.argument
        path.parent.mkdir(parents=True, exist_ok=True)
        behind = block.mark == "more of"
        with path.open("a" if behind else "w") as file:
            file.write(("\n\n" if behind else "") + block.text)  # the formatter takes empty lines off a block's start
    elif block.runs and block.language == "pycon":
        (tree / "session.txt").write_text(block.text)
        told, status = _call(".venv/bin/python -m doctest -o ELLIPSIS -o NORMALIZE_WHITESPACE session.txt", tree)
        if status:
            raise Differs(told)
    elif block.runs:
        _console(block, tree)


def _console(block: Block, tree: Path) -> None:
    steps = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block.text, re.MULTILINE)
    for number, (command, expected) in enumerate(steps, start=1):
        told, status = _call(command, tree)
        fails = block.mark == "fails" and number == len(steps)
        if bool(status) != fails or not doctest.OutputChecker().check_output(expected, told, FLAGS):
            raise Differs(f"$ {command}\nended with status {status} and printed\n{told}\nand the page says\n{expected}")


def _call(command: str, tree: Path) -> tuple[str, int]:
    """Output and exit status of a command in the tree, which knows nothing of a test round it."""
    outer = ("PYTEST_", "COCOTB_", "POPBEAT_SEED", "VERILATOR_ROOT", "MAKE", "MFLAGS")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(outer)} | {"COLUMNS": "100"}
    done = subprocess.run(
        ["bash", "-c", command], cwd=tree, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return done.stdout, done.returncode
