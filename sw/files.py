"""Where things are, and how they are written: whole or not at all."""

import hashlib
import json
import os
import tempfile
import tomllib
from pathlib import Path

from sw.errors import PopbeatError

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
MAX_JSON_BYTES = 16 << 20


def project() -> dict:
    """What ``pyproject.toml`` says of this project: its ``version``, its ``license``."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def sha256(data: bytes) -> str:
    """Hexadecimal SHA-256 of ``data``."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_bytes(path: Path, data: bytes) -> Path:
    """Write ``data`` to a temporary file beside ``path``, then rename: readers never see half a file."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def write_json(path: Path, value) -> Path:
    """Write ``value`` as indented JSON, whole or not at all."""
    return write_bytes(path, (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode())


def read_json(path: Path, what: str = "file"):
    """Read a JSON file; a missing or malformed one is a :class:`PopbeatError` that names it."""
    path = Path(path)
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise PopbeatError(f"{what} {path} has {path.stat().st_size} bytes; at most {MAX_JSON_BYTES} are read")
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PopbeatError(f"{what} not found: {path}") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise PopbeatError(f"{what} {path} can't be read as JSON: {error}") from None


def is_marked(path: Path, mark: str) -> bool:
    """Whether there is a JSON file whose ``mark`` is this one: a result that need not be made again."""
    return path.is_file() and read_json(path).get("mark") == mark
