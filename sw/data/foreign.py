"""Recordings of other databases as the hardware takes them: any lead, rate and range of a WFDB record."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy import signal

from sw import cli
from sw.data import records, tasks
from sw.errors import PopbeatError

PREFERRED = "MLII"
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


def clock(header: records.Header) -> Clock:
    """The clock of a record; a rate that popbeat does not take is an error."""
    if not RATES[0] <= header.rate <= RATES[1]:
        raise PopbeatError(f"record {header.path} has {header.rate:g} Hz; classified are records of {RATES[0]} to {RATES[1]} Hz")
    ratio = (Fraction(tasks.RATE) / Fraction(header.rate)).limit_denominator(MAX_DENOMINATOR)
    return Clock(header.rate, ratio, 1, header.length)


def choose_lead(header: records.Header, lead: str) -> str:
    """The lead that was asked for, else MLII, else the first one (with a notice)."""
    if lead:
        header.lead_index(lead)
        return lead
    if PREFERRED in header.leads:
        return PREFERRED
    cli.warn(f"record {header.path.name} has no {PREFERRED}, which the models were trained on; taking {header.leads[0]}")
    return header.leads[0]


def prepare(header: records.Header, lead: str, raw_bits: int) -> np.ndarray:
    """Raw samples ``int16[n]`` at 360 Hz, of ``raw_bits``. Missing samples keep the last value; another rate is resampled
    and a wider range halved as often as needed, each with a notice."""
    ratio = clock(header).ratio
    values = records.read_signal(header, lead).astype(np.float64)
    gone = records.read_missing(header, lead)
    if gone.all():
        raise PopbeatError(f"lead {lead} of record {header.path} has no valid sample")
    if gone.any():
        cli.warn(f"{int(gone.sum())} samples of lead {lead} are marked missing; each keeps the value before it")
        last = np.maximum.accumulate(np.where(gone, 0, np.arange(len(values))))
        values = values[np.where(gone, np.maximum(last, int(np.argmin(gone))), np.arange(len(values)))]
    if header.rate != tasks.RATE:
        cli.warn(f"record {header.path.name} has {header.rate:g} Hz and is resampled to {tasks.RATE} Hz")
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
