"""Recordings of other databases as the hardware takes them: any lead, rate and range of a WFDB record."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from scipy import ndimage, signal

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


@dataclass(frozen=True)
class Clock:
    """The time of a record beside that of its samples at 360 Hz: its ``rate`` in Hz, ``ratio`` samples at 360 Hz a sample of the
    lead, ``per_frame`` samples of the lead a frame (a record counts frames), ``length`` of the record in frames."""

    rate: float = tasks.RATE
    ratio: Fraction = Fraction(1)
    per_frame: int = 1
    length: int | None = None

    def own(self, position: np.ndarray) -> np.ndarray:
        """Places ``int[n]`` in samples at 360 Hz as sample numbers of the record ``int64[n]``."""
        up, down = self.ratio.as_integer_ratio()
        frames = (np.asarray(position, np.int64) * down + up // 2) // up // self.per_frame
        return frames if self.length is None else np.minimum(frames, self.length - 1)


def clock(header: records.Header, lead: str | int) -> Clock:
    """The clock of a lead; a rate that popbeat does not take is an error."""
    rate, per_frame = header.rate_of(lead), header.signals[header.lead_index(lead)].per_frame
    if not RATES[0] <= rate <= RATES[1]:
        raise PopbeatError(f"record {header.path} has {rate:g} Hz; classified are records of {RATES[0]} to {RATES[1]} Hz")
    ratio = (Fraction(tasks.RATE) / Fraction(rate)).limit_denominator(MAX_DENOMINATOR)
    return Clock(header.rate, ratio, per_frame, header.length)


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
            sums = np.concatenate([[0], np.cumsum(marks)])
            inside = sums[np.clip(last, 0, len(marks))] - sums[np.clip(first, 0, len(marks))]
            out[kind] = np.round(inside / np.maximum(last - first, 1), 3).tolist()
        return [dict(zip(out, row, strict=True)) for row in zip(*out.values(), strict=True)]


def prepare(header: records.Header, lead: int, raw_bits: int, invert: bool = False) -> Lead:
    """A lead as the hardware takes it, at 360 Hz, upside down with ``invert``. Missing samples keep the last value; another rate is
    resampled and a wider range scaled, each with a notice. Missing, flat and clipped samples are those of the record itself."""
    time, rate, name = clock(header, lead), header.rate_of(lead), header.leads[lead]
    values, gone = records.read_lead(header, lead)
    if gone.all():
        raise PopbeatError(f"lead {name} of record {header.path} has no valid sample")
    faults, done = find_faults(header.signals[lead], values, gone, rate), []
    values = values.astype(np.float64)
    if gone.any():
        done.append(f"{int(gone.sum())} samples of lead {name} are marked missing; each keeps the value before it")
        last = np.maximum.accumulate(np.where(gone, 0, np.arange(len(values))))
        values = values[np.where(gone, np.maximum(last, int(np.argmin(gone))), np.arange(len(values)))]
    for kind, what in (("flat", "do not change for a second"), ("clipped", "stand at the end of their range")):
        if faults[kind].any():
            done.append(f"{int(faults[kind].sum())} samples of lead {name} {what}; windows with many of them are no call")
    if invert:
        done.append(f"lead {name} is turned upside down")
        values = values.max() + values.min() - values
    limit = 1 << (raw_bits - 1)
    if values.min() < -limit or values.max() >= limit:
        done.append(
            f"samples reach from {values.min():g} to {values.max():g}: windows that need more than {raw_bits} bits are centred and "
            f"scaled, each by itself, to {GAIN} units a mV or by halving; for beats the whole lead is, and what lies far beyond "
            "its usual reach is cut off"
        )
    if time.ratio != 1:
        error = _error(time.ratio, rate)
        done.append(f"lead {name} of record {header.path.name} has {rate:g} Hz and is resampled to {tasks.RATE} Hz{error}")
        base = np.median(values)
        values = signal.resample_poly(values - base, time.ratio.numerator, time.ratio.denominator) + base
    for line in done:
        cli.warn(line)
    return Lead(header.path, name, values, time, raw_bits, _gain(header.signals[lead]), faults, tuple(done))


def _gain(of: records.Signal) -> float:
    """Units a millivolt; 0 where the unit is none of voltage."""
    return of.gain / {"v": 1e3, "mv": 1.0, "uv": 1e-3, "nv": 1e-6}.get(of.units.lower(), np.inf)


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
