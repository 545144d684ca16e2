"""EDF, EDF+ and BDF files (Kemp and Olivan, Clin Neurophysiol 114(9):1755, 2003) as recordings: headers read by edfio, samples
from the file itself, stretch by stretch.

Data records of an interrupted file (EDF+D, BDF+D) stand where their time says; what lies between them is missing.
"""

import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import edfio
import numpy as np

from sw.data.headers import Header, Signal
from sw.errors import PopbeatError

WIDTHS = {".edf": 2, ".bdf": 3}  # bytes of a sample
BLOCK = 256  # bytes of the header, and of each signal's part of it
MAX_SIGNALS = 10_000
LONGEST = 31 * 86_400  # seconds that an interrupted file may reach over
ONSET = re.compile(rb"([+-]\d{1,9}(?:\.\d{1,12})?)(?:\x15[\d.]*)?\x14")


@dataclass(frozen=True)
class Layout:
    """Where samples lie: bytes of the ``header``, of a data ``record`` and of a sample (``width``), samples of each signal in a
    record (``counts``), when each record begins (``onset``, ``float64[records]`` in seconds) and how long one is (``duration``)."""

    path: Path
    header: int
    record: int
    width: int
    counts: tuple[int, ...]
    onset: np.ndarray
    duration: float

    def bytes_of(self, signal: int, first: int, last: int) -> np.ndarray:
        """Bytes of a signal in the records ``first`` to ``last``, ``uint8[records, samples * width]``."""
        held = np.memmap(self.path, np.uint8, "r", self.header, (len(self.onset), self.record))
        start = self.width * sum(self.counts[:signal])
        return np.array(held[first:last, start : start + self.width * self.counts[signal]])


def read(path: Path) -> Header:
    """Check a file's header against its size and describe its signals; annotations are none. Raises :class:`PopbeatError`."""
    width = WIDTHS[path.suffix.lower()]
    parts, claimed, duration, interrupted = _header(path, width)
    counts = tuple(s.samples_per_data_record for s in parts)
    ordinary = [i for i, s in enumerate(parts) if not s.label.startswith(("EDF Annotations", "BDF Annotations"))]
    if not ordinary or min(counts) < 0 or min(counts[i] for i in ordinary) < 1 or not 0 < duration < 1e6:
        raise PopbeatError(
            f"{path} has {len(ordinary)} signals with {counts} samples in data records of {duration:g} s; mend its header"
        )
    header, record = BLOCK * (1 + len(parts)), width * sum(counts)
    held = (path.stat().st_size - header) // record
    if held < 1 or claimed > held or not claimed:
        raise PopbeatError(
            f"{path} claims {claimed} data records and holds {held}: it is truncated or was never closed; fetch it again"
        )
    records = held if claimed < 0 else claimed
    layout = Layout(path, header, record, width, counts, np.arange(records) * duration, duration)
    if interrupted:
        layout = Layout(path, header, record, width, counts, _onsets(layout, parts), duration)
    seconds = float(layout.onset[-1]) + duration
    signals = tuple(_signal(path, parts[i], counts[i] / duration, seconds) for i in ordinary)

    def samples(index: int, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        values, gone = _stretch(layout, ordinary[index], signals[index].rate, start, stop)
        return (-values if _gain(parts[ordinary[index]]) < 0 else values), gone

    longest = max(signals, key=lambda s: s.length)
    return Header(path, tuple(s.name for s in signals), longest.rate, longest.length, signals, sources=(path,), read=samples)


def _header(path: Path, width: int) -> tuple[tuple[edfio.EdfSignal, ...], int, float, bool]:
    """The parts of a header that speak of one signal each, annotations among them; how many data records it claims, their seconds,
    whether they are interrupted. edfio gets the header alone, so that no memory is taken for what a header only claims."""
    what = path.suffix[1:].upper()
    with open(path, "rb") as file:
        text = file.read(BLOCK)
        count = text[252:256].strip()
        if len(text) < BLOCK or not count.isdigit() or not 0 < int(count) <= MAX_SIGNALS:
            raise PopbeatError(
                f"{path} is no {what} file: where the number of its signals stands, it has {count!r}; fetch it again"
            )
        text += file.read(BLOCK * int(count))
    if len(text) != BLOCK * (1 + int(count)):
        raise PopbeatError(f"{path} ends in its header of {int(count)} signals; fetch it again")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that no data record follows
            made = (edfio.read_edf if width == 2 else edfio.read_bdf)(text, header_encoding="latin-1")
        parts = tuple(made._signals)  # its public ``signals`` leaves annotations out, which take room, too
        for part in parts:  # a field that is no number is told now
            _ = part.label, part.samples_per_data_record, part.digital_range, part.physical_range, part.physical_dimension
            if part.digital_min == part.digital_max or not 0 < abs(part.physical_max - part.physical_min) < np.inf:
                raise ValueError(f"signal {part.label} has no range")
        return parts, int(text[236:244]), float(made.data_record_duration), text[192:197] in (b"EDF+D", b"BDF+D")
    except Exception as error:  # edfio raises what the types of its fields raise
        raise PopbeatError(f"{path} has a header that can't be read as {what}: {error}; fetch it again") from None


def _onsets(layout: Layout, parts: tuple) -> np.ndarray:
    """When each data record of an interrupted file begins, ``float64[records]`` in seconds behind the first one: what its first
    signal of annotations begins with."""
    path = layout.path
    keeping = [i for i, s in enumerate(parts) if s.label.startswith(("EDF Annotations", "BDF Annotations"))]
    if not keeping:
        raise PopbeatError(f"{path} calls itself interrupted and has no annotations that say when its data records begin; mend it")
    notes, onset = layout.bytes_of(keeping[0], 0, len(layout.onset)), []
    for number, note in enumerate(notes):
        found = ONSET.match(note.tobytes())
        if not found:
            raise PopbeatError(f"{path} does not say when its data record {number} begins; mend it")
        onset.append(float(found[1]))
    onset = np.array(onset) - onset[0]
    if (np.diff(onset) < layout.duration * 0.999).any() or onset[-1] > LONGEST:
        raise PopbeatError(f"{path} has data records that overlap, or reach over more than {LONGEST // 86_400} days; mend it")
    return onset


def _gain(part: edfio.EdfSignal) -> float:
    """Digital units a physical one; negative where the signal is stored upside down."""
    return (part.digital_max - part.digital_min) / (part.physical_max - part.physical_min)


def _signal(path: Path, part: edfio.EdfSignal, rate: float, seconds: float) -> Signal:
    gain = _gain(part)
    sign = -1 if gain < 0 else 1
    low, high = sorted((sign * part.digital_min, sign * part.digital_max))
    bits = (high - low + 1).bit_length() - 1
    whole = high - low + 1 == 1 << bits  # the range of a converter
    return Signal(
        name=part.label or "unnamed",
        file=path.name,
        fmt="16" if path.suffix.lower() == ".edf" else "24",
        per_frame=1,
        skew=0,
        offset=0,
        gain=abs(gain),
        baseline=round(sign * (part.digital_min - part.physical_min * gain)),
        units=part.physical_dimension or "mV",
        adc_res=bits if whole else 0,
        adc_zero=(low + high + 1) // 2 if whole else 0,
        init=None,
        checksum=None,
        rate=rate,
        length=round(seconds * rate),
    )


def _stretch(layout: Layout, signal: int, rate: float, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
    """Samples ``start`` to ``stop`` of a signal, ``int32[n]``, and which of them lie in a gap, ``bool[n]``."""
    count = layout.counts[signal]
    places = np.round(layout.onset * rate).astype(np.int64)  # of each record's first sample
    first = max(int(np.searchsorted(places, start, "right")) - 1, 0)
    last = int(np.searchsorted(places, stop, "left"))
    held = layout.bytes_of(signal, first, last).reshape(last - first, count, layout.width)
    values = held[:, :, 0].astype(np.int32)
    for place in range(1, layout.width):
        values |= held[:, :, place].astype(np.int32) << 8 * place
    top = 1 << 8 * layout.width - 1
    values = (values ^ top) - top
    out, gone = np.zeros(stop - start, np.int32), np.ones(stop - start, bool)
    where = (places[first:last, None] + np.arange(count) - start).ravel()
    inside = (where >= 0) & (where < len(out))
    out[where[inside]], gone[where[inside]] = values.ravel()[inside], False
    return out, gone
