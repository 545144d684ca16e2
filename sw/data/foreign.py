"""Recordings of other databases as the hardware takes them: any lead, rate and range of a WFDB record."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy import signal

from sw import cli
from sw.data import records, tasks
from sw.errors import PopbeatError

RATES = (50, 10_000)
# Resampling by a ratio with a larger denominator takes long filters; a nearer rate with a smaller one is taken instead.
MAX_DENOMINATOR = 1000


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


def prepare(header: records.Header, lead: int, raw_bits: int, invert: bool = False) -> np.ndarray:
    """Raw samples ``int16[n]`` at 360 Hz, of ``raw_bits``, upside down with ``invert``. Missing samples keep the last value;
    another rate is resampled and a wider range halved as often as needed, each with a notice."""
    ratio, rate, name = clock(header, lead).ratio, header.rate_of(lead), header.leads[lead]
    values, gone = records.read_lead(header, lead)
    values = values.astype(np.float64)
    if gone.all():
        raise PopbeatError(f"lead {name} of record {header.path} has no valid sample")
    if gone.any():
        cli.warn(f"{int(gone.sum())} samples of lead {name} are marked missing; each keeps the value before it")
        last = np.maximum.accumulate(np.where(gone, 0, np.arange(len(values))))
        values = values[np.where(gone, np.maximum(last, int(np.argmin(gone))), np.arange(len(values)))]
    if invert:
        cli.warn(f"lead {name} is turned upside down")
        values = values.max() + values.min() - values
    if ratio != 1:
        cli.warn(
            f"lead {name} of record {header.path.name} has {rate:g} Hz and is resampled to {tasks.RATE} Hz{_error(ratio, rate)}"
        )
        base = np.median(values)
        values = signal.resample_poly(values - base, ratio.numerator, ratio.denominator) + base
    limit = 1 << (raw_bits - 1)
    if values.min() < -limit or values.max() >= limit:
        centre = np.round((values.min() + values.max()) / 2)
        reach = np.abs(values - centre).max()
        halvings = max(0, int(np.ceil(np.log2((reach + 1) / limit))))
        cli.warn(
            f"samples reach from {values.min():g} to {values.max():g}: centred" + f", halved {halvings} times" * (halvings > 0)
        )
        values = (values - centre) / 2**halvings
    return np.clip(np.round(values), -limit, limit - 1).astype(np.int16)


def _error(ratio: Fraction, rate: float) -> str:
    """How far the ratio of resampling is from the true one, in words; nothing where it is exact."""
    error = abs(float(ratio) * rate / tasks.RATE - 1)
    return f", {error:.0e} of it too fast or too slow" if error > 1e-12 else ""
