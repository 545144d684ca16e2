"""Beats as WFDB annotation files: what any tool that reads MIT-BIH's annotations reads."""

import tempfile
from pathlib import Path

import numpy as np
import wfdb

from sw import files
from sw.beats.score import CLASSES, labels
from sw.data import records
from sw.data.mitbih import RATE
from sw.errors import PopbeatError

ANNOTATOR = "popbeat"
# Annotators whose files are references; nothing is ever written under these names.
REFERENCES = ("atr", "ari", "ecg", "qrs")
SYMBOLS = "NSVFQ"  # of the AAMI classes; all of them stand in the WFDB library's list of codes


def symbols(label: np.ndarray) -> np.ndarray:
    """Annotation symbols of class indices (``sw.beats.score.CLASSES``)."""
    label = np.asarray(label, np.int64)
    if label.size and not 0 <= label.min() <= label.max() < len(CLASSES):
        raise PopbeatError(f"class indices lie between 0 and {len(CLASSES) - 1}, not {label.min()} and {label.max()}")
    return np.array(list(SYMBOLS))[label]


def write(
    folder: Path, record: str, position: np.ndarray, symbol: np.ndarray, annotator: str = ANNOTATOR, rate: float = RATE
) -> Path:
    """Write beats as ``folder/record.annotator``, whole or not at all: samples ``int[n]`` of the record in strictly rising order,
    symbols ``str[n]``. ``rate`` is that of the record in Hz and stands in the file, so that WFDB's tools find the beats. What
    :func:`sw.data.records.read_annotations` reads back equals what was asked for, else this is an error."""
    position, symbol = np.asarray(position, np.int64), np.asarray(symbol)
    path = Path(folder) / f"{record}.{annotator}"
    if annotator in REFERENCES or not annotator.isalpha():
        raise PopbeatError(
            f"beats are not written to {path}: {annotator!r} is a reference annotator or no name; use {ANNOTATOR!r}, say"
        )
    if not len(position):
        raise PopbeatError(f"no beats to write to {path}: WFDB has no empty annotation files")
    if len(position) != len(symbol) or position[0] < 0 or (np.diff(position) <= 0).any():
        raise PopbeatError(f"beats for {path} have {len(symbol)} symbols and must rise from 0 on; they are {position[:8]} ...")
    labels(symbol)  # other symbols are no beats
    return _write(path, position, symbol, None, annotator, rate)


def write_notes(folder: Path, record: str, position: list[int], symbol: list[str], notes: list[str], rate: float) -> Path:
    """Write annotations that are no beats as ``folder/record.popbeat``: samples of the record in strictly rising order, symbols and
    notes (``+`` with a rhythm, ``~`` with what is wrong with the signal), and its ``rate`` in Hz."""
    return _write(Path(folder) / f"{record}.{ANNOTATOR}", np.array(position, np.int64), np.array(symbol), notes, ANNOTATOR, rate)


def _write(path: Path, position: np.ndarray, symbol: np.ndarray, notes: list[str] | None, annotator: str, rate: float) -> Path:
    with tempfile.TemporaryDirectory() as name:
        try:
            wfdb.wrann("beats", annotator, position, symbol, aux_note=notes, fs=rate, write_dir=name)  # a record may have any name
        except Exception as error:  # wfdb raises several kinds
            raise PopbeatError(f"annotations {path} can't be written: {error}") from None
        read_position, read_symbol, read_notes = records.read_annotations(Path(name) / "beats", annotator)
        same = np.array_equal(read_position, position) and np.array_equal(read_symbol, symbol)
        if not same or (notes is not None and read_notes.tolist() != notes):
            raise PopbeatError(f"annotations {path} read back otherwise than they were written")
        return files.write_bytes(path, (Path(name) / f"beats.{annotator}").read_bytes())
