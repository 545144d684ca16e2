"""Recordings of other databases as the hardware takes them: any lead, rate, range and length."""

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from scipy import ndimage
from scipy import signal as signal_tools

from sw import cli
from sw.data import headers, records, tasks
from sw.errors import PopbeatError

RATES = (50, 10_000)
# Resampling by a ratio with a larger denominator takes long filters; a nearer rate with a smaller one is taken instead.
MAX_DENOMINATOR = 1000
GAIN = 200  # units a millivolt of MIT-BIH
MIN_REACH = 50  # units of it; of a smaller signal more bits are kept
FLAT_MILLIVOLT = 0.005  # one of its units
# A window, or the samples of a beat, of which a larger share is missing, flat or clipped is no call.
MAX_FAULTY = 0.2
# A lead is read and resampled so many seconds at a time, with some more on both sides, so that a day of it takes little memory.
STRETCH, BESIDE = 3600, 2


@dataclass(frozen=True)
class Clock:
    """The time of a record beside that of its samples at 360 Hz: its ``rate`` in Hz, ``ratio`` samples at 360 Hz a sample of the
    lead, ``per_frame`` samples of the lead a frame (a record counts frames), ``length`` of the record in frames, ``first`` the
    frame that was read first."""

    rate: float = tasks.RATE
    ratio: Fraction = Fraction(1)
    per_frame: int = 1
    length: int | None = None
    first: int = 0

    def own(self, position: np.ndarray) -> np.ndarray:
        """Places ``int[n]`` in samples at 360 Hz as sample numbers of the record ``int64[n]``."""
        up, down = self.ratio.as_integer_ratio()
        frames = self.first + (np.asarray(position, np.int64) * down + up // 2) // up // self.per_frame
        return frames if self.length is None else np.minimum(frames, self.length - 1)

    def seconds(self, position: np.ndarray) -> np.ndarray:
        """Places ``int[n]`` in samples at 360 Hz as seconds of the record ``float64[n]``."""
        return self.first / self.rate + np.asarray(position) / tasks.RATE


def clock(header: records.Header, lead: str | int) -> Clock:
    """The clock of a lead; a rate that popbeat does not take is an error."""
    rate, per_frame = header.rate_of(lead), header.signals[header.lead_index(lead)].per_frame
    if not RATES[0] <= rate <= RATES[1]:
        raise PopbeatError(f"record {header.path} has {rate:g} Hz; classified are records of {RATES[0]} to {RATES[1]} Hz")
    ratio = (Fraction(tasks.RATE) / Fraction(rate)).limit_denominator(MAX_DENOMINATOR)
    return Clock(rate / per_frame, ratio, per_frame, header.length_of(lead))


def choose_lead(header: records.Header, lead: str) -> int:
    """Index of the lead that was asked for, by name or number; else of the one that the models know best: MLII, II, modified leads,
    other leads by name, other voltages. What is no ECG by its name or unit is never chosen, and told where it was asked for."""
    ranks = [s.rank for s in header.signals]
    if lead:
        index = header.lead_index(lead)
        if ranks[index] is None:
            units = header.signals[index].units
            cli.warn(f"lead {header.leads[index]} of record {header.path.name} is no ECG by its name or its unit ({units})")
        return index
    known = [rank for rank in ranks if rank is not None]
    if not known:
        listed = ", ".join(f"{i} {s.name} ({s.units})" for i, s in enumerate(header.signals))
        raise PopbeatError(f"record {header.path} has no ECG by names and units: {listed}; if one is, give its number: LEAD=")
    index = ranks.index(min(known))
    if ranks[index]:
        cli.warn(f"record {header.path.name} has no MLII, which the models were trained on; taking {header.leads[index]}")
    return index


def check(header: records.Header, lead: int, strict: bool = False) -> list[str]:
    """What a lead's samples contradict of its header, and where its segments change their scale; each is told, and with ``strict``
    damage is an error."""
    damage = records.damaged(header, lead)
    if damage and strict:
        raise PopbeatError(damage[0])
    wanted, scales = header.signals[lead], []
    for part in dict.fromkeys(part for part, _ in header.segments if part):
        own = records.segment_lead(header, part, lead)
        signal = wanted if own is None else part.signals[own]
        if (signal.gain, signal.baseline) != (wanted.gain, wanted.baseline):
            scales.append(
                f"segment {part.path.name} has {signal.gain:g} units per {signal.units} from {signal.baseline} on, and the record "
                f"{wanted.gain:g} from {wanted.baseline} on: it is scaled to the record"
            )
    for line in (*damage, *scales):
        cli.warn(line)
    return [*damage, *scales]


@dataclass(frozen=True)
class Lead:
    """A lead for the hardware: ``values`` ``float64[n]`` at 360 Hz in units of the record, samples of ``raw_bits`` as the hardware
    takes them, ``gain`` in units a millivolt (0: unknown); ``faults``: which samples of the record are missing, flat or clipped,
    ``bool[m]`` each at the lead's own rate; ``done``: what was done to the samples, in words."""

    path: Path
    name: str
    values: np.ndarray
    clock: Clock
    raw_bits: int
    gain: float
    faults: dict[str, np.ndarray]
    done: tuple[str, ...] = ()

    def windows(self, length: int) -> np.ndarray:
        """Raw samples ``int16[windows, length]``, one window behind the other. A window whose samples need more than ``raw_bits``
        is centred and scaled by itself: the hardware normalises each window anyway."""
        count = len(self.values) // length
        if not count:
            raise PopbeatError(
                f"lead {self.name} of record {self.path} has {len(self.values):,} samples at {tasks.RATE} Hz, and a window takes "
                f"{length:,} ({length / tasks.RATE:g} s); take a longer record"
            )
        limit, out = 1 << (self.raw_bits - 1), []
        for window in self.values[: count * length].reshape(count, length):
            low, high = float(window.min()), float(window.max())
            if low < -limit or high >= limit:
                scale = self._scale((high - low) / 2 + 1, limit)
                window = (window - low) / scale - np.round((high - low) / 2 / scale)
            out.append(np.clip(np.round(window), -limit, limit - 1).astype(np.int16))
        return np.stack(out)

    def stream(self) -> np.ndarray:
        """Raw samples ``int16[n]`` of the whole lead on one scale. Where they need more than ``raw_bits`` they are centred, and
        scaled until twice the reach of nine seconds in ten fits: what lies beyond is cut off."""
        limit, values = 1 << (self.raw_bits - 1), self.values
        if values.min() < -limit or values.max() >= limit:
            values = values - np.quantile(values, 0.5, method="nearest")
            seconds = np.abs(values[: len(values) // tasks.RATE * tasks.RATE].reshape(-1, tasks.RATE)).max(axis=1)
            usual = np.quantile(seconds, 0.9) if len(seconds) else np.inf
            values = values / self._scale(min(2 * usual, np.abs(values).max()) + 1, limit)
        return np.clip(np.round(values), -limit, limit - 1).astype(np.int16)

    def _scale(self, reach: float, limit: int) -> float:
        """By what values that reach so far from 0 are divided to stay below ``limit``: by what makes units of them as MIT-BIH has
        them, where the lead's gain says so and leaves enough of them, else by the least power of two."""
        power = 2.0 ** max(0, int(np.ceil(np.log2(reach / limit))))
        own = self.gain / GAIN
        return own if own >= power and reach / own >= MIN_REACH else power

    def shares(self, start: np.ndarray, length: int) -> list[dict[str, float]]:
        """Of windows of ``length`` samples at 360 Hz that begin at ``start`` (``int[n]``): the shares of the record's samples in
        them that are missing, flat and clipped, and ``faulty``, any of these."""
        up, down = self.clock.ratio.as_integer_ratio()
        first, last = ((np.asarray(start, np.int64) + more) * down // up for more in (0, length))
        out = {}
        for kind, marks in (self.faults | {"faulty": np.any(list(self.faults.values()), axis=0)}).items():
            sums = np.concatenate([np.zeros(1, np.int32), np.cumsum(marks, dtype=np.int32)])
            inside = sums[np.clip(last, 0, len(marks))] - sums[np.clip(first, 0, len(marks))]
            out[kind] = np.round(inside / np.maximum(last - first, 1), 3).tolist()
        return [dict(zip(out, row, strict=True)) for row in zip(*out.values(), strict=True)]


def prepare(
    header: records.Header, lead: int, raw_bits: int, invert: bool = False, span: tuple[float, float] = (0, np.inf)
) -> Lead:
    """A lead as the hardware takes it, at 360 Hz, between two times of a ``span`` in seconds; upside down with ``invert``, and once
    more where its gain is negative. Missing samples keep the last value; another rate is resampled and a wider range scaled, each
    with a notice. Missing, flat and clipped samples are those of the record itself."""
    time, name = clock(header, lead), header.leads[lead]
    # A negative gain means that the lead is stored upside down.
    stored_inverted = header.signals[lead].gain < 0
    first, last = _frames_of(header, time, span)
    time = replace(time, first=first)
    reader = Stretches(header, lead, time, invert != stored_inverted)
    made = [reader.read(start, min(start + reader.step, last)) for start in range(first, last, reader.step)]
    if reader.lowest is None:
        raise PopbeatError(f"lead {name} of record {header.path} has no valid sample{_between(span)}")
    values = np.concatenate([values for values, _ in made])
    faults = {kind: np.concatenate([faults[kind] for _, faults in made]) for kind in made[0][1]}
    done = _done(header, lead, time, reader, faults, raw_bits)
    if stored_inverted:
        done.insert(0, f"the header gives lead {name} a negative gain: it is stored upside down, and turned{' twice' * invert}")
    for line in done:
        cli.warn(line)
    return Lead(header.path, name, values, time, raw_bits, _gain(header.signals[lead]), faults, tuple(done))


def _frames_of(header: records.Header, time: Clock, span: tuple[float, float]) -> tuple[int, int]:
    """First and last frame of a span in seconds, which must lie in the record."""
    seconds = time.length / time.rate
    if not 0 <= span[0] < min(span[1], seconds):
        raise PopbeatError(f"record {header.path} lasts {seconds:.1f} s; nothing of it lies{_between(span)}")
    if span[1] > seconds and span[1] != np.inf:
        cli.warn(f"record {header.path.name} ends at {seconds:.1f} s, before {span[1]:g} s")
    return int(span[0] * time.rate), min(time.length, int(np.ceil(min(span[1], seconds) * time.rate)))


def _between(span: tuple[float, float]) -> str:
    end = "its end" if span[1] == np.inf else f"{span[1]:g} s"
    return "" if span == (0, np.inf) else f" between {span[0]:g} s and {end}"


class Stretches:
    """Reads a lead stretch by stretch, each with some seconds on both sides that take part in filters and are cut off again."""

    def __init__(self, header: records.Header, lead: int, time: Clock, invert: bool):
        self.header, self.lead, self.time, self.invert = header, lead, time, invert
        # A stretch begins where a sample at 360 Hz lies on one of the record.
        unit = time.ratio.denominator
        self.step = -(-int(STRETCH * time.rate) // unit) * unit
        self.beside = -(-int(BESIDE * time.rate + 1) // unit) * unit
        self.held = self.turned = None  # the last valid value, and what a lead is turned about
        self.lowest, self.highest = None, None

    def read(self, start: int, stop: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The frames ``start`` to ``stop``: values at 360 Hz ``float64[n]``, and faults as :class:`Lead` has them."""
        time = self.time
        before = min(start - time.first, self.beside) if start > time.first else 0
        behind = min(time.length - stop, self.beside)
        raw, gone = records.read_lead(self.header, self.lead, start - before, stop + behind)
        own = slice(before * time.per_frame, len(raw) - behind * time.per_frame)
        signal = self.header.signals[self.lead]
        if gone.all():
            faults = {"missing": gone, "flat": np.zeros(len(gone), bool), "clipped": np.zeros(len(gone), bool)}
        else:
            faults = find_faults(signal, raw, gone, self.header.rate_of(self.lead))
        values = self._whole(raw.astype(np.float64), gone)
        if not gone[own].all():
            valid = values[own]
            self.lowest = min(valid.min(), np.inf if self.lowest is None else self.lowest)
            self.highest = max(valid.max(), -np.inf if self.highest is None else self.highest)
            self.held = valid[-1]
        up, down = time.ratio.as_integer_ratio()
        if time.ratio != 1:
            base = np.median(values)
            values = signal_tools.resample_poly(values - base, up, down) + base
        first = before * time.per_frame * up // down
        count = -(-(stop - start) * time.per_frame * up // down)
        return values[first : first + count], {kind: marks[own] for kind, marks in faults.items()}

    def _whole(self, values: np.ndarray, gone: np.ndarray) -> np.ndarray:
        """Values without gaps, upside down where that was asked for."""
        if self.invert and not gone.all():
            if self.turned is None:
                self.turned = values[~gone].max() + values[~gone].min()
            values = self.turned - values
        if gone.any():
            first = values[int(np.argmin(gone))] if not gone.all() else 0.0
            last = np.maximum.accumulate(np.where(gone, -1, np.arange(len(values))))
            values = np.where(last < 0, first if self.held is None else self.held, values[last])
        return values


def _done(
    header: records.Header, lead: int, time: Clock, reader: Stretches, faults: dict[str, np.ndarray], raw_bits: int
) -> list[str]:
    """What was done to the samples of a lead, in words."""
    name, done = header.leads[lead], []
    if faults["missing"].any():
        done.append(f"{int(faults['missing'].sum())} samples of lead {name} are marked missing; each keeps the value before it")
    for kind, what in (("flat", "do not change for a second"), ("clipped", "stand at the end of their range")):
        if faults[kind].any():
            done.append(f"{int(faults[kind].sum())} samples of lead {name} {what}; windows with many of them are no call")
    if reader.invert:
        done.append(f"lead {name} is turned upside down")
    limit = 1 << (raw_bits - 1)
    if reader.lowest < -limit or reader.highest >= limit:
        done.append(
            f"samples reach from {reader.lowest:g} to {reader.highest:g}: windows that need more than {raw_bits} bits are centred "
            f"and scaled, each by itself, to {GAIN} units a mV or by halving; for beats the whole lead is, and what lies far "
            "beyond its usual reach is cut off"
        )
    if time.ratio != 1:
        rate = header.rate_of(lead)
        error = _error(time.ratio, rate)
        done.append(f"lead {name} of record {header.path.name} has {rate:g} Hz and is resampled to {tasks.RATE} Hz{error}")
    return done


def _gain(of: records.Signal) -> float:
    """Units a millivolt; 0 where the unit is none of voltage."""
    return abs(of.gain) / {"v": 1e3, "mv": 1.0, "uv": 1e-3, "nv": 1e-6}.get(of.units.lower(), np.inf)


def find_faults(of: records.Signal, values: np.ndarray, gone: np.ndarray, rate: float) -> dict[str, np.ndarray]:
    """Which samples ``int32[n]`` of a record are ``missing``, ``flat`` or ``clipped``, ``bool[n]`` each. Flat: they lie in a second
    whose range is one unit or 5 uV (but never more than a hundredth of the lead's usual range). Clipped: at an end of what
    converter or format can say, or for 20 ms at the largest or least value of the lead."""
    valid = values[~gone].astype(np.int64)
    held = np.where(gone, valid.min() - (1 << 40), values).astype(np.int64)  # no stretch with a gap in it is flat
    usual = np.subtract(*np.quantile(valid, (0.99, 0.01)))
    second = min(max(2, round(rate)), len(held))
    tolerance = max(1, min(FLAT_MILLIVOLT * _gain(of), usual / 100))
    flat = _dilated(_range(held, second) <= tolerance, second) & ~gone
    low, high = valid.min(), valid.max()
    run = min(max(3, round(0.02 * rate)), len(held))
    at_end = (held == low) | (held == high)
    clipped = at_end & _dilated(_range(held, run) == 0, run)
    bits = headers.BITS.get(of.fmt, 32)
    for zero, width in ((0, bits), (of.adc_zero, of.adc_res)):
        bottom, top = zero - (1 << width >> 1), zero + (1 << width >> 1) - 1
        if width and bottom <= low and high <= top:  # else the header's resolution is not that of its samples
            clipped |= (held <= bottom + (zero == 0 and width == bits)) | (held >= top)
    return {"missing": gone, "flat": flat, "clipped": clipped & ~gone}


def _range(values: np.ndarray, length: int) -> np.ndarray:
    """The range of values ``int64[n]`` in each stretch of ``length``, ``int64[n - length + 1]``, by its first place."""
    middle, count = length // 2, len(values) - length + 1
    return (ndimage.maximum_filter1d(values, length) - ndimage.minimum_filter1d(values, length))[middle : middle + count]


def _dilated(starts: np.ndarray, length: int) -> np.ndarray:
    """Marks ``bool[n]`` of all places in stretches of ``length`` whose ``starts`` (``bool[n - length + 1]``) are marked."""
    edges = np.zeros(len(starts) + length, np.int64)
    np.add.at(edges, np.flatnonzero(starts), 1)
    np.add.at(edges, np.flatnonzero(starts) + length, -1)
    return np.cumsum(edges)[:-1] > 0


def _error(ratio: Fraction, rate: float) -> str:
    """How far the ratio of resampling is from the true one, in words; nothing where it is exact."""
    error = abs(float(ratio) * rate / tasks.RATE - 1)
    return f", {error:.0e} of it too fast or too slow" if error > 1e-12 else ""
