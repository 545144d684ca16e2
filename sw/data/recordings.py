"""Any file that holds a recording, opened by what it is: a WFDB record, EDF or BDF, a table of numbers."""

from pathlib import Path

from sw.data import edf, headers, records, tables
from sw.errors import PopbeatError

RATES = (1.0, 1e6)


def read_header(path: Path | str, rate: str = "") -> headers.Header:
    """The header of the recording ``path``, checked. ``rate`` in Hz is needed for tables (``.csv``, ``.tsv``, ``.txt``, ``.npy``),
    which have none, and refused for all others. Raises :class:`PopbeatError`, or :class:`OSError` where the system refuses."""
    path = Path(path)
    ending = path.suffix.lower()
    if ending in (*edf.WIDTHS, *tables.ENDINGS) and not _is_record(path):
        if why := headers.no_file(path):
            raise PopbeatError(f"recording {path} {why}; give the path of a WFDB record, an EDF or BDF file, or a table")
        if ending in tables.ENDINGS:
            return tables.read(path, _rate(path, rate))
    else:
        ending = ""
    if rate:
        raise PopbeatError(f"{path} has a rate of its own; RATE={rate} is for tables of numbers: {', '.join(tables.ENDINGS)}")
    return edf.read(path) if ending else records.read_header(path)


def _is_record(path: Path) -> bool:
    """Whether a name with such an ending is that of a WFDB record, as ``a.txt.hea``."""
    return path.with_name(path.name + ".hea").is_file() and not path.is_file()


def _rate(path: Path, text: str) -> float:
    if not text:
        raise PopbeatError(f"{path} does not say how many samples a second it has; state it: RATE=250, say")
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not RATES[0] <= rate <= RATES[1]:
        raise PopbeatError(f"RATE={text} is no rate in Hz between {RATES[0]:g} and {RATES[1]:g}")
    return rate
