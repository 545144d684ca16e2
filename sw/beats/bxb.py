"""The WFDB tool ``bxb`` as a second judge, where it is installed."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from sw.beats.annotations import ANNOTATOR
from sw.data.mitbih import RATE
from sw.errors import PopbeatError


def installed() -> bool:
    """Whether ``bxb`` is on PATH."""
    return shutil.which("bxb") is not None


def detection(path: Path, annotations: Path, start: int, annotator: str = ANNOTATOR) -> dict[str, int]:
    """Detected, missed and extra beats by ``bxb`` of ``annotations/<record>.<annotator>`` against the ``atr`` file of the record
    ``path``, from sample ``start`` on."""
    with tempfile.TemporaryDirectory() as folder:
        for source in (path.with_suffix(".hea"), path.with_suffix(".atr"), annotations / f"{path.name}.{annotator}"):
            shutil.copy(source, folder)
        command = ["bxb", "-r", path.name, "-a", "atr", annotator, "-f", f"{start / RATE:g}"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return parse(done.stdout, path.name)


def parse(report: str, record: str) -> dict[str, int]:
    """Counts from a report of ``bxb``: its lines ``QRS sensitivity: 99.9% (found/all)`` and ``QRS positive predictivity: ...``."""
    found = {
        name: re.search(rf"QRS {text}:[^(]*\((\d+)/(\d+)\)", report)
        for name, text in (("missed", "sensitivity"), ("extra", "positive predictivity"))
    }
    if not all(found.values()):
        raise PopbeatError(f"bxb's report on record {record} has no line on QRS: {report.strip()[:200]!r}; is it another version?")
    right = {name: int(match[1]) for name, match in found.items()}
    return {"detected": right["missed"], **{name: int(match[2]) - int(match[1]) for name, match in found.items()}}
