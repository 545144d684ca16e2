"""Where the recordings come from: the first of five places that has them.

1. the folder that the environment variable ``POPBEAT_DATA`` names (the word ``synthetic`` asks for the synthesiser),
2. ``data/mitdb`` in the project,
3. ``../shared/data/mitdb`` beside the project,
4. PhysioNet, downloaded by wfdb into ``data/mitdb`` (resumable, each file held against PhysioNet's SHA-256),
5. a synthesiser, with a loud notice: bit-exactness and cycles are real with it, accuracy is not.
"""

import functools
import os
import shutil
import socket
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import wfdb

from sw import cli, files
from sw.data import mitbih, records, synthetic
from sw.errors import PopbeatError


@dataclass(frozen=True)
class Source:
    """A folder of WFDB records; ``kind`` is ``mitdb`` or ``synthetic``."""

    kind: str
    path: Path

    @functools.lru_cache(maxsize=128)  # noqa: B019 (a source lives as long as the program)
    def signal(self, record: str, lead: str) -> np.ndarray:
        """A whole lead in raw ADC units, ``int16[samples]`` (these records have 11 bits)."""
        return records.read_signal(records.read_header(self.path / record), lead).astype(np.int16)

    def leads(self, record: str) -> tuple[str, ...]:
        """Names of a record's leads, in file order."""
        return records.read_header(self.path / record).leads

    def annotations(self, record: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Sample numbers, symbols and notes of a record's reference annotations."""
        return records.read_annotations(self.path / record)


def missing(path: Path) -> list[str]:
    """Files of the database that ``path`` does not hold."""
    return [f"{r}.{e}" for r in mitbih.RECORDS for e in mitbih.ENDINGS if not (path / f"{r}.{e}").is_file()]


def find(download: bool = True) -> Source:
    """The first source that is there; see the module's list. Prints a notice when it is the synthesiser."""
    asked = os.environ.get("POPBEAT_DATA")
    if asked == synthetic.KIND:
        return _synthetic("POPBEAT_DATA asks for it")
    if asked:
        return _folder(Path(asked))
    own = files.ROOT / "data" / mitbih.NAME
    for path in (own, files.ROOT.parent / "shared" / "data" / mitbih.NAME):
        if path.is_dir() and not missing(path):
            return _database(path)
    if download and _reachable():
        fetch(own)
        return _database(own)
    return _synthetic("no recording was found, and PhysioNet can't be reached")


def real(what: str) -> Source:
    """The real recordings; without them an error that ``what`` is measured on them alone, since its figures are published."""
    found = find()
    if found.kind != mitbih.NAME:
        raise PopbeatError(f"{what} measured on real recordings; POPBEAT_DATA names the folder that has them")
    return found


def _folder(path: Path) -> Source:
    if not path.is_dir():
        raise PopbeatError(f"POPBEAT_DATA names {path}, which is no folder; name the folder that holds 100.hea, or unset it")
    absent = missing(path)
    if absent:
        raise PopbeatError(
            f"POPBEAT_DATA names {path}, where {len(absent)} of {len(mitbih.RECORDS) * len(mitbih.ENDINGS)} files are missing, "
            f"{absent[0]} first; complete it, or unset the variable"
        )
    return Source(synthetic.KIND, path) if synthetic.is_synthetic(path) else _database(path)


def _database(path: Path) -> Source:
    """The real recordings: every file has the SHA-256 that PhysioNet publishes."""
    sums = mitbih.checksums()
    for name in (f"{r}.{e}" for r in mitbih.RECORDS for e in mitbih.ENDINGS):
        if files.sha256_file(path / name) != sums[name]:
            raise PopbeatError(f"{path / name} is not that of MIT-BIH {mitbih.VERSION} (other SHA-256); fetch it again")
    return Source(mitbih.NAME, path)


def _reachable(seconds: float = 3.0) -> bool:
    url = urllib.parse.urlsplit(wfdb.io.download.config.db_index_url)
    try:
        socket.create_connection((url.hostname, url.port or (80 if url.scheme == "http" else 443)), seconds).close()
    except OSError:
        return False
    return True


def fetch(path: Path) -> None:
    """Download what ``path`` lacks. Files arrive under ``path/partial`` (wfdb goes on where it stopped) and move to ``path``
    once their SHA-256 is right."""
    sums = mitbih.checksums()
    absent = missing(path)
    partial = path / "partial"
    partial.mkdir(parents=True, exist_ok=True)
    with cli.progress() as bar:
        for name in bar.track(absent, description="MIT-BIH from PhysioNet"):
            try:
                # One file of the version that the checksums are of; wfdb appends to what is there already.
                wfdb.io.download.dl_pn_file([name, "", f"{mitbih.NAME}/{mitbih.VERSION}", str(partial), False, False])
            except Exception as error:
                raise PopbeatError(f"download of {name} stopped: {error}; run the command again to go on") from None
            if files.sha256_file(partial / name) != sums[name]:
                (partial / name).unlink()
                raise PopbeatError(f"{name} arrived with a wrong SHA-256 and was removed; run the command again")
            os.replace(partial / name, path / name)
    shutil.rmtree(partial)


def _synthetic(reason: str) -> Source:
    path = files.BUILD / "synthetic-ecg"
    cli.errors.rule("[bold red]SYNTHETIC ECG[/]")
    cli.errors.print(
        f"[bold red]NO REAL RECORDINGS:[/] {reason}. The chain runs on SYNTHESISED signals. Bit-exactness and cycles are real; "
        "EVERY ACCURACY IS MEANINGLESS. Point POPBEAT_DATA at a copy of the MIT-BIH Arrhythmia Database for real figures.",
        highlight=False,
    )
    cli.errors.rule()
    if not synthetic.is_synthetic(path) or missing(path):
        synthetic.write_database(path, mitbih.RECORDS)
    return Source(synthetic.KIND, path)
