"""Samples and annotations of WFDB records, read with wfdb after their headers were checked (:mod:`sw.data.headers`)."""

from pathlib import Path

import numpy as np
import wfdb
from wfdb.io import _signal

from sw.data.headers import LAYOUT, MAX_HEADER_BYTES, Header, Signal, read_header
from sw.errors import PopbeatError

__all__ = [
    "MAX_HEADER_BYTES",
    "Header",
    "Signal",
    "damaged",
    "read_annotations",
    "read_header",
    "read_lead",
    "read_signal",
    "segment_lead",
]


def read_signal(header: Header, lead: str | int, start: int = 0, length: int | None = None) -> np.ndarray:
    """Raw ADC units of one lead: ``int32[length]``, samples ``start`` to ``start + length``, at the lead's own rate
    (:meth:`Header.rate_of`). Missing samples have the value that marks them. Across the segments of a record the units are those
    of its first signal line."""
    per_frame = header.signals[header.lead_index(lead)].per_frame
    count = header.length * per_frame
    stop = count if length is None else start + length
    if not 0 <= start <= stop <= count:
        raise PopbeatError(f"record {header.path} holds samples 0 to {count}; {start} to {stop} was asked for")
    first = start // per_frame
    values, _ = _frames(header, lead, first, -(-stop // per_frame))
    return values[start - first * per_frame : stop - first * per_frame]


def read_lead(header: Header, lead: str | int, start: int = 0, stop: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The frames ``start`` to ``stop`` of a lead (all of them) as :func:`read_signal` has it, ``int32[samples]``, and which of its
    samples are marked as missing or lie in a gap, ``bool[samples]``."""
    stop = header.length_of(lead) if stop is None else stop
    return header.read(header.lead_index(lead), start, stop) if header.read else _frames(header, lead, start, stop)


def damaged(header: Header, lead: str | int) -> list[str]:
    """What a lead's samples contradict of its header's checksum and first sample, a line for each file that does. Where a checksum
    is right, the first sample is not asked for, and where both are 0 they were left out by whoever wrote the header."""
    index = header.lead_index(lead)
    if header.read:
        return []
    if header.segments:
        parts = {part.path: (part, segment_lead(header, part, index)) for part, _ in header.segments if part}
        return [line for part, own in parts.values() if own is not None for line in damaged(part, own)]
    signal, ends = header.signals[index], header.claimed or header.length
    if not signal.checksum and not signal.init:
        return []
    values = _stored(header, index, 0, ends)
    said = []
    if signal.checksum is not None:
        # Of a shifted signal some programs write the sum of what is read, not of what is stored.
        kept = [values] if not signal.skew else [values, _stored(header, index, signal.skew, signal.skew + header.length)]
        sums = [int(of.astype(np.int64).sum()) % (1 << 16) for of in kept]
        if signal.checksum % (1 << 16) in sums:
            return []
        said.append(
            f"the samples' checksum is {(sums[0] + (1 << 15)) % (1 << 16) - (1 << 15)}, and the header says {signal.checksum}"
        )
    if signal.init is not None and signal.fmt != "8" and int(values[0]) != signal.init:
        said.append(f"the first sample is {values[0]}, and the header says {signal.init}")
    file = header.path.parent / signal.file
    return [f"{file} may be damaged in signal {signal.name}: {'; '.join(said)}; fetch the record again"] if said else []


def _frames(header: Header, lead: str | int, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
    """Samples ``int32[n]`` of the frames ``start`` to ``stop`` and which of them are missing, ``bool[n]``."""
    index = header.lead_index(lead)
    if not header.segments:
        signal = header.signals[index]
        values = _stored(header, index, start + signal.skew, stop + signal.skew)
        return values, values == signal.missing if signal.missing is not None else np.zeros(len(values), bool)
    wanted, place, parts = header.signals[index], 0, []
    for part, length in header.segments:
        first, last = max(start - place, 0), min(stop - place, length)
        place += length
        if first < last:
            parts.append(_part(header, part, index, wanted, first, last))
    if not parts:
        return np.zeros(0, np.int32), np.zeros(0, bool)
    return tuple(np.concatenate(of) for of in zip(*parts, strict=True))


def _part(header: Header, part: Header | None, index: int, wanted: Signal, first: int, last: int) -> tuple:
    """Frames of one segment, in the units of the signal ``wanted``; a gap, or a segment without this signal, is missing."""
    own = segment_lead(header, part, index)
    if own is None:
        return np.full((last - first) * wanted.per_frame, _within(wanted.baseline), np.int32), np.ones(
            (last - first) * wanted.per_frame, bool
        )
    signal = part.signals[own]
    if signal.per_frame != wanted.per_frame:
        raise PopbeatError(
            f"segment {part.path} has {signal.per_frame} samples a frame of {wanted.name}, and its record {wanted.per_frame}; "
            "give the segment itself as the record"
        )
    values, gone = _frames(part, own, first, last)
    if (signal.gain, signal.baseline) != (wanted.gain, wanted.baseline):
        scaled = (values.astype(np.float64) - signal.baseline) * (wanted.gain / signal.gain) + wanted.baseline
        values = np.clip(np.round(scaled), -(2**31), 2**31 - 1).astype(np.int32)
    return values, gone


def _within(value: int) -> int:
    """A number of a header as one that a sample can have."""
    return int(np.clip(value, -(2**31), 2**31 - 1))


def segment_lead(header: Header, part: Header | None, index: int) -> int | None:
    """Which signal of a segment is signal ``index`` of its record: in fixed layout that at its place, else the one of its name (of
    several, the same one in order); ``None`` in a gap or where it has none."""
    if part is None:
        return None
    if header.signals[index].file != LAYOUT:
        return index
    name = header.leads[index]
    same = [i for i, other in enumerate(part.leads) if other == name]
    order = header.leads[:index].count(name)
    return same[order] if order < len(same) else None


def _stored(header: Header, index: int, start: int, stop: int) -> np.ndarray:
    """The frames ``start`` to ``stop`` of a signal as they stand in its file, ``int32[frames * per_frame]``, without its skew."""
    signal = header.signals[index]
    members = [s for s in header.signals if s.file == signal.file]
    own = sum(s.file == signal.file for s in header.signals[:index])
    first = 0 if signal.fmt == "8" else start  # stores differences
    try:
        # wfdb's own rdrecord by the fields of the header: that one needs a length, and shifts one signal against the others.
        (values,) = _signal._rd_segment(
            file_name=[s.file for s in members],
            dir_name=str(header.path.parent.absolute()),
            pn_dir=None,
            fmt=[s.fmt for s in members],
            n_sig=len(members),
            sig_len=stop,
            byte_offset=[s.offset for s in members],
            samps_per_frame=[s.per_frame for s in members],
            skew=[0] * len(members),
            init_value=[s.init or 0 for s in members],
            sampfrom=first,
            sampto=stop,
            channels=[own],
            ignore_skew=True,
        )
    except OSError:
        raise
    except Exception as error:  # wfdb raises many kinds
        raise PopbeatError(f"record {header.path} can't be read: {error}") from None
    return values[(start - first) * signal.per_frame :].astype(np.int32)


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
