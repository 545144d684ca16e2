"""WFDB records, read with wfdb, after their headers were held against the files they speak of.

wfdb believes a header's sample count before it looks at the signal file, so a header that claims 10^11 samples asks for
hundreds of gigabytes. Here every claim is checked first: the signal file must lie in the header's own folder, exist, and hold
the bytes that the header promises.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import wfdb

from sw.errors import PopbeatError

# Bytes a sample takes in the signal formats of WFDB header(5) whose files have a fixed size per sample.
BYTES_PER_SAMPLE = {
    "8": Fraction(1),
    "16": Fraction(2),
    "24": Fraction(3),
    "32": Fraction(4),
    "61": Fraction(2),
    "80": Fraction(1),
    "160": Fraction(2),
    "212": Fraction(3, 2),
    "310": Fraction(4, 3),
    "311": Fraction(4, 3),
}
MAX_HEADER_BYTES = 1 << 20


@dataclass(frozen=True)
class Header:
    """What a checked header says: ``path`` without ending, leads in file order, ``rate`` in Hz, ``length`` in samples."""

    path: Path
    leads: tuple[str, ...]
    rate: float
    length: int

    def lead_index(self, lead: str) -> int:
        """Index of ``lead``; an unknown one is an error that lists those there are."""
        if lead not in self.leads:
            raise PopbeatError(f"record {self.path} has no lead {lead!r}; it has {', '.join(self.leads)}")
        return self.leads.index(lead)


def read_header(path: Path | str) -> Header:
    """Read and check the header of the record ``path`` (with or without ``.hea``).

    Raises :class:`PopbeatError` when a file is missing, lies outside the record's folder, or is shorter than the header says.
    """
    path = Path(path)
    if path.suffix == ".hea":
        path = path.with_suffix("")
    hea = path.with_name(path.name + ".hea")
    if not hea.is_file():
        raise PopbeatError(f"record not found: {hea} does not exist; give the path of a WFDB record without its ending")
    if hea.stat().st_size > MAX_HEADER_BYTES:
        raise PopbeatError(f"header {hea} has {hea.stat().st_size} bytes, more than any WFDB header; it is no header")
    try:
        header = wfdb.rdheader(str(path))
    except Exception as error:  # wfdb raises many kinds for malformed headers
        raise PopbeatError(f"header {hea} can't be read as a WFDB header: {error}") from None
    if isinstance(header, wfdb.MultiRecord):
        raise PopbeatError(f"record {path} has several segments; give one of its segments: {', '.join(header.seg_name)}")
    leads = _checked_leads(hea, header)
    length = _checked_length(hea, header)
    if not header.fs or not np.isfinite(header.fs) or header.fs <= 0:
        raise PopbeatError(f"header {hea} gives a sampling frequency of {header.fs}; it must be positive")
    return Header(path, leads, float(header.fs), length)


def _checked_leads(hea: Path, header: wfdb.Record) -> tuple[str, ...]:
    names = header.sig_name or []
    if not header.n_sig or header.n_sig < 1:
        raise PopbeatError(f"header {hea} declares {header.n_sig} signals; a record to read has at least one")
    if len(names) != header.n_sig or len(header.file_name or []) != header.n_sig:
        raise PopbeatError(f"header {hea} declares {header.n_sig} signals and describes {len(names)}")
    for name in header.file_name:  # wfdb's grammar lets no folder into a name, so only a link can lead elsewhere
        target = hea.parent / name
        if target.is_symlink() and target.resolve().parent != hea.parent.resolve():
            raise PopbeatError(f"signal file {target} is a link that leads out of its folder to {target.resolve()}")
    # A signal without a description is named by its number, as the WFDB tools do.
    return tuple(str(i) if name is None else name for i, name in enumerate(names))


def _checked_length(hea: Path, header: wfdb.Record) -> int:
    lengths = []
    for name in dict.fromkeys(header.file_name):
        target = hea.parent / name
        if not target.is_file():
            raise PopbeatError(f"header {hea} names the signal file {name!r}, and {target} does not exist")
        members = [i for i, other in enumerate(header.file_name) if other == name]
        formats = {header.fmt[i] for i in members}
        unknown = formats - BYTES_PER_SAMPLE.keys()
        if unknown:
            raise PopbeatError(
                f"signal file {target} is stored in format {', '.join(sorted(unknown))}; "
                f"convert it with WFDB's xform to one of {', '.join(BYTES_PER_SAMPLE)}"
            )
        per_frame = sum(header.samps_per_frame[i] or 1 for i in members)
        frame_bytes = per_frame * BYTES_PER_SAMPLE[header.fmt[members[0]]]
        available = target.stat().st_size - (header.byte_offset[members[0]] or 0)
        held = int(available / frame_bytes)
        skew = max((header.skew[i] or 0 for i in members), key=abs)
        if not 0 <= skew <= held:
            raise PopbeatError(f"header {hea} shifts a signal by {skew} samples; {target} holds {max(held, 0)}")
        held -= skew
        if header.sig_len is not None and header.sig_len > held:
            raise PopbeatError(
                f"header {hea} claims {header.sig_len} samples a signal, and {target} holds {max(held, 0)}: "
                "the file is truncated or the header wrong; fetch the record again"
            )
        lengths.append(held if header.sig_len is None else header.sig_len)
    length = min(lengths)
    if length < 1:
        raise PopbeatError(f"record {hea.with_suffix('')} holds no samples")
    return length


def read_signal(header: Header, lead: str, start: int = 0, length: int | None = None) -> np.ndarray:
    """Raw ADC units of one lead: ``int32[length]``, samples ``start`` to ``start + length``."""
    stop = header.length if length is None else start + length
    if not 0 <= start <= stop <= header.length:
        raise PopbeatError(f"record {header.path} holds samples 0 to {header.length}; {start} to {stop} was asked for")
    return _read(header, lead, start, stop, physical=False).d_signal[:, 0].astype(np.int32)


def read_missing(header: Header, lead: str) -> np.ndarray:
    """Which samples of a lead are marked as missing: ``bool[samples]``."""
    return np.isnan(_read(header, lead, 0, header.length, physical=True).p_signal[:, 0])


def _read(header: Header, lead: str, start: int, stop: int, physical: bool) -> wfdb.Record:
    index = header.lead_index(lead)
    try:
        return wfdb.rdrecord(
            str(header.path), sampfrom=start, sampto=stop, channels=[index], physical=physical, return_res=64 if physical else 32
        )
    except Exception as error:
        raise PopbeatError(f"record {header.path} can't be read: {error}") from None


def read_annotations(path: Path | str, annotator: str = "atr") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Annotations of a record: sample numbers ``int64[n]``, symbols ``str[n]``, auxiliary notes ``str[n]``."""
    file = Path(path).with_name(f"{Path(path).name}.{annotator}")
    if not file.is_file():
        raise PopbeatError(f"annotation file not found: {file}")
    try:
        marks = wfdb.rdann(str(path), annotator)
    except Exception as error:
        raise PopbeatError(f"annotation file {file} can't be read: {error}") from None
    notes = np.array([(note or "").strip("\x00") for note in marks.aux_note])
    return np.asarray(marks.sample, dtype=np.int64), np.array(marks.symbol), notes
