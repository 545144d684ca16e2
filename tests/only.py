"""What ``make test ONLY=...`` runs: a source path becomes its test file or folder, a test path stays, else it is an expression."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("hw", "sw", "sim", "docs", "examples")
SIDE_BY_SIDE = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")  # a folder has many files


def of_source(name: str) -> str:
    """The test file or folder of a source file or folder; ends with a message where there is none."""
    source = Path(name.removesuffix(".py"))
    if not (ROOT / source).is_dir() and not (ROOT / source).with_suffix(".py").is_file():
        sys.exit(f"error: ONLY={name}: there is no {source} and no {source}.py")
    folder = Path("tests") / source
    test = folder.with_name(f"test_{source.name}.py")
    for found in (test, folder):
        if (ROOT / found).exists():
            return str(found)
    near = next(parent for parent in folder.parents if (ROOT / parent).is_dir())
    sys.exit(f"error: ONLY={name}: no test of its own ({test} is not there); those near it: make test ONLY={near}")


def arguments(only: str) -> list[str]:
    """pytest's arguments for ``ONLY``."""
    path = only.split("::")[0]
    if re.fullmatch(rf"({'|'.join(SOURCES)})(/[\w/]*(\.py)?)?", only):
        path = only = of_source(only.rstrip("/"))
    if path.split("/")[0] == "tests" and (ROOT / path).exists():
        return [only, *SIDE_BY_SIDE] if (ROOT / path).is_dir() else [only]
    if "/" in only or only.endswith(".py"):
        sys.exit(f"error: ONLY={only}: neither a test, nor a source below {', '.join(SOURCES)}, nor an expression for -k")
    return ["-k", only]


if __name__ == "__main__":
    import pytest

    sys.exit(pytest.main([*arguments(sys.argv[1]), *sys.argv[2:]]))
