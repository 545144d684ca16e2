"""The MIT-BIH Arrhythmia Database 1.0.0: facts about it."""

from pathlib import Path

from sw.errors import PopbeatError

NAME = "mitdb"
VERSION = "1.0.0"
RATE = 360  # Hz
LENGTH = 650_000  # samples of a record
WINDOW = 3600  # samples of the ten-second windows that the tasks use
WINDOWS_A_RECORD = LENGTH // WINDOW
RAW_BITS = 12  # signed; the samples are 0 to 2047
ENDINGS = ("hea", "dat", "atr")
CHECKSUMS = Path(__file__).with_name("mitdb.sha256")
# fmt: off
RECORDS = (
    "100", "101", "102", "103", "104", "105", "106", "107", "108", "109", "111", "112",
    "113", "114", "115", "116", "117", "118", "119", "121", "122", "123", "124", "200",
    "201", "202", "203", "205", "207", "208", "209", "210", "212", "213", "214", "215",
    "217", "219", "220", "221", "222", "223", "228", "230", "231", "232", "233", "234",
)
# fmt: on


def choose(text: str, default: tuple[str, ...]) -> tuple[str, ...]:
    """Records from a list with commas between them; the ``default`` ones where nothing was asked for."""
    names = tuple(part.strip() for part in text.split(",")) if text else default
    if unknown := [name for name in names if name not in RECORDS]:
        raise PopbeatError(f"record {unknown[0]!r} is none of the database; there are {', '.join(RECORDS)}")
    if twice := [name for name in RECORDS if names.count(name) > 1]:
        raise PopbeatError(f"record {twice[0]} is asked for twice in {text}")
    return names


def checksums() -> dict[str, str]:
    """SHA-256 of each file, as PhysioNet publishes them."""
    lines = CHECKSUMS.read_text().split("\n")
    return {name: digest for digest, name in (line.split() for line in lines if line)}
