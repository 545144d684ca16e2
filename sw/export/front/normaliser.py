"""The z-score of a window in exact integers: raw ADC units in, Q3.8 out, as the hardware computes it.

With N samples x, S1 = sum x, S2 = sum x^2, d = N*x - S1 and V = N*S2 - S1^2, the z-score by the window's own mean and unbiased
standard deviation is z = d * sqrt((N-1)/N) / sqrt(V). In integers, once a window:

    e    = the number of doublings that bring V * 4^e into [2^(2m-2), 2^(2m))      (m = ``root_bits``)
    root = floor(sqrt(V * 4^e))                                                    (m bits, top bit set)
    r    = floor(C / root),  C = round(2^8 * sqrt((N-1)/N) * 2^c)                  (``reciprocal_bits`` bits)

and for every sample z = saturate(round(d * r / 2^(c - e))), halves away from zero, in 12 bits of which 8 are behind the point.

Error: root's floor costs less than 2^-(m-1) and r's less than 2^-(w-1) of the value (w bits, top bit set up to rounding), and a
value beyond 2^11 saturates anyway, so z moves by less than 2^11 * (2^-(w-1) + 2^-(m-1)) units before rounding. The width w is
the smallest that keeps this under ``TOLERANCE`` units: rounded, z is within one unit of float64, and equal unless the float
value lies that close to a half.

A flat window has V = 0 and no deviation: z is 0 throughout and the window is marked flat ("no call").
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sw.export.rounding import round_half_away, saturate, shift_round
from sw.networks import MAX_WINDOW

TOLERANCE = 1 / 8


@dataclass(frozen=True)
class NormaliserSpec:
    """Parameters of the normaliser: samples a window, bits of a raw sample (signed), bits of z and those behind its point."""

    window: int = 3600
    raw_bits: int = 12
    z_bits: int = 12
    z_fraction: int = 8

    def __post_init__(self):
        for name, value in vars(self).items():
            if type(value) is not int:
                raise ValueError(f"{name} of a normaliser is an integer, not {value!r}")
        if not 2 <= self.window <= MAX_WINDOW:
            raise ValueError(f"a window has 2 to {MAX_WINDOW} samples, not {self.window}")
        if not 2 <= self.raw_bits <= 16:
            raise ValueError(f"raw samples have 2 to 16 bits, not {self.raw_bits}")
        if not 1 <= self.z_fraction < self.z_bits <= 16:
            raise ValueError(f"{self.z_fraction} bits behind the point do not fit into {self.z_bits}, of at most 16")
        _ = self.reciprocal_bits

    @cached_property
    def sum_bits(self) -> int:
        """Bits of S1, signed."""
        return self.raw_bits + (self.window - 1).bit_length()

    @cached_property
    def square_bits(self) -> int:
        """Bits of S2, unsigned."""
        return (self.window << (2 * self.raw_bits - 2)).bit_length()

    @cached_property
    def difference_bits(self) -> int:
        """Bits of d = N*x - S1, signed."""
        return (self.window * ((1 << self.raw_bits) - 1)).bit_length() + 1

    @cached_property
    def root_bits(self) -> int:
        """m: V < 2^(2m) for every window. V is largest with half the samples at each end of the range."""
        return math.isqrt(self.window**2 * ((1 << self.raw_bits) - 1) ** 2 // 4).bit_length()

    @cached_property
    def reciprocal_bits(self) -> int:
        """w: the smallest width whose error bound stays under ``TOLERANCE``."""
        limit = 1 << (self.z_bits - 1)
        for bits in range(2, 64):
            if limit * (2.0 ** -(bits - 1) + 2.0 ** -(self.root_bits - 1)) < TOLERANCE:
                return bits
        raise ValueError(f"{self.window} samples of {self.raw_bits} bits are too few for z in {self.z_bits} bits")

    @cached_property
    def point(self) -> int:
        """c, the binary point of r before the exponent: C = 2^(z_fraction + c) nearly, and r fills its width."""
        return self.root_bits - 1 + self.reciprocal_bits - self.z_fraction

    @cached_property
    def numerator(self) -> int:
        """C = round(2^(z_fraction + c) * sqrt((N-1)/N)), computed in integers."""
        square = ((self.window - 1) << (2 * (self.z_fraction + self.point) + 2)) // self.window
        return (math.isqrt(square) + 1) // 2

    @cached_property
    def max_exponent(self) -> int:
        """Largest e: the smallest V other than 0 is N - 1, one sample off by one unit."""
        return self.root_bits - ((self.window - 1).bit_length() + 1) // 2

    def scale(self, s1: np.ndarray, s2: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of the sums S1, S2 of windows ``int64[n]``: (r, shift c - e, flat), each ``[n]``."""
        s1 = np.asarray(s1, dtype=np.int64)
        v = self.window * np.asarray(s2, dtype=np.int64) - s1 * s1
        flat = v == 0
        r, shift = np.zeros_like(v), np.full_like(v, self.point)
        for i in np.flatnonzero(~flat):
            e = self.root_bits - (int(v[i]).bit_length() + 1) // 2
            r[i] = self.numerator // math.isqrt(int(v[i]) << (2 * e))
            shift[i] = self.point - e
        return r, shift, flat

    def apply(self, samples: np.ndarray, s1: np.ndarray, r: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """z of raw samples ``[n, window]`` by the scales ``[n]``."""
        d = self.window * np.asarray(samples, dtype=np.int64) - s1[:, None]
        return saturate(shift_round(d * r[:, None], shift[:, None]), self.z_bits).astype(np.int16)

    def normalise(self, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Raw windows ``int[n, window]`` to (z ``int16[n, window]`` in units of 2^-z_fraction, flat ``bool[n]``)."""
        samples = np.asarray(samples, dtype=np.int64)
        limit = 1 << (self.raw_bits - 1)
        if samples.ndim != 2 or samples.shape[1] != self.window:
            raise ValueError(f"windows have shape [n, {self.window}], not {list(samples.shape)}")
        if samples.size and not -limit <= samples.min() <= samples.max() < limit:
            raise ValueError(f"raw samples lie between {-limit} and {limit - 1}, not {samples.min()} and {samples.max()}")
        s1, s2 = samples.sum(axis=1), (samples * samples).sum(axis=1)
        r, shift, flat = self.scale(s1, s2)
        return self.apply(samples, s1, r, shift), flat

    def normalise_float(self, samples: np.ndarray) -> np.ndarray:
        """The same in float64, rounded to units of 2^-z_fraction: what the integers are held against."""
        samples = np.asarray(samples, dtype=np.float64)
        deviation = samples.std(axis=1, ddof=1, keepdims=True)
        centred = samples - samples.mean(axis=1, keepdims=True)
        z = np.divide(centred, deviation, out=np.zeros_like(centred), where=deviation > 0)
        return saturate(round_half_away(z * (1 << self.z_fraction)), self.z_bits).astype(np.int16)
