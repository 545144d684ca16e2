"""WFDB headers, read with wfdb after their record line was checked, and held against the files that they speak of.

wfdb believes a header's sample count before it looks at the signal file, so a header that claims 10^11 samples asks for hundreds of
gigabytes; of a field that its grammar does not know it takes a part or a default. Here every claim is checked first: the record
line is one of header(5), and the signal files lie in the header's own folder, exist, and hold the bytes that the header promises.
A link in that folder may lead anywhere, for whoever names the record made it; a header can't lead out of its folder.
"""

import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
import soundfile
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
FLAC = ("508", "516", "524")
# Bits of a sample; what is marked as missing is the least value that they hold.
BITS = {"8": 32, "16": 16, "24": 24, "32": 32, "61": 16, "80": 8, "160": 16, "212": 12, "310": 10, "311": 10} | {
    name: int(name) - 500 for name in FLAC
}
MAX_HEADER_BYTES = 1 << 20
MAX_SEGMENTS = 100_000
LAYOUT = "~"  # the file of a signal that a layout only describes; a segment of that name is a gap
VOLTS = ("v", "mv", "uv", "nv")
# Names of leads of an ECG, the ones that the models know best first; without regard to case.
PREFERRED = ("mlii", "ii")
MODIFIED = re.compile(r"ml(i|ii|iii|v[1-6]?)|mcl[1-6]?|mv[1-6]|cm[1-6]|cs[1-6]|cc5|mod\w*[ -]?\w+")
STANDARD = re.compile(r"i|iii|av[rlf]|v[1-9]?r?|ecg\w*([ -]\w+)*|ekg\w*([ -]\w+)*|(lead|ecg)[ -_]?\w+")
NO_ECG = re.compile(
    r"\b(pleth\w*|ppg\w*|pulse\w*|spo2|sao2|abp|art|pap|cvp|icp|bp|nibp|press\w*|resp\w*|rsp|airflow|flow|thorax|chest|abdo\w*|"
    r"eeg\w*|eog\w*|emg\w*|gsr|eda|temp\w*|acc\w*|gyro\w*|marker|event\w*|trigger|status|hr|rr|co2|etco2|sv|position|light|uc|"
    r"mark|battery)\b"
)


@dataclass(frozen=True)
class Signal:
    """What a header says of one signal. ``length`` in frames is what its file holds behind its ``skew``; ``checksum`` and ``init``
    are ``None`` where the header leaves them out; ``units`` are millivolts where it does. ``rate`` in Hz and ``length`` in samples
    are those of a file whose signals have clocks of their own; else ``None``."""

    name: str
    file: str
    fmt: str
    per_frame: int
    skew: int
    offset: int
    gain: float
    baseline: int
    units: str
    adc_res: int
    adc_zero: int
    init: int | None
    checksum: int | None
    rate: float | None = None
    length: int | None = None

    @property
    def missing(self) -> int | None:
        """The value that marks a missing sample; format 8 has none."""
        return None if self.fmt == "8" else -(1 << BITS[self.fmt] - 1)

    @property
    def rank(self) -> int | None:
        """How well the models know such a signal: 0 MLII, 1 II, 2 modified leads, 3 leads by their name, 4 any other voltage;
        ``None`` for what is no ECG by its name or unit."""
        name = self.name.strip().lower()
        words = re.sub(r"[_\W]+", " ", name)
        if self.units.lower() not in VOLTS or (NO_ECG.search(words) and not re.search(r"\be[ck]g", words)):
            return None
        bare = re.sub(r"^(ecg|lead|ekg)[ _-]+", "", name)
        if bare in PREFERRED:
            return PREFERRED.index(bare)
        return 2 if MODIFIED.fullmatch(bare) else 3 if STANDARD.fullmatch(bare) else 4


@dataclass(frozen=True)
class Header:
    """What a checked header says: ``path`` without ending, ``leads`` in file order, ``rate`` of frames in Hz, ``length`` in frames
    (a sample of a lead each, unless :attr:`Signal.per_frame` says otherwise), ``signals``, and of a record of several segments the
    ``segments``: each a header and how many frames of it, ``None`` for a gap. ``claimed`` are the frames that the
    header itself gives, before a skew is taken off; ``None`` where it leaves them out. Of a recording that is no WFDB record
    ``sources`` are its files, and ``read`` gives of a signal the samples ``start`` to ``stop``: ``int32[n]``, and which of them are
    missing, ``bool[n]``."""

    path: Path
    leads: tuple[str, ...]
    rate: float
    length: int
    signals: tuple[Signal, ...]
    segments: tuple[tuple["Header | None", int], ...] = ()
    claimed: int | None = None
    sources: tuple[Path, ...] = ()
    read: Callable[[int, int, int], tuple[np.ndarray, np.ndarray]] | None = field(default=None, compare=False)

    def lead_index(self, lead: str | int) -> int:
        """Index of a lead by its name, without regard to case where that is plain, or by its number. An unknown lead, or a name
        that several signals have, is an error that lists those there are."""
        if isinstance(lead, int) and 0 <= lead < len(self.leads):
            return lead
        listed = ", ".join(f"{i} {name}" if name != str(i) else name for i, name in enumerate(self.leads))
        for names in (self.leads, [name.strip().lower() for name in self.leads]):
            found = [i for i, name in enumerate(names) if name in (lead, str(lead).strip().lower())]
            if len(found) > 1:
                raise PopbeatError(f"record {self.path} has {len(found)} leads {lead!r}; give one by its number: {listed}")
            if found:
                return found[0]
        if str(lead).isascii() and str(lead).isdigit() and int(lead) < len(self.leads):
            return int(lead)
        raise PopbeatError(f"record {self.path} has no lead {lead!r}; it has {listed}")

    def rate_of(self, lead: str | int) -> float:
        """Samples of a lead a second."""
        signal = self.signals[self.lead_index(lead)]
        return self.rate * signal.per_frame if signal.rate is None else signal.rate

    def length_of(self, lead: str | int) -> int:
        """How many frames of a lead there are; of a signal with a clock of its own, samples."""
        length = self.signals[self.lead_index(lead)].length
        return self.length if length is None else length

    def files(self) -> list[Path]:
        """The header's own file, then every file that it speaks of."""
        if self.sources:
            return list(self.sources)
        own = [self.path.with_name(self.path.name + ".hea")]
        names = dict.fromkeys(s.file for s in self.signals if s.file != LAYOUT and not self.segments)
        parts = [file for part, _ in self.segments if part for file in part.files()]
        return list(dict.fromkeys([*own, *(self.path.parent / name for name in names), *parts]))


def read_header(path: Path | str) -> Header:
    """Read and check the header of the record ``path`` (with or without ``.hea``).

    Raises :class:`PopbeatError` when a file is missing or is shorter than the header says, or when a field is none of header(5).
    """
    path = Path(path)
    if path.suffix == ".hea":
        path = path.with_suffix("")
    header = _parsed(path)
    if not isinstance(header, wfdb.MultiRecord):
        return _single(path, header)
    return _several(path, header)


def _parsed(path: Path) -> wfdb.Record | wfdb.MultiRecord:
    hea = path.with_name(path.name + ".hea")
    if os.path.isdir(hea) or (os.path.isdir(path) and not os.path.lexists(hea)):
        raise PopbeatError(f"{path} is a folder; give the path of a WFDB record in it, without its ending: {path}/NAME")
    if why := no_file(hea):
        raise PopbeatError(f"record not found: {hea} {why}; give the path of a WFDB record without its ending")
    if hea.stat().st_size > MAX_HEADER_BYTES:
        raise PopbeatError(f"header {hea} has {hea.stat().st_size} bytes, more than any WFDB header; it is no header")
    text = hea.read_bytes().decode("ascii", "ignore")  # as wfdb reads it
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    if not lines:
        raise PopbeatError(f"header {hea} has no record line; its first line is: NAME SIGNALS RATE LENGTH")
    _check_record_line(hea, lines[0])
    try:
        return wfdb.rdheader(str(path))
    except OSError:  # told where every command ends: sw.cli.run
        raise
    except IndexError:
        raise PopbeatError(f"header {hea} has a record line that declares segments, and lists none; mend it") from None
    except Exception as error:  # wfdb raises many kinds for malformed headers
        raise PopbeatError(f"header {hea} can't be read as a WFDB header: {error}") from None


def no_file(path: Path) -> str:
    """Why a path is no regular file, in words; empty where it is one. What else the system says is its :class:`OSError`."""
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "is a link that leads nowhere" if os.path.islink(path) else "does not exist"
    return "" if stat.S_ISREG(mode) else "is no regular file"


# The fields of a record line in their order, what they are called and how header(5) writes them.
RECORD_LINE = (
    ("record name", r"[-\w]+(/\d+)?", "letters, digits, - and _, then /SEGMENTS if there are some"),
    ("number of signals", r"\d{1,6}", "a whole number"),
    (
        "sampling frequency",
        r"(\d+\.?\d*|\.\d+)(/-?(\d+\.?\d*|\.\d+)(\(-?(\d+\.?\d*|\.\d+)\))?)?",
        "a positive decimal number without exponent, as 360 or 128.5",
    ),
    ("number of samples", r"\d{1,18}", "a whole number"),
)


def _check_record_line(hea: Path, line: str) -> None:
    """wfdb takes of a field what its grammar knows and a default for the rest: here such a field is an error."""
    for (name, pattern, wanted), value in zip(RECORD_LINE, line.split(), strict=False):
        if not re.fullmatch(pattern, value):
            raise PopbeatError(f"header {hea} has the {name} {value!r}, which must be {wanted}; mend its record line")
    rate = re.match(r"[^/]+", (line.split()[2:] or ["250"])[0])[0]
    if not 0 < float(rate) < 1e9:
        raise PopbeatError(f"header {hea} gives a sampling frequency of {rate}; it must be positive and below 1e9 Hz")


def _single(path: Path, header: wfdb.Record) -> Header:
    hea = path.with_name(path.name + ".hea")
    signals = _signals(hea, header)
    length = _checked_length(hea, header.sig_len, signals)
    return Header(path, tuple(s.name for s in signals), float(header.fs), length, signals, claimed=header.sig_len or None)


def _signals(hea: Path, header: wfdb.Record) -> tuple[Signal, ...]:
    names = header.sig_name or []
    if not header.n_sig or header.n_sig < 1:
        raise PopbeatError(f"header {hea} declares {header.n_sig} signals; a record to read has at least one")
    if len(names) != header.n_sig or len(header.file_name or []) != header.n_sig:
        raise PopbeatError(f"header {hea} declares {header.n_sig} signals and describes {len(names)}")
    out = []
    for i, name in enumerate(names):
        fmt, file, gain = header.fmt[i], header.file_name[i], header.adc_gain[i]
        if fmt not in BITS and file != LAYOUT:
            raise PopbeatError(
                f"signal file {hea.parent / file} is stored in format {fmt}; "
                f"convert it with WFDB's xform to one of {', '.join(BITS)}"
            )
        # A signal without a description is named by its number, as the WFDB tools do.
        out.append(
            Signal(
                name=str(i) if name is None else name.strip(),
                file=file,
                fmt=fmt,
                per_frame=header.samps_per_frame[i] or 1,
                skew=header.skew[i] or 0,
                offset=header.byte_offset[i] or 0,
                gain=gain if gain and np.isfinite(gain) else 200.0,
                baseline=header.baseline[i] or 0,
                units=header.units[i] or "mV",
                adc_res=_bits(header.adc_res[i]),
                adc_zero=header.adc_zero[i] or 0,
                init=header.init_value[i],
                checksum=header.checksum[i],
            )
        )
    return tuple(out)


def _bits(resolution: int | None) -> int:
    """Bits of a converter; 0, unknown, where a header gives none or more than any sample has."""
    return resolution if resolution is not None and 0 < resolution <= 32 else 0


def _checked_length(hea: Path, claimed: int | None, signals: tuple[Signal, ...]) -> int:
    """Frames of the record that are there of every signal: those that its header claims, else those that its files hold, less the
    largest skew."""
    lengths = []
    for name in dict.fromkeys(s.file for s in signals):
        target, members = hea.parent / name, [s for s in signals if s.file == name]
        if why := no_file(target):
            raise PopbeatError(f"header {hea} names the signal file {name!r}, and {target} {why}")
        if len({(s.fmt, s.offset) for s in members}) > 1:
            raise PopbeatError(f"header {hea} gives the signals of {target} different formats or offsets; a file has one of each")
        held = _frames(target, members)
        skew = max(s.skew for s in members)
        if not 0 <= skew <= held:
            raise PopbeatError(f"header {hea} shifts a signal by {skew} samples; {target} holds {max(held, 0)}")
        if claimed and claimed > held:
            raise PopbeatError(
                f"header {hea} claims {claimed} samples a signal, and {target} holds {max(held, 0)}: "
                "the file is truncated or the header wrong; fetch the record again"
            )
        # Behind a shift a signal goes on to the end of its file, and not beyond the record.
        lengths.append(min(held - skew, claimed or held))
    length = min(lengths)
    if length < 1:
        raise PopbeatError(f"record {hea.with_suffix('')} holds no samples")
    return length


def _frames(target: Path, members: list[Signal]) -> int:
    """Whole frames that a signal file holds."""
    first, per_frame = members[0], sum(s.per_frame for s in members)
    if first.fmt not in FLAC:
        return int((target.stat().st_size - first.offset) / (per_frame * BYTES_PER_SAMPLE[first.fmt]))
    try:
        seen = soundfile.info(str(target))
    except (RuntimeError, OSError) as error:
        raise PopbeatError(f"signal file {target} can't be read as FLAC, its format {first.fmt}: {error}") from None
    if seen.channels != len(members) or len({s.per_frame for s in members}) > 1:
        raise PopbeatError(
            f"signal file {target} has {seen.channels} channels of one rate, and its header gives it {len(members)} signals with "
            f"{', '.join(str(s.per_frame) for s in members)} samples a frame; mend the header"
        )
    return (seen.frames - first.offset) // first.per_frame


def _several(path: Path, header: wfdb.MultiRecord) -> Header:
    """A record of several segments, of which each is a record by itself: in fixed layout with the same signals in all, in variable
    layout with those that the layout, its first segment, lists."""
    hea = path.with_name(path.name + ".hea")
    names, lengths = header.seg_name, header.seg_len
    if not 0 < len(names) <= MAX_SEGMENTS or len(names) != header.n_seg:
        raise PopbeatError(f"header {hea} declares {header.n_seg} segments and lists {len(names)}")
    parts: dict[str, Header] = {}
    layout = None
    if lengths[0] == 0:
        layout = _layout(path.parent / names[0])
        names, lengths = names[1:], lengths[1:]
    for name in dict.fromkeys(names):
        if name != LAYOUT:
            parts[name] = _segment(hea, path.parent / name, header.fs)
    if not parts:
        raise PopbeatError(f"record {path} holds no samples: all of its segments are gaps")
    signals = layout or next(iter(parts.values())).signals
    for name, length in zip(names, lengths, strict=True):
        if name in parts and length > parts[name].length:
            raise PopbeatError(f"header {hea} claims {length} samples of segment {name}, which holds {parts[name].length}")
        if name in parts and layout is None and len(parts[name].signals) != len(signals):
            raise PopbeatError(f"segment {name} of {hea} has {len(parts[name].signals)} signals, and the first one {len(signals)}")
    total = sum(lengths)
    if header.sig_len and header.sig_len != total:
        raise PopbeatError(f"header {hea} claims {header.sig_len} samples, and its segments have {total}; mend its record line")
    segments = tuple((parts.get(name), length) for name, length in zip(names, lengths, strict=True))
    return Header(path, tuple(s.name for s in signals), float(header.fs), total, signals, segments)


def _layout(path: Path) -> tuple[Signal, ...]:
    header = _parsed(path)
    if isinstance(header, wfdb.MultiRecord):
        raise PopbeatError(f"segment {path} has segments itself; header(5) allows none in a segment")
    return _signals(path.with_name(path.name + ".hea"), header)


def _segment(hea: Path, path: Path, rate: float) -> Header:
    header = _parsed(path)
    if isinstance(header, wfdb.MultiRecord):
        raise PopbeatError(f"segment {path} has segments itself; header(5) allows none in a segment")
    if header.fs != rate:
        raise PopbeatError(f"segment {path} has {header.fs} Hz, and its record {hea} {rate} Hz; mend one of the headers")
    return _single(path, header)
