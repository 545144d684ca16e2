"""CSV files and NumPy arrays as recordings: columns of numbers, one a lead, at a rate that the user states.

Whole numbers are taken as they are. Numbers with a fraction are voltages, in mV unless a unit is given; they become whole uV.
Empty cells and NaN are missing samples.
"""

import csv
import re
from pathlib import Path

import numpy as np
import pandas

from sw.data.headers import Header, Signal
from sw.errors import PopbeatError

ENDINGS = (".csv", ".tsv", ".txt", ".npy")
MICROVOLT = {"v": 1e6, "mv": 1e3, "uv": 1.0, "µv": 1.0, "μv": 1.0, "nv": 1e-3}
TIME = re.compile(
    r"(elapsed )?time.*|t|seconds?|sec|s|ms|milliseconds?|n|timestamps?|date.*|sample( (number|#))?|sample#|index|unnamed.*",
    re.IGNORECASE,
)
UNIT = re.compile(r"(.*?)\s*[\[(]\s*([a-zµμ]*v)\s*[\])]\s*", re.IGNORECASE)
MAX_COLUMNS = 1000
EVEN, FEW = 1000, 10  # cells of a column that are looked at for even steps, and how many steps there have to be
LIMIT = 1 << 31


def read(path: Path, rate: float) -> Header:
    """Describe a table's columns as leads. ``rate``: samples a second. Raises :class:`PopbeatError`."""
    names, units, columns = _array(path) if path.suffix.lower() == ".npy" else _text(path)
    made = [_whole(path, name, unit, column) for name, unit, column in zip(names, units, columns, strict=True)]
    signals = tuple(
        Signal(name, path.name, "32", 1, 0, 0, gain, 0, "mV", 0, 0, None, None)
        for name, (gain, _, _) in zip(names, made, strict=True)
    )

    def samples(index: int, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        return made[index][1][start:stop], made[index][2][start:stop]

    return Header(path, tuple(names), rate, len(made[0][1]), signals, sources=(path,), read=samples)


def _array(path: Path) -> tuple[list[str], list[str], list[np.ndarray]]:
    """Leads of a ``.npy`` file: an array of one axis, or of two, of which the longer one is time."""
    try:
        held = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError:
        raise
    except Exception as error:  # numpy raises many kinds for what a header claims
        raise PopbeatError(f"{path} can't be read as an array of NumPy: {error}; write it with numpy.save") from None
    if not isinstance(held, np.ndarray) or held.ndim not in (1, 2) or not held.size or held.dtype.kind not in "iuf":
        told = f"shape {held.shape} of {held.dtype}" if isinstance(held, np.ndarray) else "several arrays"
        raise PopbeatError(f"{path} has {told}; a recording has numbers of shape [samples] or [samples, leads]")
    held = held[:, None] if held.ndim == 1 else held.T if held.shape[0] < held.shape[1] else held
    if held.shape[1] > MAX_COLUMNS:
        raise PopbeatError(f"{path} has {held.shape[1]} leads of {held.shape[0]} samples; is this one recording?")
    first = 1 if held.shape[1] > 1 and _even(held[:, 0]) else 0  # times
    names = [str(i) for i in range(first, held.shape[1])]
    return names, [""] * len(names), [np.array(column) for column in held.T[first:]]


def _text(path: Path) -> tuple[list[str], list[str], list[np.ndarray]]:
    """Leads of a text file: names in the first line and units in the second one, where these are no numbers. A column of times is
    no lead: one of such a name or, in a table without names, a first one that rises by even steps."""
    with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
        lines = [line for line in (file.readline(1 << 20) for _ in range(3)) if line.strip()]
    if not lines:
        raise PopbeatError(f"{path} is empty")
    comma = next((mark for mark in ";\t," if mark in lines[-1]), None)
    rows = [_cells(line, comma) for line in lines]
    heads = next((i for i, row in enumerate(rows) if any(map(_is_number, row))), len(rows))
    width = len(rows[-1])
    names = rows[0] if heads else [str(i) for i in range(width)]
    units = rows[1] if heads > 1 else [""] * width
    if heads == len(rows) or heads > 2 or len(names) != width or len(units) != width or width > MAX_COLUMNS:
        raise PopbeatError(
            f"{path} begins with no table of numbers: its lines have {[len(row) for row in rows]} cells; write one column a lead"
        )
    wanted = [i for i, name in enumerate(names) if not TIME.fullmatch(name)]
    if not wanted:
        raise PopbeatError(f"{path} has the columns {', '.join(names)}, and none of them is a lead")
    try:
        table = pandas.read_csv(
            path,
            sep=comma or r"\s+",
            header=None,
            skiprows=heads,
            skipinitialspace=True,
            na_values=["-", "NaN", "nan"],
            decimal="," if comma == ";" and "," in lines[-1] else ".",
            encoding_errors="replace",
        )
    except (ValueError, pandas.errors.ParserError) as error:
        raise PopbeatError(f"{path} can't be read as a table: {' '.join(str(error).split())}") from None
    columns = [_numbers(path, names[i], table[i], heads) for i in wanted]
    if not heads and len(columns) > 1 and _even(columns[0]):
        # Without names the first column may be the times, which rise by even steps as no lead does.
        wanted, columns = wanted[1:], columns[1:]
    split = [UNIT.fullmatch(names[i]) for i in wanted]
    return (
        [(found[1] if found else names[i]) or str(i) for i, found in zip(wanted, split, strict=True)],
        [(found[2] if found else units[i]) for i, found in zip(wanted, split, strict=True)],
        columns,
    )


def _even(column: np.ndarray) -> bool:
    """Whether a column rises by the same step from cell to cell, but for its rounding."""
    steps = np.diff(column[:EVEN].astype(np.float64))
    return len(steps) >= FEW and bool(steps.min() > 0 and np.ptp(steps) <= 0.51 * steps.mean())


def _numbers(path: Path, name: str, column: pandas.Series, heads: int) -> np.ndarray:
    """A column as numbers; the first cell that is none is an error with its line."""
    if column.dtype.kind in "iuf":
        return column.to_numpy()
    made = pandas.to_numeric(column, errors="coerce")
    wrong = column.notna() & made.isna()
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise PopbeatError(
            f"{path} has {str(column.iloc[row])[:40]!r} in column {name}, line {row + heads + 1}; a lead has numbers only"
        )
    return made.to_numpy(np.float64)


def _cells(line: str, comma: str | None) -> list[str]:
    cells = next(csv.reader([line.strip()], delimiter=comma)) if comma else line.split()
    return [cell.strip().strip("'\"").strip() for cell in cells]


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True


def _whole(path: Path, name: str, unit: str, column: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """A column as whole numbers ``int32[n]``: how many of them make a millivolt, they, and which are missing, ``bool[n]``."""
    gone = ~np.isfinite(column) if column.dtype.kind == "f" else np.zeros(len(column), bool)
    values = np.where(gone, 0, column)
    if unit and unit.lower() not in MICROVOLT:
        raise PopbeatError(f"{path} gives column {name} the unit {unit!r}; a lead has one of {', '.join(MICROVOLT)}, or none")
    whole = bool((values == np.round(values)).all())
    if whole and not unit:
        gain = 200.0  # what WFDB takes where nothing is said
    elif whole and MICROVOLT[unit.lower()] <= 1:
        gain = 1000.0 / MICROVOLT[unit.lower()]
    else:
        values, gain = np.round(values * MICROVOLT[(unit or "mV").lower()]), 1000.0
    if len(values) and not -LIMIT <= values.min() <= values.max() < LIMIT:
        raise PopbeatError(f"{path} has values from {values.min():g} to {values.max():g} in column {name}; they must fit 32 bits")
    return gain, values.astype(np.int32), gone
